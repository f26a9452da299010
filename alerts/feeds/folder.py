"""The folder of the feeds, which several processes write and any web server can serve."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

#: A file of a feed, or of a page of its archive. No slug has a dot.
_FEED_FILE = re.compile(r"\.?(?P<name>[^.]+)(?:\.[0-9]+)?\.(?:rss\.xml|atom\.xml|json)(?:\.new)?")
#: Permissions of what is published; whatever else this program creates is for its user alone.
_PUBLIC_FILE, _PUBLIC_FOLDER, _PASSAGE = 0o644, 0o755, 0o711
#: Seconds to wait for another process, which holds the folder for some milliseconds a feed. One
#: that stands still must not hold up whoever waits: the feeds are tried again in the next round.
_HOLD_TIMEOUT = 10.0
_HOLD_STEP = 0.005


class FeedFolder:
    """A folder of feeds.

    Args:
        path: Where it is; it must exist before it is held or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let no other process or thread hold the folder meanwhile.

        Whoever writes a feed decides while holding it whether its content is the newest.

        Raises:
            OSError: The folder cannot be opened, or another process holds it for too long.
        """
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            end = time.monotonic() + _HOLD_TIMEOUT
            while not _try_lock(descriptor):
                if time.monotonic() > end:
                    raise OSError(errno.EAGAIN, "another process holds it", str(self.path))
                time.sleep(_HOLD_STEP)
            yield
        finally:
            os.close(descriptor)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace files by name, each in one step."""
        for name, content in files.items():
            replace_file(self.path / name, content)

    def delete_feeds(self, names: Collection[str]) -> None:
        """Delete all files of some feeds, drafts and pages of their archives too."""
        for path in self.path.iterdir() if self.path.is_dir() else ():
            found = _FEED_FILE.fullmatch(path.name)
            if found and found["name"] in names:
                path.unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_public_folder(folder: Path) -> None:
    """Create the folder of the feeds, which a web server of another user reads.

    Folders that are created above it can be passed through and not be listed. Those that are there
    keep their permissions.
    """
    missing = [parent for parent in folder.parents if not parent.exists()]
    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    folder.chmod(_PUBLIC_FOLDER)
    for parent in missing:
        parent.chmod(_PASSAGE)


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one step, so that nobody reads half a file."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            os.fchmod(file.fileno(), _PUBLIC_FILE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise

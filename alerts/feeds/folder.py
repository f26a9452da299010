"""The folder of the feeds, which several processes write and any web server can serve."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from crawler.storage import Folder

#: A file of a feed, or of a page of its archive. No slug has a dot.
_FEED_FILE = re.compile(
    r"\.?(?P<name>[^.]+)(?:\.[0-9]+)?\.(?:rss\.xml|atom\.xml|json)(?:\.[0-9a-f]+\.new)?"
)
#: Seconds to wait for another process, which holds the folder for some milliseconds a feed. One
#: that stands still must not hold up whoever waits: the feeds are tried again in the next round.
_HOLD_TIMEOUT = 10.0
_HOLD_STEP = 0.005


class FeedFolder:
    """A folder of feeds, on this machine or in an object store.

    Args:
        folder: Where it is; one on this machine must exist before it is held or written to.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let no other process or thread hold the folder meanwhile.

        Whoever writes a feed decides while holding it whether its content is the newest. An object
        store cannot be held: there, whoever finds afterwards that it was overtaken has the feed
        written again.

        Raises:
            OSError: The folder cannot be opened, or another process holds it for too long.
        """
        path = self.folder.path
        if path is None:
            yield
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            end = time.monotonic() + _HOLD_TIMEOUT
            while not _try_lock(descriptor):
                if time.monotonic() > end:
                    raise OSError(errno.EAGAIN, "another process holds it", str(path))
                time.sleep(_HOLD_STEP)
            yield
        finally:
            os.close(descriptor)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace files by name, each in one step."""
        for name, content in files.items():
            self.folder.write(name, content, is_public=True)

    def delete_feeds(self, names: Collection[str]) -> None:
        """Delete all files of some feeds, drafts and pages of their archives too."""
        for file in self.folder.list_files():
            found = _FEED_FILE.fullmatch(file.name)
            if found and found["name"] in names:
                self.folder.delete(file.name)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

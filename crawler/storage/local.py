"""A folder on this machine."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from crawler.storage.folder import Folder, StoredFile

#: Permissions of what is published; whatever else this program creates is for its user alone.
_PUBLIC_FILE, _PUBLIC_FOLDER, _PASSAGE = 0o644, 0o755, 0o711
#: Seconds after which a draft is left over from a process that was killed: writing takes seconds.
_DRAFT_SECONDS = 3600.0


class LocalFolder(Folder):
    """A folder on this machine."""

    def __init__(self, path: Path | str) -> None:
        """Name a folder, which need not exist."""
        self._path = Path(path)

    def __str__(self) -> str:
        return str(self._path)

    def __repr__(self) -> str:
        return f"LocalFolder({str(self._path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalFolder) and self._path == other._path

    def __hash__(self) -> int:
        return hash(self._path)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def create(self, *, is_public: bool = False) -> None:
        """Make the folder if it is missing.

        Folders that are created above a public one can be passed through and not be listed. Those
        that are there keep their permissions.
        """
        if self._path.is_dir():
            return
        missing = [parent for parent in self._path.parents if not parent.exists()]
        self._path.mkdir(parents=True, exist_ok=True)
        if is_public:
            self._path.chmod(_PUBLIC_FOLDER)
            for parent in missing:
                parent.chmod(_PASSAGE)

    def list_files(self) -> Iterator[StoredFile]:
        """Yield the files, in the order of their names."""
        names = sorted(p.name for p in self._path.iterdir()) if self._path.is_dir() else []
        for name in names:
            if (found := self.find(name)) is not None:
                yield found

    def find(self, name: str) -> StoredFile | None:
        """Return what is known of a file."""
        try:
            stat = os.stat(self._path / name)  # noqa: PTH116  # half as long as that of a Path
        except FileNotFoundError:
            return None
        return StoredFile(
            name,
            stat.st_size,
            datetime.fromtimestamp(stat.st_mtime, UTC),
            f"{stat.st_mtime_ns} {stat.st_size} {stat.st_ino}",
        )

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading."""
        return (self._path / name).open("rb")

    def write(self, name: str, content: bytes | memoryview, *, is_public: bool = False) -> None:
        """Replace a file in one step. Processes that write it at once do not disturb each other."""
        draft = self._path / f".{name}.{secrets.token_hex(8)}.new"
        try:
            with draft.open("wb") as file:
                if is_public:
                    os.fchmod(file.fileno(), _PUBLIC_FILE)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._delete_old_drafts(name, draft.stat().st_mtime)
            draft.replace(self._path / name)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise

    def _delete_old_drafts(self, name: str, now: float) -> None:
        """Delete what processes that were killed have left of a file."""
        for draft in self._path.glob(f".{name}.*.new"):
            with suppress(FileNotFoundError):  # another process was faster
                if draft.stat().st_mtime < now - _DRAFT_SECONDS:
                    draft.unlink()

    def patch(self, name: str, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Overwrite pieces of a file in place."""
        with (self._path / name).open("r+b") as file:
            for place, piece in pieces:
                file.seek(place)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def delete(self, name: str) -> None:
        """Delete a file if it is there."""
        (self._path / name).unlink(missing_ok=True)

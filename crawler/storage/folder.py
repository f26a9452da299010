"""What every folder can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec


class FolderError(ValueError):
    """A folder's name is wrong. The message says how it is written."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file in a folder."""

    name: str
    size: int  #: bytes
    modified_at: datetime  #: aware, in UTC
    version: str  #: differs whenever the file was replaced


class Folder(ABC):
    """A folder with files, and none below it. Threads may share it.

    Names of files have no slash. ``str(folder)`` is the path or the URL, for messages.
    """

    @property
    @abstractmethod
    def path(self) -> Path | None:
        """Where it is on this machine; None if it is not."""

    @abstractmethod
    def create(self, *, is_public: bool = False) -> None:
        """Make the folder if it is missing.

        Args:
            is_public: Other users of this machine may list it, and read what is public in it.
        """

    @abstractmethod
    def list_files(self) -> Iterator[StoredFile]:
        """Yield the files, in the order of their names; nothing for a folder that is missing."""

    @abstractmethod
    def find(self, name: str) -> StoredFile | None:
        """Return what is known of a file; None if there is none."""

    @abstractmethod
    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading, from any place in it.

        Raises:
            FileNotFoundError: There is no such file.
        """

    @abstractmethod
    def write(self, name: str, content: bytes | memoryview, *, is_public: bool = False) -> None:
        """Replace a file as a whole, so that nobody reads half of it; make it if it is missing.

        Args:
            name: The file.
            content: What it is to hold.
            is_public: Other users of this machine may read it.
        """

    @abstractmethod
    def patch(self, name: str, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Overwrite pieces of a file, each given with its place; the file stays as long as it is.

        Whoever appends to a file on this machine meanwhile is not disturbed.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file if it is there."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        try:
            with self.open(name) as file:
                return file.read()
        except FileNotFoundError:
            return None

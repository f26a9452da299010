"""Folders in which the service keeps files: on this machine, or in an object store.

Owns how a file is replaced, read and listed in either. Captured pages, feeds, compiled topics and
the sent log are kept in such folders, so that any machine of a service finds them. It must not know
what the files hold.

A folder is named as in the config: by a path, or by a URL that fsspec knows, such as
``s3://bucket/feeds``. Every method raises `OSError`, whatever an object store's library raises.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

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

    @abstractmethod
    def upload(self, name: str, source: Path) -> None:
        """Make a file of one on this machine, however large it is.

        It is not replaced in one step: only a file that nobody reads yet is made so.
        """

    @abstractmethod
    def enter(self, name: str) -> Folder:
        """Return the folder of a name below this one, which need not exist."""

    @abstractmethod
    def list_folders(self) -> list[str]:
        """Return the names of the folders below this one, sorted."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        try:
            with self.open(name) as file:
                return file.read()
        except FileNotFoundError:
            return None


#: Permissions of what is published; whatever else this program creates is for its user alone.
_PUBLIC_FILE, _PUBLIC_FOLDER, _PASSAGE = 0o644, 0o755, 0o711
#: Bytes of a large file that are in memory at once.
_COPIED_BYTES = 1 << 20
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
        if not self._path.is_dir():
            return
        with os.scandir(self._path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
        for name in names:
            if (found := self.find(name)) is not None:
                yield found

    def find(self, name: str) -> StoredFile | None:
        """Return what is known of a file."""
        try:
            # A fifth of the time of a Path, and asked for at each request for a feed.
            stat = os.stat(f"{self._path}/{name}")  # noqa: PTH116
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

    def upload(self, name: str, source: Path) -> None:
        """Copy a file into the folder."""
        with source.open("rb") as read, (self._path / name).open("wb") as written:
            shutil.copyfileobj(read, written, _COPIED_BYTES)
            written.flush()
            os.fsync(written.fileno())

    def enter(self, name: str) -> LocalFolder:
        """Return the folder of a name below this one."""
        return LocalFolder(self._path / name)

    def list_folders(self) -> list[str]:
        """Return the names of the folders below this one, sorted."""
        if not self._path.is_dir():
            return []
        return sorted(path.name for path in self._path.iterdir() if path.is_dir())


#: Seconds to connect to the store and to wait for each piece of an answer. Pages wait for it.
_CONNECT_SECONDS, _READ_SECONDS = 5, 20
#: Attempts in all at one request; the rounds of the service try again anyway.
_ATTEMPTS = 2
#: Bytes that are fetched at once from the middle of a file: a captured page has about 30 kB.
_BLOCK_BYTES = 256_000
#: The store's options, by the scheme of its URL. Others have none of ours.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
            "retries": {"max_attempts": _ATTEMPTS},
        }
    }
}
#: What its library raises besides errors of the system, by the scheme: module and class.
_ERRORS = {"s3": ("botocore.exceptions", "BotoCoreError")}


class RemoteFolder(Folder):
    """The files below a URL: ``s3://bucket/feeds``.

    Who may read and write there comes from where the store's library looks for it: for S3 the
    variables ``AWS_...``, ``~/.aws`` or the role of the machine.
    """

    def __init__(self, url: str) -> None:
        """Name a folder; nothing is opened.

        Raises:
            FolderError: The URL has a password, a query, or no bucket.
        """
        parts = urlsplit(url)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise FolderError("expected a URL without password and options, like s3://bucket/feeds")
        if not parts.netloc:
            raise FolderError("expected a URL with a bucket, like s3://bucket/feeds")
        self._url = url.rstrip("/")
        self._scheme = parts.scheme

    def __str__(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"RemoteFolder({self._url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteFolder) and self._url == other._url

    def __hash__(self) -> int:
        return hash(self._url)

    @property
    def path(self) -> None:
        """It is not on this machine."""
        return

    def create(self, *, is_public: bool = False) -> None:
        """Do nothing: an object store has no folders. Its bucket is the operator's."""

    def list_files(self) -> Iterator[StoredFile]:
        """Yield the files, in the order of their names."""
        with self._explaining_faults():
            try:
                found = self._store.ls(self._root, detail=True)
            except FileNotFoundError:
                return
        files = (_describe(one) for one in found if one["type"] == "file")
        yield from sorted(files, key=lambda file: file.name)

    def find(self, name: str) -> StoredFile | None:
        """Return what is known of a file."""
        with self._explaining_faults():
            try:
                return _describe(self._store.info(self._locate(name)))
            except FileNotFoundError:
                return None

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file for reading; what is not read is not fetched, but for a block."""
        with (
            self._explaining_faults(),
            self._store.open(self._locate(name), "rb", block_size=_BLOCK_BYTES) as file,
        ):
            yield file

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, fetched by one request."""
        with self._explaining_faults():
            try:
                content: bytes = self._store.cat_file(self._locate(name))
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, content: bytes | memoryview, *, is_public: bool = False) -> None:
        """Replace a file in one step, as stores do; ``is_public`` is for the bucket's policy."""
        with self._explaining_faults():
            try:
                self._store.pipe_file(self._locate(name), bytes(content))
            except FileNotFoundError as error:  # there is no such bucket
                raise OSError(errno.ENXIO, str(error)) from error

    def patch(self, name: str, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Overwrite pieces of a file: it is fetched and replaced."""
        with self.open(name) as file:
            content = bytearray(file.read())
        for place, piece in pieces:
            content[place : place + len(piece)] = piece
        self.write(name, bytes(content))

    def delete(self, name: str) -> None:
        """Delete a file if it is there."""
        with self._explaining_faults(), suppress(FileNotFoundError):
            self._store.rm_file(self._locate(name))

    def upload(self, name: str, source: Path) -> None:
        """Send a file to the store, in pieces if it is large."""
        with self._explaining_faults():
            try:
                self._store.put_file(str(source), self._locate(name))
            except FileNotFoundError as error:  # there is no such bucket
                raise OSError(errno.ENXIO, str(error)) from error

    def enter(self, name: str) -> RemoteFolder:
        """Return the files below a name of this URL."""
        return RemoteFolder(f"{self._url}/{name}")

    def list_folders(self) -> list[str]:
        """Return the names below which there are files, sorted."""
        with self._explaining_faults():
            try:
                found = self._store.ls(self._root, detail=True)
            except FileNotFoundError:
                return []
        return sorted(PurePosixPath(one["name"]).name for one in found if one["type"] != "file")

    def check(self) -> None:
        """Check that what it takes to reach the store is installed; reach for nothing.

        Raises:
            FolderError: It is not, or there is no such store.
        """
        try:
            self._store  # noqa: B018  # made at its first use
        except ImportError as error:
            raise FolderError(
                f"{self._scheme}:// needs a package for fsspec: pip install 'watchword[s3]'"
            ) from error
        except ValueError as error:
            raise FolderError(f"{self._scheme}:// is no store that fsspec knows") from error

    @cached_property
    def _store(self) -> Any:
        fsspec = import_module("fsspec")
        options = {"use_listings_cache": False, "skip_instance_cache": True}
        return fsspec.filesystem(self._scheme, **options, **_OPTIONS.get(self._scheme, {}))

    @cached_property
    def _errors(self) -> tuple[type[Exception], ...]:
        """Return what the store's library raises besides errors of the system."""
        module, name = _ERRORS.get(self._scheme, ("builtins", "OSError"))
        error: type[Exception] = getattr(import_module(module), name)
        return (error,)

    @contextmanager
    def _explaining_faults(self) -> Iterator[None]:
        """Raise what the store's library raises as an `OSError` that names the folder."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
            raise OSError(error.errno or errno.EIO, reason, self._url) from error
        except self._errors as error:
            raise OSError(errno.EIO, " ".join(str(error).split()), self._url) from error

    @property
    def _root(self) -> str:
        return self._url.partition("://")[2]

    def _locate(self, name: str) -> str:
        return f"{self._root}/{PurePosixPath(name).name}"


def _describe(found: Mapping[str, Any]) -> StoredFile:
    """Return a file as fsspec describes it."""
    modified = found.get("LastModified") or found.get("mtime") or found.get("created")
    if not isinstance(modified, datetime):
        modified = datetime.fromtimestamp(modified or 0, UTC)
    version = found.get("ETag") or f"{modified.timestamp()} {found['size']}"
    name = PurePosixPath(found["name"]).name
    return StoredFile(name, int(found["size"]), modified.astimezone(UTC), str(version))


def parse_folder(text: str) -> Folder:
    """Return the folder that a path or a URL names; nothing is opened or created.

    Raises:
        FolderError: A URL has a password or no bucket.
    """
    return RemoteFolder(text) if "://" in text else LocalFolder(text)

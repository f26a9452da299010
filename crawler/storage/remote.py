"""A folder in an object store, by fsspec."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from crawler.storage.folder import Folder, FolderError, StoredFile

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

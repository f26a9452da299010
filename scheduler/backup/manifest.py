"""The manifest of a backup: what is in it, by whom it was made, and how each part is checked.

It is written last: a folder without one is no backup.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Literal, TypeAlias

import msgspec

from alerts.ledger.snapshots import LedgerState
from crawler.storage import Folder
from scheduler.backup.errors import BackupDamaged

MANIFEST = "manifest.json"
#: The form of manifests that this program writes, and the only one that it reads.
_FORM = 1
#: Bytes that are hashed at once.
_PIECE = 1 << 20

Role: TypeAlias = Literal["ledger", "sent log", "config", "secret", "templates"]
Database: TypeAlias = Literal["sqlite", "postgresql"]


class FileHash(msgspec.Struct, frozen=True):
    """The length of a file, and what its bytes are known by."""

    size: int  #: bytes
    sha256: str


class BackupPart(msgspec.Struct, frozen=True):
    """A file of a backup."""

    name: str  #: in the backup's folder: ``ledger.sqlite3``
    role: Role
    hash: FileHash
    #: where a config or a secret was: a path; for a credential of systemd ``credential NAME``
    origin: str | None = None


class BackupCapture(msgspec.Struct, frozen=True):
    """A file of the archive, which several backups share."""

    name: str  #: in the archive
    stored: str  #: in the folder of captures beside the backups: its name, then some of its hash
    version: str  #: of the archive's file, by which an unchanged one is known
    hash: FileHash


class BackupManifest(msgspec.Struct, frozen=True):
    """What is in a backup."""

    form: int  #: of this file
    name: str  #: ``watchword-20261127T003305Z``
    made_at: datetime  #: when it was begun
    version: str  #: of the program that made it
    database: Database
    database_version: str  #: of SQLite or the PostgreSQL server: ``15``
    ledger: LedgerState
    sent_keys: int  #: in the sent log
    parts: tuple[BackupPart, ...]
    captures: tuple[BackupCapture, ...]
    #: Where secrets came from that are not in it: ``$WATCHWORD_WEB_OPERATOR_PASSWORD``.
    left_out: tuple[str, ...] = ()

    def find_part(self, role: Role) -> BackupPart | None:
        """Return the part of a role of which there is at most one."""
        return next((part for part in self.parts if part.role == role), None)

    def list_parts(self, *roles: Role) -> list[BackupPart]:
        """Return the parts of some roles."""
        return [part for part in self.parts if part.role in roles]

    @property
    def size(self) -> int:
        """The bytes of all that belongs to it, captures that it shares as well."""
        hashes = [part.hash for part in self.parts] + [one.hash for one in self.captures]
        return sum(one.size for one in hashes)


def build_manifest(**values: object) -> BackupManifest:
    """Return a manifest of the form that this program writes, with the other fields as given."""
    return msgspec.convert({"form": _FORM, **values}, BackupManifest)


def encode_manifest(manifest: BackupManifest) -> bytes:
    """Return a manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode_manifest(content: bytes, name: str) -> BackupManifest:
    """Return a manifest that was read.

    Raises:
        BackupDamaged: It is none, or of another form. The message begins with ``name``.
    """
    try:
        form = msgspec.json.decode(content, type=dict[str, object]).get("form")
        if form == _FORM:
            return msgspec.json.decode(content, type=BackupManifest)
    except msgspec.MsgspecError as error:
        raise BackupDamaged(f"{name}: {MANIFEST} is damaged: {error}") from error
    raise BackupDamaged(f"{name}: its form {form} is not known: a newer watchword made it")


def hash_file(path: Path) -> FileHash:
    """Return the hash of a file of this machine."""
    with path.open("rb") as file:
        return hash_stream(file)


def hash_stream(file: IO[bytes]) -> FileHash:
    """Return the hash of what is left of a file."""
    return hash_pieces(iter(lambda: file.read(_PIECE), b""))


def hash_pieces(pieces: Iterable[bytes]) -> FileHash:
    """Return the hash of pieces, one after another."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return FileHash(size, digest.hexdigest())


def fetch_file(folder: Folder, name: str, expected: FileHash, target: Path | None) -> None:
    """Read a file of a backup and compare it with its hash.

    Args:
        folder: Where it is.
        name: Its name.
        expected: What it has to be.
        target: Where to copy it to; None only to read it.

    Raises:
        BackupDamaged: It is missing, or another.
        OSError: It cannot be copied.
    """
    try:
        with folder.open(name) as file:
            if target is None:
                found = hash_stream(file)
            else:
                with target.open("wb") as written:
                    found = hash_pieces(_copy(file, written))
    except FileNotFoundError as error:
        raise BackupDamaged(f"{folder}: {name} is missing") from error
    if found != expected:
        raise BackupDamaged(f"{folder}: {name} is damaged: it is not what was backed up")


def _copy(file: IO[bytes], written: IO[bytes]) -> Iterable[bytes]:
    while piece := file.read(_PIECE):
        written.write(piece)
        yield piece

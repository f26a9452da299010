"""A backup that was found, with what is needed to read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crawler.storage import Folder, parse_folder
from scheduler.backup.backup import verify_databases
from scheduler.backup.errors import BackupDamaged, BackupNotFound
from scheduler.backup.manifest import (
    MANIFEST,
    BackupManifest,
    decode_manifest,
    fetch_file,
)
from scheduler.backup.place import BackupPlace


@dataclass(frozen=True)
class OpenedBackup:
    """A backup, and where its files are."""

    manifest: BackupManifest
    folder: Folder
    captures: Folder  #: beside it, shared with other backups

    def __str__(self) -> str:
        return str(self.folder)

    def fetch_parts(self, target: Path) -> None:
        """Copy all parts into a folder of this machine, and open those that are databases.

        Raises:
            BackupDamaged: One is missing, not what was backed up, or not whole.
            ProgramMissing: A program of PostgreSQL is missing.
            OSError: There is no room.
        """
        for part in self.manifest.parts:
            fetch_file(self.folder, part.name, part.hash, target / part.name)
        verify_databases(self.manifest, target)

    def verify_captures(self) -> None:
        """Read all captures and compare them with what was backed up.

        Raises:
            BackupDamaged: One is missing or damaged.
        """
        for one in self.manifest.captures:
            fetch_file(self.captures, one.stored, one.hash, None)


def find_backup(place: str) -> OpenedBackup:
    """Return the backup at a path or URL; of a folder with several the newest.

    Raises:
        BackupNotFound: There is none.
        BackupDamaged: Its manifest cannot be read.
        FolderError: The URL cannot be used.
    """
    folder = parse_folder(place.rstrip("/") or "/")
    if (content := folder.read(MANIFEST)) is not None:
        above = parse_folder(str(folder).rpartition("/")[0] or ".")
        return _open(decode_manifest(content, str(folder)), folder, BackupPlace(above))
    found = BackupPlace(folder)
    names = found.list_names()
    if not names:
        raise BackupNotFound(f"there is no backup in {folder}")
    manifest = found.read_manifest(names[-1])
    return _open(manifest, folder.enter(names[-1]), found)


def _open(manifest: BackupManifest, folder: Folder, place: BackupPlace) -> OpenedBackup:
    names = [one.name for one in manifest.parts] + [one.stored for one in manifest.captures]
    if wrong := next((name for name in names if "/" in name or name.startswith(".")), None):
        raise BackupDamaged(f"{folder}: {MANIFEST} names a file outside of it: {wrong}")
    return OpenedBackup(manifest, folder, place.captures)

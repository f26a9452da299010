"""The folder in which backups are kept, here or in an object store: one folder for each of them.

A backup is made in a folder of this machine. In a local place that is one beside the others, with a
name that says that it is a draft, and it is renamed when it is whole. To a store its files are sent
one by one, the manifest last.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from crawler.storage import Folder, LocalFolder
from scheduler.backup.errors import BackupDamaged, BackupFailed, BackupNotFound
from scheduler.backup.manifest import (
    MANIFEST,
    BackupManifest,
    decode_manifest,
    encode_manifest,
)

#: Of the folders of backups. What has another name is not ours.
_NAME = re.compile(r"watchword-\d{8}T\d{6}Z")
_CAPTURES = "captures"
_LOCK = ".backup.lock"
_DRAFT_ENDS = ("part", "gone")
#: A store has no lock: what is younger may belong to a backup that is being sent.
_STORE_DRAFT_AGE = timedelta(days=2)


class BackupPlace:
    """A folder of backups. It must not know what the parts of a backup hold."""

    def __init__(self, folder: Folder) -> None:
        """Name the folder, which need not exist."""
        self.folder = folder
        self.captures = folder.enter(_CAPTURES)

    @staticmethod
    def name_backup(now: datetime) -> str:
        """Return the name of a backup that is made now."""
        return f"watchword-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def list_names(self) -> list[str]:
        """Return the names of the backups that have a manifest, the oldest first."""
        names = filter(_NAME.fullmatch, self.folder.list_folders())
        return [name for name in names if self.folder.enter(name).find(MANIFEST)]

    def read_manifest(self, name: str) -> BackupManifest:
        """Return what is in a backup.

        Raises:
            BackupNotFound: There is none of this name.
            BackupDamaged: Its manifest cannot be read.
        """
        content = self.folder.enter(name).read(MANIFEST)
        if content is None:
            raise BackupNotFound(f"there is no backup {self.folder}/{name}")
        return decode_manifest(content, f"{self.folder}/{name}")

    def find_newest(self) -> BackupManifest | None:
        """Return the newest backup whose manifest can be read; None if there is none."""
        for name in reversed(self.list_names()):
            try:
                return self.read_manifest(name)
            except BackupDamaged:
                continue
        return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let nobody else make a backup here while the block runs; drafts of the dead are deleted.

        Raises:
            BackupFailed: Somebody else does.
        """
        path = self.folder.path
        if path is None:
            yield
            return
        self.folder.create()
        try:
            with FileLock(path / _LOCK, timeout=0):
                for end in _DRAFT_ENDS:
                    for draft in path.glob(f".watchword-*.{end}"):
                        shutil.rmtree(draft, ignore_errors=True)
                yield
        except Timeout as error:
            raise BackupFailed(
                f"another backup is being made in {path}; nothing was done"
            ) from error

    @contextmanager
    def open_draft(self, name: str) -> Iterator[Path]:
        """Yield a folder of this machine in which a backup is made; it is gone after the block."""
        path = self.folder.path
        if path is None:
            with tempfile.TemporaryDirectory(prefix="watchword-backup-") as made:
                yield Path(made)
            return
        draft = path / f".{name}.part"
        draft.mkdir(mode=0o700)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def publish(self, draft: Path, manifest: BackupManifest) -> None:
        """Make a backup of the files of a draft, in one step.

        Raises:
            BackupFailed: Something in the store is not as long as what was sent.
            OSError: It cannot be written.
        """
        if self.folder.path is not None:
            LocalFolder(draft).write(MANIFEST, encode_manifest(manifest))
            draft.rename(self.folder.path / manifest.name)
            return
        target = self.folder.enter(manifest.name)
        for part in manifest.parts:
            target.upload(part.name, draft / part.name)
            sent = target.find(part.name)
            if sent is None or sent.size != part.hash.size:
                raise BackupFailed(f"{target}/{part.name} is not what was sent")
        target.write(MANIFEST, encode_manifest(manifest))

    def is_whole(self, manifest: BackupManifest) -> bool:
        """Return whether all files of a backup are there, with their lengths; none is read."""
        folder = self.folder.enter(manifest.name)
        wanted = [(folder, part.name, part.hash.size) for part in manifest.parts]
        wanted += [(self.captures, one.stored, one.hash.size) for one in manifest.captures]
        found = ((area.find(name), size) for area, name, size in wanted)
        return all(file is not None and file.size == size for file, size in found)

    def delete(self, name: str) -> None:
        """Delete a backup; from the first moment on it is none."""
        folder = self.folder.enter(name)
        if (path := folder.path) is not None:
            gone = path.rename(path.with_name(f".{name}.gone"))
            shutil.rmtree(gone)
            return
        folder.delete(MANIFEST)
        for file in list(folder.list_files()):
            folder.delete(file.name)

    def list_abandoned(self, now: datetime) -> list[str]:
        """Return the folders in a store of backups that were never finished."""
        if self.folder.path is not None:
            return []  # they are drafts, which are deleted with the lock
        limit = now - _STORE_DRAFT_AGE
        found = []
        for name in filter(_NAME.fullmatch, self.folder.list_folders()):
            files = list(self.folder.enter(name).list_files())
            is_draft = all(file.name != MANIFEST for file in files)
            if is_draft and all(file.modified_at < limit for file in files):
                found.append(name)
        return found

    def delete_captures(self, kept: set[str], now: datetime) -> int:
        """Delete the captures that belong to no backup; return how many."""
        limit = now if self.folder.path is not None else now - _STORE_DRAFT_AGE
        surplus = [
            file.name
            for file in self.captures.list_files()
            if file.name not in kept and file.modified_at < limit
        ]
        for name in surplus:
            self.captures.delete(name)
        return len(surplus)

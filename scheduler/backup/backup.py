"""Making a backup: the ledger, then what must not be older than it, and the manifest last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import msgspec

from alerts.delivery import SentLogError, copy_sent_log, count_sent_keys
from alerts.ledger import Ledger
from crawler.storage import Folder
from scheduler.backup.captures_part import back_up_captures
from scheduler.backup.config_part import copy_config_parts
from scheduler.backup.errors import BackupDamaged, BackupFailed
from scheduler.backup.ledger_part import copy_ledger_part, verify_ledger_part
from scheduler.backup.manifest import (
    BackupCapture,
    BackupManifest,
    BackupPart,
    Role,
    build_manifest,
    hash_file,
)
from scheduler.backup.place import BackupPlace
from scheduler.backup.rotation import delete_old_backups
from scheduler.config import Config

SENT_LOG_FILE = "sent.sqlite3"


class ReportProgress(Protocol):
    """Shows how far a backup is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that so many pages or files of ``what`` are done, and of how many."""


class BackupOrder(msgspec.Struct, frozen=True):
    """What is to be backed up, and where."""

    config: Config
    config_file: Path | None  #: None for built-in defaults
    target: Folder  #: the folder of backups
    keep: int | None = None  #: how many good backups to keep; None for all
    with_secrets: bool = True
    with_captures: bool = True


class FinishedBackup(msgspec.Struct, frozen=True):
    """A backup that was made, and what became of older ones."""

    manifest: BackupManifest
    deleted: list[str]  #: names of older backups


def _report_nothing(what: str, done: int, total: int) -> None:
    """Show nothing."""


def make_backup(
    ledger: Ledger, order: BackupOrder, now: datetime, report: ReportProgress = _report_nothing
) -> FinishedBackup:
    """Make a backup while others go on writing, and verify it by opening it.

    The sent log is copied after the ledger: whatever the copy of the ledger calls sent, and what
    was sent between the two, is in it. Captures come after the ledger too, which names them.

    Args:
        ledger: Of any schema; it is only read.
        order: What is to be backed up, and where.
        now: Aware, in UTC.
        report: Shows progress.

    Raises:
        BackupFailed: It could not be made now. Older backups are as they were.
        BackupDamaged: The ledger or its copy is damaged.
        ProgramMissing: A program of PostgreSQL is missing.
        LedgerError: The ledger cannot be read.
    """
    place = BackupPlace(order.target)
    try:
        with place.lock():
            name, now = _choose_name(place, now)
            with place.open_draft(name) as folder:
                draft = _BackupDraft(ledger, order, place, folder, report)
                manifest = draft.fill(name, now)
                place.publish(folder, manifest)
            deleted = delete_old_backups(place, order.keep, now) if order.keep else []
    except OSError as error:
        raise BackupFailed(
            f"the backup was not made: {error.filename or order.target}: {error.strerror or error};"
            " older ones are as they were"
        ) from error
    return FinishedBackup(manifest, deleted)


def _choose_name(place: BackupPlace, now: datetime) -> tuple[str, datetime]:
    """Return a name that no backup has, and the moment that is in it."""
    taken = set(place.folder.list_folders())
    while (name := place.name_backup(now)) in taken:
        now += timedelta(seconds=1)
    return name, now


@dataclass(frozen=True)
class _BackupDraft:
    """A folder in which a backup is made."""

    ledger: Ledger
    order: BackupOrder
    place: BackupPlace
    folder: Path
    report: ReportProgress

    def fill(self, name: str, now: datetime) -> BackupManifest:
        """Copy everything in its order, verify it, and return what is in the backup."""
        config = self.order.config
        copied = copy_ledger_part(self.ledger, self.folder, partial(self.report, "ledger"))
        sent_keys = copy_sent_log(config.ledger.sent_log, self.folder / SENT_LOG_FILE)
        captures = self._copy_captures()
        settings = copy_config_parts(
            config, self.order.config_file, self.folder, with_secrets=self.order.with_secrets
        )
        parts = [self._hash(copied.file, "ledger"), self._hash(SENT_LOG_FILE, "sent log")]
        manifest = build_manifest(
            name=name,
            made_at=now,
            version=version("watchword"),
            database=copied.database,
            database_version=copied.database_version,
            ledger=copied.state,
            sent_keys=sent_keys,
            parts=(*parts, *settings.parts),
            captures=tuple(captures),
            left_out=tuple(settings.left_out),
        )
        verify_databases(manifest, self.folder)
        return manifest

    def _copy_captures(self) -> list[BackupCapture]:
        if not self.order.with_captures:
            return []
        newest = self.place.find_newest()
        known = newest.captures if newest else ()
        archive = self.order.config.archive.path
        return back_up_captures(
            archive, self.place.captures, known, partial(self.report, "captures")
        )

    def _hash(self, name: str, role: Role) -> BackupPart:
        return BackupPart(name, role, hash_file(self.folder / name))


def verify_databases(manifest: BackupManifest, folder: Path) -> None:
    """Open the copies of the ledger and the sent log in a folder, and read all of them.

    Raises:
        BackupDamaged: One of them is not whole.
        ProgramMissing: A program of PostgreSQL is missing.
    """
    for part in manifest.list_parts("ledger"):
        path = folder / part.name
        verify_ledger_part(path, manifest.database, manifest.database_version, manifest.ledger)
    try:
        found = count_sent_keys(folder / SENT_LOG_FILE)
    except SentLogError as error:
        raise BackupDamaged(str(error)) from error
    if found != manifest.sent_keys:
        raise BackupDamaged(f"{SENT_LOG_FILE} has {found:,} of {manifest.sent_keys:,} keys")

"""Backups of the whole service, and restores.

Owns what belongs to a backup, in which order it is copied, how it is verified, and how a restore
keeps all or nothing. A backup holds the ledger, the sent log, the captures, and the config with
the secrets and templates that it names. Feeds and compiled topics are made from the ledger anew. It
must not know the jobs or the command line.
"""

from scheduler.backup.backup import (
    BackupOrder,
    FinishedBackup,
    make_backup,
)
from scheduler.backup.ledger_access import note_backup, note_failed_backup, open_source
from scheduler.backup.opened_backup import OpenedBackup, find_backup
from scheduler.backup.restore import Restore, RestoredState

__all__ = [
    "BackupOrder",
    "FinishedBackup",
    "OpenedBackup",
    "Restore",
    "RestoredState",
    "find_backup",
    "make_backup",
    "note_backup",
    "note_failed_backup",
    "open_source",
]

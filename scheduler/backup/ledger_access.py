"""The ledger that is backed up: opened as it is, and noted in it when the last good backup was."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from alerts.errors import WatchwordError
from alerts.ledger import Ledger, LedgerError, LedgerUnavailable, jobs, snapshots
from alerts.operator import BACKUP_JOB, update_job_alarms
from scheduler.config import Config
from scheduler.rounds import describe_failure


def open_source(config: Config) -> tuple[Ledger, bool]:
    """Open the ledger of a config for reading, and return whether it has the newest schema.

    On PostgreSQL it is opened where the server itself is reached, not at a pooler.

    Raises:
        LedgerError: There is no ledger.
        LedgerUnavailable: The database cannot be used now.
    """
    url = (config.backup.database or config.ledger.url).reveal()
    ledger = snapshots.open_as_it_is(url, role="backup")
    with ledger.reading() as connection:
        return ledger, snapshots.has_newest_schema(connection)


def note_backup(ledger: Ledger, begun_at: datetime, now: datetime) -> None:
    """Note in a ledger of the newest schema that a good backup was made."""
    with ledger.writing_shard() as connection:
        jobs.begin(connection, BACKUP_JOB, begun_at, is_alone=False)
        if jobs.end_well(connection, BACKUP_JOB, now):
            update_job_alarms(connection, now)


def note_failed_backup(
    ledger: Ledger, error: WatchwordError, begun_at: datetime, now: datetime
) -> None:
    """Note in a ledger of the newest schema why no backup was made, if it can be written."""
    reason = describe_failure(BACKUP_JOB, error).reason
    with suppress(LedgerError, LedgerUnavailable), ledger.writing_shard() as connection:
        jobs.fail(connection, BACKUP_JOB, reason, begun_at, now, was_noted=False)
        update_job_alarms(connection, now)

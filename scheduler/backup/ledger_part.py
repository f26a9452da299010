"""The ledger in a backup: copied as it is at one moment, and opened again to verify it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from alerts.ledger import Ledger, LedgerError, snapshots
from alerts.ledger.snapshots import LedgerState
from scheduler.backup import postgres_programs
from scheduler.backup.errors import BackupDamaged
from scheduler.backup.manifest import Database

SQLITE_FILE, POSTGRES_FILE = "ledger.sqlite3", "ledger.dump"


class CopiedState(msgspec.Struct, frozen=True):
    """A ledger that was copied into a file, and what it held."""

    file: str
    database: Database
    database_version: str
    state: LedgerState


def copy_ledger_part(
    ledger: Ledger, folder: Path, on_progress: Callable[[int, int], None]
) -> CopiedState:
    """Copy a ledger into a folder, as it is at one moment.

    Args:
        ledger: Of any schema.
        folder: On this machine.
        on_progress: Called with what is done of a SQLite file and how much there is, in pages.

    Raises:
        LedgerUnavailable: It cannot be read, or the copy not written.
        LedgerError: It is damaged.
        ProgramMissing: ``pg_dump`` is not installed, or too old.
        BackupFailed: ``pg_dump`` failed.
    """
    with snapshots.open_state(ledger) as (connection, state):
        if ledger.is_sqlite:
            snapshots.copy_to_file(ledger, connection, folder / SQLITE_FILE, on_progress)
            return CopiedState(SQLITE_FILE, "sqlite", sqlite3.sqlite_version, state)
        version = snapshots.read_server_version(connection)
        program = postgres_programs.find_program("pg_dump", version)
        snapshot = snapshots.export_snapshot(connection)
        postgres_programs.dump(program, ledger, snapshot, folder / POSTGRES_FILE)
        return CopiedState(POSTGRES_FILE, "postgresql", str(version), state)


def verify_ledger_part(
    path: Path, database: Database, database_version: str, expected: LedgerState
) -> None:
    """Open the copy of a ledger, read all of it, and compare it with what the ledger held.

    Args:
        path: The copy, on this machine.
        database: What it is a copy of.
        database_version: The same.
        expected: What it has to hold.

    Raises:
        BackupDamaged: It is not whole.
        ProgramMissing: ``pg_restore`` is not installed, or too old.
    """
    if database == "postgresql":
        program = postgres_programs.find_program("pg_restore", int(database_version))
        found = postgres_programs.count_dumped_rows(program, path)
        _compare(path, {name: found.get(name, 0) for name in expected.rows}, expected.rows)
        return
    if damage := snapshots.find_damage(path):
        raise BackupDamaged(f"{path.name} is damaged: {damage}")
    try:
        state = snapshots.read_file_state(path)
    except LedgerError as error:
        raise BackupDamaged(f"{path.name} cannot be opened: {error}") from error
    if state.schema != expected.schema:
        raise BackupDamaged(f"{path.name} has the schema {state.schema}, not {expected.schema}")
    _compare(path, state.rows, expected.rows)


def _compare(path: Path, found: dict[str, int], expected: dict[str, int]) -> None:
    for name, rows in expected.items():
        if found.get(name) != rows:
            raise BackupDamaged(
                f"{path.name} is not whole: {found.get(name, 0):,} of {rows:,} rows of {name}"
            )

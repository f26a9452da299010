"""Putting another file in the place of a SQLite ledger, all or nothing.

A ledger is several files: its write-ahead log must go where it goes. So the moves are written down
first, beside the ledger. Whoever is killed between two of them has them finished by the next
attempt, and until then no command opens what is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from alerts.ledger.faults import LedgerUnavailable
from alerts.ledger.urls import LedgerError

#: What SQLite keeps beside a ledger, and the counts of requests, which are made anew.
_ENDS = ("", "-wal", "-shm", "-journal", ".limits", ".limits-wal", ".limits-shm")


class _Moves(msgspec.Struct, frozen=True):
    """Moves of files, in their order: each from where to where."""

    moves: list[tuple[str, str]]


def check_not_interrupted(ledger: Path) -> None:
    """Raise :class:`LedgerError` if the ledger was being replaced when the program was killed."""
    if _locate_plan(ledger).exists():
        raise LedgerError(
            f"a restore of the ledger {ledger} was broken off: run `watchword restore` again"
        )


@contextmanager
def lock_file(ledger: Path) -> Iterator[None]:
    """Let no writer work on a ledger while the block runs, whether it is there or not.

    Raises:
        LedgerUnavailable: A writer works on it.
    """
    ledger.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{ledger}.lock", timeout=0):
            yield
    except Timeout as error:
        raise LedgerUnavailable(
            f"another watchword is using the ledger {ledger}: stop it first; nothing was done"
        ) from error


def replace_file(new: Path, ledger: Path, aside: Path) -> None:
    """Put a file in the place of a ledger. The caller holds the lock.

    Args:
        new: The file, on the same file system as the ledger, without a write-ahead log.
        ledger: Where it is to be.
        aside: The folder that a ledger which is there is moved into; it is made if there is one.
    """
    former = [Path(f"{ledger}{end}") for end in _ENDS]
    moves = [(str(path), str(aside / path.name)) for path in former if path.exists()]
    if moves:
        aside.mkdir(mode=0o700)
    plan, draft = _locate_plan(ledger), Path(f"{_locate_plan(ledger)}.new")
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(_Moves([*moves, (str(new), str(ledger))])))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(plan)
    finish_replacement(ledger)


def finish_replacement(ledger: Path) -> bool:
    """Finish moves that were broken off, with the lock held; return whether there were any."""
    plan = _locate_plan(ledger)
    if not plan.exists():
        return False
    _sync_folder(ledger.parent)
    for source, target in msgspec.json.decode(plan.read_bytes(), type=_Moves).moves:
        if Path(source).exists():
            Path(source).replace(target)
    _sync_folder(ledger.parent)
    plan.unlink()
    return True


def _locate_plan(ledger: Path) -> Path:
    return Path(f"{ledger}.restoring")


def _sync_folder(folder: Path) -> None:
    """Let the names in a folder be on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""An empty ledger in SQLite, of which tests take copies: quicker than all migrations each time."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from alerts.ledger import Ledger, open_ledger


def place_empty_ledger(path: Path) -> str:
    """Write an empty ledger of the newest schema to ``path``; return its URL.

    Its folder is made if it is not there. Others can read neither, as with a ledger that a command
    makes. The migrations run once in each test process; the tests of upgrades and of new ledgers
    run them by themselves.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(_build_file())
    return f"sqlite:///{path}"


def open_empty_ledger(path: Path) -> Ledger:
    """Write an empty ledger to ``path`` and open it."""
    return open_ledger(place_empty_ledger(path))


@cache
def _build_file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="watchword-ledger-") as folder:
        path = Path(folder) / "ledger.sqlite3"
        open_ledger(f"sqlite:///{path}").engine.dispose()
        return path.read_bytes()

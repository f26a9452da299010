"""A new file is put in WAL mode also where several processes open it at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from alerts.delivery.sent_log import SENT_KEY_BYTES, SentLog
from alerts.ledger import open_ledger
from alerts.ledger.rate_counts import CountKey, RateCounts
from alerts.ledger.sqlite_connection import use_wal
from tests.support.empty_ledger import open_empty_ledger

#: Of 400 new files, two or three failed before.
ROUNDS = 60
AT_ONCE = 6
NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)


def lock(file: Path) -> sqlite3.Connection:
    holder = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    holder.execute("CREATE TABLE IF NOT EXISTS t (a)")
    holder.execute("BEGIN EXCLUSIVE")
    return holder


def test_a_file_that_another_holds_is_waited_for(tmp_path: Path) -> None:
    """SQLite's own ``busy_timeout`` is off here, as it is where two change the mode at once."""
    with closing(lock(tmp_path / "x")) as holder:
        release = threading.Timer(0.2, holder.execute, ["COMMIT"])
        release.start()
        with closing(sqlite3.connect(tmp_path / "x", timeout=0)) as connection:
            use_wal(connection, 30)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        release.join()


def test_it_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with (
        closing(lock(tmp_path / "x")),
        closing(sqlite3.connect(tmp_path / "x", timeout=0)) as connection,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        use_wal(connection, 0.05)


def test_another_error_is_raised_at_once(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no database " * 100)
    with (
        closing(sqlite3.connect(tmp_path / "x")) as connection,
        pytest.raises(sqlite3.DatabaseError, match="not a database"),
    ):
        use_wal(connection, 30)


def count_one(file: Path) -> None:
    with closing(RateCounts(open_ledger(f"sqlite:///{file}"))) as counts:
        key = CountKey("network", "192.0.2.0/24")
        assert counts.hit("sign-ups", timedelta(hours=1), {key: 100}, NOW) is None


def open_log(file: Path) -> None:
    log = SentLog(file.parent / "sent", b"secret")
    log.add(bytes(SENT_KEY_BYTES), NOW)
    log.close()


@pytest.mark.slow
@pytest.mark.parametrize("use", [count_one, open_log], ids=["counts", "sent log"])
def test_several_that_open_a_new_file_at_once_all_can_use_it(
    use: Callable[[Path], None], tmp_path: Path
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(ROUNDS):
            file = tmp_path / str(number) / "ledger.sqlite3"
            file.parent.mkdir()
            open_empty_ledger(file).engine.dispose()
            begin = threading.Barrier(AT_ONCE)
            list(pool.map(partial(use_at_once, use, begin), [file] * AT_ONCE))


def use_at_once(use: Callable[[Path], None], begin: threading.Barrier, file: Path) -> None:
    begin.wait()
    use(file)

"""No transaction of a round is open while a file is written or the network is used.

Others wait for what a transaction has locked, so it must not wait for a mail server or a disk.
"""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import Engine, event

from alerts.ledger import Ledger
from crawler.records import encode_record
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.smtp_server import run_smtp_server

CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[mail]
channel = "smtp"
from_address = "w@demo.example"
[channels.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
[[topics]]
query = "benches"
"""
_SOCKET_CALLS = {"connect", "send", "sendall", "sendto", "recv", "recv_into"}
_FILE_CALLS = (os.replace, os.rename, os.fsync, os.unlink)
#: Standard output and standard error: what is logged is written at once.
_LOGS = (1, 2)


class _OpenTransactions(threading.local):
    """How many transactions the present thread has open."""

    number = 0


class TransactionWatch:
    """Notes what a thread does while it has a transaction open."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.transactions = 0
        self._open = _OpenTransactions()

    def begin(self, _connection: object) -> None:
        self.transactions += 1
        self._open.number += 1

    def end(self, _connection: object) -> None:
        self._open.number -= 1

    def look(self, frame: FrameType, kind: str, called: Any) -> None:
        """Called by the interpreter before each call of a function that is written in C."""
        if kind == "c_call" and self._open.number and is_outside(called):
            code = frame.f_code
            self.faults.add(f"{code.co_filename}: {code.co_name} calls {called.__name__}")


def is_outside(called: Any) -> bool:
    """Whether a function uses the network or changes a file."""
    owner = getattr(called, "__self__", None)
    if isinstance(owner, socket.socket):
        return called.__name__ in _SOCKET_CALLS
    if isinstance(owner, io.BufferedWriter | io.FileIO | io.TextIOWrapper):
        return called.__name__ == "write" and owner.fileno() not in _LOGS
    return called in _FILE_CALLS


@contextmanager
def watching() -> Iterator[TransactionWatch]:
    """Watch this thread, and those that it starts."""
    watch = TransactionWatch()
    hooks = {"begin": watch.begin, "commit": watch.end, "rollback": watch.end}
    for name, hook in hooks.items():
        event.listen(Engine, name, hook)
    threading.setprofile(watch.look)
    sys.setprofile(watch.look)
    try:
        yield watch
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        for name, hook in hooks.items():
            event.remove(Engine, name, hook)


@pytest.mark.slow
def test_no_transaction_of_a_round_waits_for_the_outside(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        service = ServiceFolder(tmp_path, CONFIG.format(port=server.port))
        service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
        record = encode_record(make_question(1, make_answer("There are more benches.")))
        (tmp_path / "records.jsonl").write_bytes(record)
        with watching() as watch:
            service.run("ingest", "--as-new", "records.jsonl")
        assert len(server.messages) == 1
        assert list(tmp_path.glob("var/feeds/*.xml"))
    assert watch.transactions > 10
    assert watch.faults == set()


@pytest.mark.parametrize("outside", ["file", "network"])
def test_one_that_does_is_noticed(outside: str, ledger: Ledger, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as port, watching() as watch, ledger.reading():
        if outside == "file":
            (tmp_path / "x").write_text("x")
        else:
            socket.create_connection(port.getsockname()).close()
    assert len(watch.faults) == 1

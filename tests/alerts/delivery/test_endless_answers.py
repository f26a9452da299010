"""Answers of HTTP servers without an end: none takes memory, and none takes longer than allowed."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import requests

from alerts.delivery import BoundedSession
from alerts.delivery.channel import DeliveryError, Envelope
from alerts.delivery.channels.webhook import WebhookSettings
from alerts.secret import Secret
from scheduler.clock_witness import ClockWitness

_SECRET = Secret("d2hpc3QgYSBzZWNyZXQgb2YgdHdlbnR5LWZvdXIgYnl0ZXM=", "test")
_END = b"\r\n\r\n"
_LOCATION = b"\r\nLocation: http://127.0.0.1:1/elsewhere"
_BOMB = gzip.compress(bytes(50_000_000))
#: By name: what the server sends once, and then without an end.
ANSWERS = {
    "body": (b"HTTP/1.1 200 OK" + _END, bytes(65_536)),
    "error": (b"HTTP/1.1 500 Internal Server Error" + _END, bytes(65_536)),
    "redirect": (b"HTTP/1.1 302 Found" + _LOCATION + _END, bytes(65_536)),
    "permanent redirect": (b"HTTP/1.1 308 Moved" + _LOCATION + _END, bytes(65_536)),
    "packed redirect": (
        b"HTTP/1.1 301 Moved\r\nContent-Encoding: gzip" + _LOCATION + _END + _BOMB,
        b"",
    ),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + _END, b"1000\r\n" + bytes(4096)),
    "one chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + _END, b"1" * 65_536),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 100),
    "one header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"x" * 65_536),
    "status": (b"HTTP/1.1 ", b"2" * 65_536),
    "reason": (b"HTTP/1.1 500 " + b"x" * 60_000 + _END, bytes(65_536)),
    "nothing": (b"", b""),
}


@contextmanager
def run_server(first: bytes, then: bytes) -> Iterator[str]:
    """Yield the address of a server that gives one such answer on every connection."""
    stopped = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            connection.recv(65_536)
            connection.sendall(first)
            while then and not stopped.is_set():
                connection.sendall(then)
            stopped.wait(10)

    def serve() -> None:
        with suppress(OSError):
            while True:
                accepted = listener.accept()[0]
                threading.Thread(target=answer, args=(accepted,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            stopped.set()
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
def test_a_webhook_with_an_endless_answer(name: str) -> None:
    with (
        run_server(*ANSWERS[name]) as url,
        WebhookSettings(secret=_SECRET, timeout_seconds=1).open() as session,
    ):
        begun = time.monotonic()
        tracemalloc.start()
        with suppress(DeliveryError):
            session.deliver(Envelope("<1@demo.example>", None, url, b"{}"), lambda: None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert time.monotonic() - begun < 15  # of an answer without an end, and a second for it
    assert peak < 12_000_000


@pytest.mark.slow
def test_a_server_that_drips_the_date_is_left() -> None:
    witness = ClockWitness({})
    with run_dripping_server() as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr("scheduler.clock_witness._TIMEOUT_SECONDS", 1.0)
        begun = time.monotonic()
        witness.user_agents = {url: "test"}
        assert list(witness._ask_servers()) == []
        assert time.monotonic() - begun < 15


@contextmanager
def run_dripping_server() -> Iterator[str]:
    """Yield the address of a server that sends a byte of its headers every tenth of a second."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection = listener.accept()[0]
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.1)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(5)


def test_no_redirect_is_followed() -> None:
    with run_server(*ANSWERS["redirect"]) as url, BoundedSession() as session:
        assert session.get(url, timeout=2).status_code == 302
    with BoundedSession() as session, pytest.raises(requests.RequestException):
        session.get("http://127.0.0.1:1/", timeout=1)

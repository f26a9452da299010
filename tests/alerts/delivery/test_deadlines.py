"""Mail servers that drip or never end: each wait for them has an end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import pytest

from alerts.delivery import ChannelTable, ChannelUnavailable, deliver_due
from alerts.delivery.bounded_smtp import BoundedSmtp
from alerts.delivery.channels import smtp, webhook
from alerts.ledger import Ledger
from alerts.secret import Secret
from tests.support.outbox import queue_messages, read_states
from tests.support.smtp_server import SmtpServer, run_smtp_server

ADA = "ada@demo.example"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as running:
        yield running


def open_channel(server: SmtpServer) -> ChannelTable:
    settings = smtp.SmtpSettings(
        "127.0.0.1", server.port, "none", envelope_from="w@demo.example", timeout_seconds=1
    )
    return ChannelTable((settings,))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drip", "endless"])
@pytest.mark.parametrize("moment", ["banner", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
def test_a_server_that_drips_is_left(
    ledger: Ledger, now: datetime, server: SmtpServer, moment: str, fault: str
) -> None:
    queue_messages(ledger, now, ADA)
    server.script = {moment: fault}
    begun = time.monotonic()
    if moment in {"banner", "EHLO"}:
        with pytest.raises(ChannelUnavailable):
            deliver_due(ledger, open_channel(server), lambda: now)
        state = ("queued", 0)
    else:
        outcome = "in_doubt" if moment == "dot" else "retry"
        assert deliver_due(ledger, open_channel(server), lambda: now) == {outcome: 1}
        state = ("handing_over" if moment == "dot" else "queued", 1)
    assert time.monotonic() - begun < 30  # it drips for ever
    assert read_states(ledger) == {ADA: state}


@pytest.mark.slow
@pytest.mark.parametrize("answer", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nX-A: ", b"endless"])
def test_a_webhook_that_drips_is_left(ledger: Ledger, now: datetime, answer: bytes) -> None:
    with run_dripping_web(answer) as address:
        queue_messages(ledger, now, address)
        settings = webhook.WebhookSettings(Secret("whsec_" + "YQ" * 16), timeout_seconds=1)
        begun = time.monotonic()
        outcomes = deliver_due(ledger, ChannelTable((settings,)), lambda: now)
    assert time.monotonic() - begun < 30
    assert outcomes in ({"retry": 1}, {"sent": 1} if answer == b"endless" else {"retry": 1})


@contextmanager
def run_dripping_web(answer: bytes) -> Iterator[str]:
    """The URL of a server that begins an answer and adds to it for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    is_endless = answer == b"endless"
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if is_endless else answer)
                    while True:
                        connection.sendall(b"0" * (65536 if is_endless else 1))
                        time.sleep(0 if is_endless else 0.1)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        thread.join()


def test_a_reply_of_several_lines_is_read_whole(server: SmtpServer) -> None:
    server.script = {"banner": "220-one\r\n220-two\r\n220 three"}
    with BoundedSmtp("127.0.0.1", server.port, timeout=5) as connection:
        assert connection.docmd("MAIL FROM:<>") == (250, b"fine")
        server.script = {"RCPT": "250-a\r\n250-b\r\n250 c"}
        assert connection.docmd("RCPT TO:<a@demo.example>") == (250, b"a\nb\nc")
        server.script = {"RCPT": "what is this"}
        assert connection.docmd("RCPT TO:<a@demo.example>")[0] == -1

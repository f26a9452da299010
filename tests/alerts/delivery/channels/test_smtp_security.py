"""Untrusted certificates and slow servers."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from alerts.delivery import ChannelTable, ChannelUnavailable, deliver_due
from alerts.delivery.channels import smtp
from alerts.ledger import Ledger
from alerts.model import Recipient
from tests.support.certificates import create_certificate
from tests.support.outbox import queue_messages, read_states

ADA = "ada@demo.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by an unknown authority."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(create_certificate("127.0.0.1"))
    return path


@contextmanager
def secure_server(certificate: Path, *, speaks_first: bool) -> Iterator[tuple[int, list[bytes]]]:
    """Run a mail server with TLS, at once or after STARTTLS; give its port and what it was sent."""
    heard: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(connection: socket.socket) -> None:
        try:
            if speaks_first:
                connection.sendall(b"220 test\r\n")
                connection.recv(1000)
                connection.sendall(b"250-test\r\n250 STARTTLS\r\n")
                connection.recv(1000)
                connection.sendall(b"220 go on\r\n")
            with context.wrap_socket(connection, server_side=True) as secure:
                heard.append(secure.recv(1000))
        except OSError:
            connection.close()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_untrusted_certificate_is_rejected(
    ledger: Ledger, now: datetime, certificate: Path, security: str
) -> None:
    queue_messages(ledger, now, ADA)
    with secure_server(certificate, speaks_first=security == "starttls") as (port, heard):
        settings = smtp.SmtpSettings("127.0.0.1", port, security, timeout_seconds=5)  # type: ignore[arg-type]
        channels: ChannelTable = ChannelTable((settings,))
        with pytest.raises(ChannelUnavailable, match="certificate verify failed"):
            deliver_due(ledger, channels, lambda: now)
    assert read_states(ledger) == {ADA: ("queued", 0)}
    assert not any(heard)  # nothing unencrypted, and nothing to an untrusted server


@pytest.mark.slow
def test_a_silent_server_times_out(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, ADA)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        settings = smtp.SmtpSettings("127.0.0.1", port, "none", timeout_seconds=0.5)
        channels = ChannelTable((settings,))
        with pytest.raises(ChannelUnavailable, match="timed out"):
            deliver_due(ledger, channels, lambda: now)
    assert read_states(ledger) == {ADA: ("queued", 0)}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@例え.example", "ada@xn--r8jz45g.example"),
    ],
)
def test_international_domains_are_kept_in_ascii(typed: str, kept: str) -> None:
    assert Recipient.parse_email(typed).address == kept
    assert kept.isascii()

"""Returned emails over IMAP: TLS, passwords that nobody sees, and servers that do not behave."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.ledger import alarms, open_ledger
from scheduler.bounce_mailbox import read_unread_emails
from scheduler.imap import ImapLocationError, MailboxError, parse_imap_location
from tests.support.certificates import create_certificate
from tests.support.imap_server import run_imap_server
from tests.support.service import ServiceFolder

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
CONFIG = f'{QUIET}[imap]\npassword_file = "password"\n'
NESTED = b"Message-ID: <deep@demo.example>\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 3000


def configure(tmp_path: Path) -> ServiceFolder:
    service = ServiceFolder(tmp_path, CONFIG)
    (tmp_path / "password").write_text("secret\n")
    return service


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        "imaps://bounces:sesame@127.0.0.1:{port}/INBOX",
        "imap://bounces:sesame@localhost:{port}/INBOX",
        "imap+insecure://bounces:@127.0.0.1:{port}/INBOX",
        "imaps://:sesame@127.0.0.1:{port}",
    ],
)
def test_no_password_is_taken_from_the_list_of_processes(tmp_path: Path, place: str) -> None:
    service = configure(tmp_path)
    with run_imap_server([], "sesame") as server:
        done = service.run("bounces", place.format(port=server.port), expect=64)
        assert server.logins == []
    assert "set imap.password_file" in done.stderr
    assert "sesame" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    service.run("bounces", "imaps://u@127.0.0.1", "--password", "sesame", expect=64)


@pytest.mark.parametrize(
    "host", ["mail.example.org", "192.0.2.1", "localhost.example", "192.168.0.1"]
)
def test_a_password_goes_over_no_network_in_clear(host: str) -> None:
    with pytest.raises(ImapLocationError, match=r"in clear: write imaps://"):
        parse_imap_location(f"imap://bounces@{host}/INBOX")
    assert not parse_imap_location(f"imap+insecure://bounces@{host}/INBOX").has_tls


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST"])
def test_this_host_needs_no_tls(host: str) -> None:
    assert parse_imap_location(f"imap://bounces@{host}/INBOX").port == 143


@pytest.mark.slow
@given(st.sampled_from(("imaps://", "imap://", "imap+insecure://")), st.text(max_size=30))
def test_every_address_is_taken_or_refused(scheme: str, rest: str) -> None:
    with suppress(ImapLocationError):
        assert parse_imap_location(f"{scheme}{rest}").host


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    path.write_bytes(create_certificate("127.0.0.1"))
    return path


@pytest.mark.slow
def test_a_server_that_nobody_vouches_for_is_not_told_the_password(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = configure(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with run_imap_server([NESTED], "secret", tls) as server:
        place = f"imaps://bounces@127.0.0.1:{server.port}/INBOX"
        assert "CERTIFICATE_VERIFY_FAILED" in service.run("bounces", place, expect=65).stderr
        assert server.logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        service.run("bounces", place, expect=65)
        assert server.flagged == {1}


@pytest.mark.slow
def test_an_email_that_is_not_sent_stops_none_behind_it(tmp_path: Path) -> None:
    service = configure(tmp_path)
    other = b"Subject: hello\r\n\r\nno report\r\n"
    with run_imap_server([other, other, NESTED, other], "secret") as server:
        server.broken = {2, 4}
        place = f"imap://bounces@127.0.0.1:{server.port}/INBOX"
        done = service.run("bounces", place, expect=65)
        assert "email 4 at 127.0.0.1: [SERVERBUG] it is damaged; email 2" in done.stderr
        assert (server.seen, server.flagged) == ({1, 2, 3, 4}, {2, 3, 4})
        assert service.run("bounces", place).stdout == "no new email\n"
    with open_ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.sqlite3'}").reading() as connection:
        kinds = [alarm.kind for alarm in alarms.list_open(connection)]
    assert "reports" in kinds  # although the mailbox failed before its end


@pytest.mark.parametrize("way", ["maildir", "imap"])
@pytest.mark.slow
def test_new_emails_come_before_those_that_stay_unread(tmp_path: Path, way: str) -> None:
    emails = [b"Subject: %d\r\n\r\n" % number for number in range(20)]
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    for number, email in enumerate(emails):
        (tmp_path / "box" / "new" / f"{number:02}").write_bytes(email)
    with run_imap_server(emails, "") as server:
        place = f"imap://u@127.0.0.1:{server.port}/INBOX" if way == "imap" else f"{tmp_path}/box"
        assert [raw for raw, _ in read_unread_emails(place, "")] == emails[::-1]


@contextmanager
def run_flood(piece: bytes) -> Iterator[int]:
    """Yield the port of a server that answers every command without an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"* OK ready\r\n")
                connection.recv(1000)
                while True:
                    connection.sendall(piece * 100)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", [b"* 1 EXISTS\r\n", b"x" * 100, b"* 1 FETCH (BODY[] {900000}\r\n", b"\r\n"]
)
def test_an_endless_reply_ends(piece: bytes) -> None:
    begun = time.monotonic()
    with run_flood(piece) as port, pytest.raises(MailboxError, match="cannot be read"):
        list(read_unread_emails(f"imap://u@127.0.0.1:{port}/INBOX", "secret", seconds=30))
    assert time.monotonic() - begun < 20

"""The mail server, as `watchword doctor` finds it, and the test email that it sends."""

from __future__ import annotations

import socket
import subprocess
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import dkim
import pytest

from alerts.delivery import ChannelProbe
from scheduler.doctor import CheckState
from scheduler.doctor.mail_server import _judge_certificate
from tests.alerts.delivery.channels.test_smtp_security import secure_server
from tests.scheduler.doctor.conftest import ExaminedService
from tests.support.certificates import create_certificate
from tests.support.smtp_server import run_smtp_server

pytestmark = pytest.mark.process


def test_a_server_that_works_and_one_that_does_not(examined: ExaminedService) -> None:
    found = examined.find("mail.server")
    assert found.state is CheckState.OK
    assert found.detail == f"127.0.0.1:{examined.mail.port}: not encrypted, no login"
    examined.mail.script["banner"] = "554 go away"
    found = examined.find("mail.server")
    assert found.state is CheckState.FAILED
    assert "554 go away" in found.detail
    examined.mail.stop()


def test_a_password_in_the_clear_to_another_machine_is_named(examined: ExaminedService) -> None:
    with run_smtp_server("127.0.0.2") as elsewhere:
        old = f'host = "127.0.0.1"\nport = {examined.mail.port}'
        examined.edit_config(old, f'host = "127.0.0.2"\nport = {elsewhere.port}')
        found = examined.pick("mail.server", "mail.encryption")
    assert found.state is CheckState.WARNING
    assert found.detail == "emails and passwords travel in the clear"
    assert 'set channels.smtp.security to "starttls"' in str(found.advice)


def test_a_certificate_that_ends_soon_is_named() -> None:
    begins, ends = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)
    probe = ChannelProbe("", is_encrypted=True, is_local=False, certificate=(begins, ends))
    [found] = _judge_certificate(probe, datetime(2026, 11, 27, tzinfo=UTC))
    assert found.state is CheckState.WARNING
    assert found.detail == "the server's certificate is valid until 2026-11-30 00:00 UTC"
    [found] = _judge_certificate(probe, datetime(2026, 10, 1, tzinfo=UTC))
    assert found.state is CheckState.OK


def test_a_silent_server_has_a_deadline(
    examined: ExaminedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.doctor.mail_server.CONVERSATION_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        examined.edit_config(f"port = {examined.mail.port}", f"port = {port}")
        found = examined.find("mail.server")
    assert found.state is CheckState.FAILED
    assert "timed out" in found.detail


def test_a_certificate_of_nobody_is_named(examined: ExaminedService, tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(create_certificate("127.0.0.1"))
    with secure_server(tmp_path / "both.pem", speaks_first=False) as (port, _):
        examined.edit_config(f"port = {examined.mail.port}", f"port = {port}")
        examined.edit_config('security = "none"', 'security = "tls"')
        found = examined.find("mail.server")
    assert found.state is CheckState.FAILED
    assert "certificate verify failed" in found.detail


def send_test(examined: ExaminedService) -> subprocess.CompletedProcess[str]:
    options = ("--send-to", "bo@demo.example", "--dns-server", examined.dns.address)
    return examined.service.run("doctor", *options, expect=None)


def test_the_test_email_is_a_signed_digest(examined: ExaminedService) -> None:
    done = send_test(examined)
    assert "(signed) was handed over: 250" in done.stdout
    [raw] = examined.mail.messages
    records = {name: texts[0].strip('"') for (name, kind), texts in examined.dns.records.items()}
    key = records["one._domainkey.demo.example"].encode()
    assert dkim.DKIM(raw).verify(dnsfunc=lambda *_args, **_more: key)
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Subject"] == '"test email": 1 new question'
    assert (mail["To"], str(mail["From"])) == ("bo@demo.example", "Watchword <alerts@demo.example>")
    text = mail.get_body(("plain",))
    assert text is not None
    assert "email* was written like every digest of Watchword" in " ".join(
        text.get_content().split()
    )
    assert examined.service.run_json("subscriptions", "--json")["subscriptions"] == []


def test_a_rejected_test_email_fails_with_the_reply(examined: ExaminedService) -> None:
    examined.mail.rcpt_replies["bo@demo.example"] = "550 5.1.1 no such person"
    done = send_test(examined)
    assert done.returncode == 69
    assert "550 5.1.1 no such person" in done.stdout
    examined.service.run("doctor", "--send-to", "https://x.example", expect=64)

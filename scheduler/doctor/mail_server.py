"""Checks of the mail server: connection, encryption, certificate and login, and a test email."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alerts.delivery import ChannelProbe, ChannelSettings, Envelope
from alerts.model import Recipient
from scheduler.doctor.certificates import is_renewal_overdue
from scheduler.doctor.examination import CONVERSATION_SECONDS, Examination
from scheduler.doctor.report import CheckResult, ok, skipped, warning
from scheduler.doctor.sample_digest import compose_sample_digest


def check_mail_server(examination: Examination) -> Iterator[CheckResult]:
    """Check that the mail server can be used."""
    channel = _get_channel(examination)
    probe = channel.probe()
    if probe is None:
        yield skipped("mail.server", f"the channel {channel.name} needs no server")
        return
    yield ok("mail.server", probe.detail)
    if not probe.is_encrypted and not probe.is_local:
        advice = 'set channels.smtp.security to "starttls", or to "tls" for port 465'
        yield warning("mail.encryption", "emails and passwords travel in the clear", advice)
    yield from _judge_certificate(probe, examination.clock())


def _get_channel(examination: Examination) -> ChannelSettings:
    config = examination.config
    channel = config.channels[config.mail.channel].with_sender(config.mail.from_address)
    return channel.with_timeout(CONVERSATION_SECONDS)


def _judge_certificate(probe: ChannelProbe, now: datetime) -> Iterator[CheckResult]:
    if probe.certificate is None:
        return
    begins, ends = probe.certificate
    detail = f"the server's certificate is valid until {ends:%Y-%m-%d %H:%M} UTC"
    if is_renewal_overdue(begins, ends, now):
        advice = "have it renewed: with an expired one no email is handed over"
        yield warning("mail.certificate", detail, advice)
    else:
        yield ok("mail.certificate", detail)


def check_test_email(examination: Examination) -> Iterator[CheckResult]:
    """Send a test email, if somebody is to have one."""
    recipient = examination.send_to
    if recipient is None:
        yield skipped("mail.test", "--send-to ADDRESS sends a test email")
        return
    yield _send(examination, _get_channel(examination), recipient)


def _send(examination: Examination, channel: ChannelSettings, recipient: Recipient) -> CheckResult:
    message = compose_sample_digest(examination.config, recipient, examination.clock())
    envelope = Envelope(
        message.message_id,
        examination.config.mail.bounce_address,
        message.recipient,
        message.body,
    )
    with channel.open() as session:
        reply = session.deliver(envelope, lambda: None)
    signed = "signed" if message.body.startswith(b"DKIM-Signature") else "not signed"
    detail = f"“{message.subject}” ({signed}) was handed over: {reply}"
    return ok("mail.test", detail)

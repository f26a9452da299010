"""Email over SMTP (RFC 5321), over connections that are kept for many messages.

A message is sent in two parts: everything but the final dot, and then the dot. Only a message whose
dot was sent can have been accepted.
"""

from __future__ import annotations

import re
import select
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import msgspec

from alerts.delivery.bounded_smtp import BoundedConnection, BoundedSmtp, BoundedSmtpTls
from alerts.delivery.channel import (
    ChannelProbe,
    ChannelRefused,
    ChannelSettings,
    ChannelUnavailable,
    ConnectionLimit,
    ContentRejected,
    DeliveryCancelled,
    DeliveryError,
    Envelope,
    Host,
    InDoubt,
    MailboxUnavailable,
    MessageRejected,
    Seconds,
    SenderRejected,
    TemporaryFailure,
)
from alerts.delivery.mta_log import was_accepted
from alerts.errors import WatchwordError
from alerts.refusals import Blame, SmtpStage, classify_reply, strip_addresses
from alerts.secret import Secret, redact

_LINE_STARTING_WITH_DOT = re.compile(rb"(?m)^\.")
#: Ten minutes, in seconds: how long to wait for the reply to the final dot, at least (RFC 5321,
#: section 4.5.3.2.6).
_FINAL_DOT_TIMEOUT = 600.0
#: Timeouts that the replies to MAIL, RCPT and DATA may take together.
_ENVELOPE_TIMEOUTS = 2
#: What a negative reply means for the message, by whom it blames.
_FAILURES: dict[Blame, type[DeliveryError]] = {
    "mailbox": MessageRejected,
    "mailbox_state": MailboxUnavailable,
    "content": ContentRejected,
    "sender": SenderRejected,
    "later": TemporaryFailure,
}
#: "Service not available, closing transmission channel" (RFC 5321, section 4.2.3).
_SERVICE_CLOSING = 421
#: A reply to RCPT that counts what was sent over this connection (RFC 3463, X.5.3).
_CONNECTION_LIMIT = re.compile(r"4\d\d[ -](4\.5\.3\b|.*\b(session|connection)\b)", re.I)
#: The most of a reply that is kept for `watchword deliveries`: a line of text.
_MAX_REPLY_LENGTH = 300

#: Names of this machine, to which nobody listens in.
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})

#: An address as SMTP's MAIL command takes it.
EnvelopeAddress = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[!-~]+@[!-~]+$", description="an email address, like bounces@example.org"
    ),
]


class SmtpSettings(ChannelSettings, frozen=True):
    """``[channels.smtp]``: sends email through a mail server."""

    schemes: ClassVar[frozenset[str]] = frozenset({"mailto"})

    host: Host = "localhost"  #: the mail server
    #: usually 25; for a provider 587, or 465 with ``security = "tls"``
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 25
    #: ``starttls`` and ``tls`` verify the certificate; ``none`` is for a relay on this host
    security: Literal["starttls", "tls", "none"] = "starttls"
    #: to log in with; without one there is no login. A secret: some providers make it a token
    username: Secret | None = None
    password: Secret | None = None  #: of ``username``
    #: where bounces go; ``mail.from_address`` when not set
    envelope_from: EnvelopeAddress | None = None
    timeout_seconds: Seconds = 60.0  #: for each reply of the server
    connections: ConnectionLimit = 8  #: open at once, each kept for many messages
    #: the log of a Postfix or Exim on this host, which is asked about messages in doubt
    log: Path | None = None

    def __post_init__(self) -> None:
        # smtplib encodes a login as ASCII, and would fail in the middle of a round.
        for key, value in (("username", self.username), ("password", self.password)):
            if value is not None and not value.reveal().isascii():
                raise ValueError(f"{key}: expected ASCII characters only")

    @property
    def credentials(self) -> tuple[Secret, ...]:
        """What is logged in with, which a server may quote in its replies."""
        return tuple(filter(None, (self.username, self.password)))

    @contextmanager
    def open(self) -> Iterator[SmtpSession]:
        """Open a connection: greeted, encrypted and logged in as the settings say.

        Raises:
            ChannelUnavailable: The server cannot be reached, rejects the login, or does not offer
                the encryption that the settings ask for.
        """
        session = SmtpSession(self)
        session.connect()
        try:
            yield session
        finally:
            session.close()

    def probe(self) -> ChannelProbe:
        """Connect, encrypt and log in as the settings say, and return what was agreed.

        Raises:
            ChannelUnavailable: As :meth:`open` raises it.
        """
        with self.open() as session:
            encryption, certificate = session.describe_encryption()
        parts = (encryption or "not encrypted", "logged in" if self.username else "no login")
        return ChannelProbe(
            f"{self.host}:{self.port}: {', '.join(parts)}",
            is_encrypted=encryption is not None,
            is_local=self.host in _THIS_MACHINE,
            certificate=certificate,
        )

    def with_timeout(self, seconds: float) -> Self:
        """Return the settings with a timeout of so many seconds, if they have a longer one."""
        return msgspec.structs.replace(self, timeout_seconds=min(self.timeout_seconds, seconds))

    def was_accepted(self, message_id: str) -> bool:
        """Return whether the mail server's log says that it accepted the message."""
        return self.log is not None and was_accepted(self.log, message_id)

    def with_sender(self, from_address: str) -> Self:
        """Return the settings with ``from_address`` as return path, unless they name one."""
        if self.envelope_from is not None:
            return self
        return msgspec.structs.replace(self, envelope_from=from_address)


class _ConnectionSpent(TemporaryFailure):
    """The server takes no more over this connection; it may take the message over another."""


class SmtpSession:
    """One connection, which is made again when it is lost."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._smtp: BoundedConnection | None = None
        self._is_used = False  #: whether a message was sent over the present connection

    def connect(self) -> BoundedConnection:
        """Connect.

        Raises:
            ChannelUnavailable: The message says what to check.
        """
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        self._is_used = False
        try:
            self._smtp = self._open_connection()
        except smtplib.SMTPAuthenticationError as error:
            failure = ChannelRefused if error.smtp_code >= 500 else ChannelUnavailable
            reply = _format_reply(error.smtp_code, error.smtp_error)
            raise failure(
                f"the mail server {where} rejected the login "
                f"({redact(reply, settings.credentials)}): check "
                "channels.smtp.username and channels.smtp.password"
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelUnavailable(
                f"the mail server {where} does not offer what [channels.smtp] asks for: {error}"
            ) from error
        except smtplib.SMTPResponseException as error:
            failure = ChannelRefused if 500 <= error.smtp_code < 600 else ChannelUnavailable
            reply = _format_reply(error.smtp_code, error.smtp_error)
            raise failure(f"the mail server {where} cannot be reached: {reply}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelUnavailable(
                f"the mail server {where} cannot be reached: {error}"
            ) from error
        return self._smtp

    def describe_encryption(self) -> tuple[str | None, tuple[datetime, datetime] | None]:
        """Return the connection's version of TLS, and when its certificate begins and ends.

        Both are None where it is not encrypted.
        """
        wire = self._smtp.sock if self._smtp is not None else None
        if not isinstance(wire, ssl.SSLSocket):
            return None, None
        certificate = wire.getpeercert()  # that of a server that was verified, so it has both
        assert certificate
        begins, ends = (
            datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate[name])), UTC)
            for name in ("notBefore", "notAfter")
        )
        return wire.version(), (begins, ends)

    def _open_connection(self) -> BoundedConnection:
        settings = self._settings
        timeout = settings.timeout_seconds
        smtp: BoundedConnection
        if settings.security == "tls":
            context = _create_tls_context()
            smtp = BoundedSmtpTls(settings.host, settings.port, timeout=timeout, context=context)
        else:
            smtp = BoundedSmtp(settings.host, settings.port, timeout=timeout)
        try:
            # The dot is a packet of its own. Nagle's algorithm would delay it: 43 ms a message.
            if smtp.sock is not None:
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if settings.security == "starttls":
                smtp.starttls(context=_create_tls_context())
            if settings.username:
                password = settings.password.reveal() if settings.password else ""
                smtp.login(settings.username.reveal(), password)
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Send one message in one mail transaction.

        Raises:
            TemporaryFailure: A reply that asks to try later, a full mailbox, or a connection lost
                before the dot.
            MessageRejected: The reply says that the mailbox will never take the message.
            ContentRejected: The reply says that the message is not accepted from anybody.
            SenderRejected: The reply is about us.
            ChannelRefused: The server refuses our address, in its reply to MAIL.
            InDoubt: There was no SMTP reply after the dot.
            DeliveryCancelled: ``before_handover`` raised it.
            ChannelUnavailable: The connection had been lost and cannot be made again.
        """
        was_used = self._smtp is not None and self._is_used
        try:
            return self._transact(envelope, before_handover)
        except (_ConnectionSpent, ChannelRefused):
            if not was_used:
                raise
        # Servers limit the messages of a connection and its age. A new one has no such past.
        self._drop()
        return self._transact(envelope, before_handover)

    def _transact(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Send one message; raise as :meth:`deliver` does, or :class:`_ConnectionSpent`."""
        smtp = self._smtp or self.connect()
        self._is_used = True
        handed_over = False
        try:
            smtp.begin_step(_ENVELOPE_TIMEOUTS * self._settings.timeout_seconds)
            self._send_envelope(smtp, envelope)
            smtp.send(_LINE_STARTING_WITH_DOT.sub(b"..", envelope.body))
            self._expect_silence(smtp)
            before_handover()
            handed_over = True
            return self._send_final_dot(smtp)
        except DeliveryCancelled:
            self._drop()  # without the dot the server discards what it was sent
            raise
        except DeliveryError:
            self._reset()
            raise
        except WatchwordError:
            self._drop()  # the handover could not be recorded, so it must not take place
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if handed_over:
                raise InDoubt(f"no reply to the final dot: {error}") from error
            raise _ConnectionSpent(f"the connection was lost: {error}") from error

    def _send_envelope(self, smtp: BoundedConnection, envelope: Envelope) -> None:
        """Send MAIL, RCPT and DATA, in one packet where the server allows it (RFC 2920).

        The replies come in the order of the commands.
        """
        sender = envelope.sender or self._settings.envelope_from or ""
        size = f" SIZE={len(envelope.body)}" if smtp.has_extn("size") else ""
        commands = (f"MAIL FROM:<{sender}>{size}", f"RCPT TO:<{envelope.recipient}>", "DATA")
        expected: tuple[tuple[SmtpStage, tuple[int, ...]], ...] = (
            ("mail", (250,)),
            ("rcpt", (250, 251)),
            ("data", (354,)),
        )
        if not smtp.has_extn("pipelining"):
            for command, (stage, codes) in zip(commands, expected, strict=True):
                self._expect(smtp.docmd(command), stage, *codes)
            return
        smtp.send("".join(f"{command}\r\n" for command in commands))
        replies = [smtp.getreply() for _ in commands]
        try:
            for reply, (stage, codes) in zip(replies, expected, strict=True):
                self._expect(reply, stage, *codes)
        except DeliveryError:
            if replies[2][0] == 354:  # the server waits for a message that has no recipient
                self._drop()
            raise

    def _send_final_dot(self, smtp: BoundedConnection) -> str:
        """Send the final dot and return the server's reply to it."""
        smtp.send(b".\r\n")
        smtp.begin_step(None)
        smtp.patience = max(self._settings.timeout_seconds, _FINAL_DOT_TIMEOUT)
        code, text = smtp.getreply()
        smtp.patience = None
        if code == -1:
            raise InDoubt(f"the reply to the final dot was not SMTP: {text!r}")
        return self._expect((code, text), "dot", 250)

    @staticmethod
    def _expect_silence(smtp: BoundedConnection) -> None:
        """Check that the server has neither spoken nor hung up before the dot.

        If it has, it has certainly not accepted the message.

        Raises:
            smtplib.SMTPServerDisconnected: It has.
        """
        has_spoken = smtp.sock is not None and select.select([smtp.sock], [], [], 0)[0]
        if has_spoken or smtp.has_unread:
            raise smtplib.SMTPServerDisconnected("the server ended the transaction")

    @staticmethod
    def _expect(reply: tuple[int, bytes], stage: SmtpStage, *codes: int) -> str:
        """Return a reply as text when its code is one of ``codes``.

        Args:
            reply: Code and text, as smtplib gives them.
            stage: When it came.
            codes: The codes of success.

        Raises:
            DeliveryError: The reply has another code.
        """
        code, text = reply
        detail = _format_reply(code, text)
        if code in codes:
            return detail
        if not 400 <= code < 600:
            raise TemporaryFailure(detail)
        if code == _SERVICE_CLOSING or (stage == "mail" and code < 500):
            raise _ConnectionSpent(detail)
        if stage == "rcpt" and _CONNECTION_LIMIT.match(detail):
            raise _ConnectionSpent(detail)
        blame = classify_reply(stage, detail)
        if blame == "sender" and stage == "mail":
            # Our address is all that MAIL says, so every message would be refused.
            said = strip_addresses(detail)
            raise ChannelRefused(f"the mail server refuses our address: {said}")
        raise _FAILURES[blame](detail)

    def _reset(self) -> None:
        try:
            if self._smtp is not None:
                self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()  # the next message gets a new connection

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def close(self) -> None:
        """Send QUIT and close the connection; ignore a server that is already gone."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()


@cache
def _create_tls_context() -> ssl.SSLContext:
    """Return the context with the trusted certificates of the system.

    One for the process: reading the certificates takes longer than sending a message.
    """
    return ssl.create_default_context()


def _format_reply(code: int, text: bytes | str) -> str:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return " ".join(f"{code} {text}".split())[:_MAX_REPLY_LENGTH]

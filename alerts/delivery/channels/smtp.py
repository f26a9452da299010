"""Email over SMTP (RFC 5321): connections that are kept for all messages of a run.

The message is sent in two parts, everything but the final dot and then the dot: only a message
whose dot went out can have been accepted.
"""

from __future__ import annotations

import re
import select
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from alerts.delivery import mta_log
from alerts.delivery.channels import (
    ChannelUnavailable,
    ContentRejected,
    DeliveryCancelled,
    DeliveryError,
    Envelope,
    InDoubt,
    MessageRejected,
    TemporaryFailure,
)

#: The mailbox is full, which people mend; the same code is given for a message that is too large.
_MAILBOX_FULL = re.compile(r"552(?!.* 5\.3\.4)")
_LINE_STARTING_WITH_DOT = re.compile(rb"(?m)^\.")
#: How long the server may think after the final dot (RFC 5321 4.5.3.2.6), in seconds.
_FINAL_DOT_TIMEOUT = 600.0


class SmtpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[channels.smtp]``"""

    kind: ClassVar[str] = "mail"
    host: str = "localhost"
    port: int = 25
    #: ``starttls`` and ``tls`` verify the certificate; ``none`` is for a relay on this host.
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    envelope_from: str | None = None  #: where bounces go; the From address when not set
    timeout_seconds: float = 60.0
    connections: int = 8  #: open at once, each kept for many messages
    log: Path | None = None  #: the log of the mail server, where it is one on this host

    @contextmanager
    def open(self) -> Iterator[SmtpSession]:
        """A connection that is greeted, encrypted and logged in as asked for."""
        session = SmtpSession(self)
        session.connect()
        try:
            yield session
        finally:
            session.close()

    def was_accepted(self, message_id: str) -> bool:
        """Whether the mail server's log says so."""
        return self.log is not None and mta_log.was_accepted(self.log, message_id)


class SmtpSession:
    """One connection, made again when it is lost."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None

    def connect(self) -> smtplib.SMTP:
        """The connection; raises :class:`ChannelUnavailable` when there is none to be had."""
        wanted = self._settings
        where = f"{wanted.host}:{wanted.port}"
        try:
            self._smtp = self._open_connection()
        except smtplib.SMTPAuthenticationError as error:
            raise ChannelUnavailable(
                f"the mail server {where} refused the login of {wanted.username!r} "
                f"({_format_reply(error.smtp_code, error.smtp_error)}): check username "
                "and password in [channels.smtp]"
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelUnavailable(
                f"the mail server {where} does not offer what [channels.smtp] asks for: {error}"
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelUnavailable(
                f"the mail server {where} cannot be reached: {error}"
            ) from error
        return self._smtp

    def _open_connection(self) -> smtplib.SMTP:
        """A connection, encrypted and logged in as the settings ask for."""
        wanted = self._settings
        place = (wanted.host, wanted.port)
        if wanted.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                *place, timeout=wanted.timeout_seconds, context=_create_tls_context()
            )
        else:
            smtp = smtplib.SMTP(*place, timeout=wanted.timeout_seconds)
        try:
            # The dot is a packet of its own and must not wait for company (43 ms a message).
            if smtp.sock is not None:
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if wanted.security == "starttls":
                smtp.starttls(context=_create_tls_context())
            if wanted.username:
                smtp.login(wanted.username, wanted.password or "")
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """One mail transaction."""
        smtp = self._smtp or self.connect()
        handed_over = False
        try:
            self._send_envelope(smtp, envelope)
            smtp.send(_LINE_STARTING_WITH_DOT.sub(b"..", envelope.body))
            self._expect_silence(smtp)
            before_handover()
            handed_over = True
            return self._send_final_dot(smtp)
        except DeliveryCancelled:
            self._drop()  # without its dot the server forgets what it was sent
            raise
        except DeliveryError:
            self._reset()
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if handed_over:
                raise InDoubt(f"no answer after the final dot: {error}") from error
            raise TemporaryFailure(f"the connection was lost: {error}") from error

    def _send_envelope(self, smtp: smtplib.SMTP, envelope: Envelope) -> None:
        """From whom, to whom, and leave to send the rest: in one packet where the server allows it.

        RFC 2920: the answers come in the order of the commands.
        """
        sender = envelope.sender or self._settings.envelope_from or ""
        size = f" SIZE={len(envelope.body)}" if smtp.has_extn("size") else ""
        commands = (f"MAIL FROM:<{sender}>{size}", f"RCPT TO:<{envelope.recipient}>", "DATA")
        expected = ((250,), (250, 251), (354,))
        if not smtp.has_extn("pipelining"):
            for number, (command, codes) in enumerate(zip(commands, expected, strict=True)):
                self._expect(smtp.docmd(command), *codes, is_content=number == 2)
            return
        smtp.send("".join(f"{command}\r\n" for command in commands))
        replies = [smtp.getreply() for _ in commands]
        try:
            for number, (reply, codes) in enumerate(zip(replies, expected, strict=True)):
                self._expect(reply, *codes, is_content=number == 2)
        except DeliveryError:
            if replies[2][0] == 354:  # it waits for a message that nobody may receive
                self._drop()
            raise

    def _send_final_dot(self, smtp: smtplib.SMTP) -> str:
        """The final dot, and what the server says to it."""
        smtp.send(b".\r\n")
        if smtp.sock is not None:
            smtp.sock.settimeout(max(self._settings.timeout_seconds, _FINAL_DOT_TIMEOUT))
        code, words = smtp.getreply()
        if smtp.sock is not None:
            smtp.sock.settimeout(self._settings.timeout_seconds)
        if code == -1:
            raise InDoubt(f"the answer after the final dot was no SMTP: {words!r}")
        return self._expect((code, words), 250, is_content=True)

    @staticmethod
    def _expect_silence(smtp: smtplib.SMTP) -> None:
        """A server that speaks, or hangs up, before the dot has certainly not taken the message."""
        if smtp.sock is not None and select.select([smtp.sock], [], [], 0)[0]:
            raise smtplib.SMTPServerDisconnected("the server ended the transaction")

    @staticmethod
    def _expect(reply: tuple[int, bytes], *codes: int, is_content: bool = False) -> str:
        """What the server said, when it is one of the expected answers."""
        code, words = reply
        said = _format_reply(code, words)
        if code in codes:
            return said
        if not 500 <= code < 600 or _MAILBOX_FULL.match(said):
            raise TemporaryFailure(said)
        raise (ContentRejected if is_content else MessageRejected)(said)

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
        """Say goodbye; a server that is gone already is no matter."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()


@cache
def _create_tls_context() -> ssl.SSLContext:
    """The certificates that are believed; reading them takes longer than sending a message."""
    return ssl.create_default_context()


def _format_reply(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {text}".split())[:300]

"""Email over SMTP (RFC 5321), one connection for all messages of a run.

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
from typing import Literal

import msgspec

from alerts.channels import DeliveryError, InDoubt, Postponed, Refused, Unavailable

#: The mailbox is full, which people mend; the same code is given for a message that is too large.
_FULL = re.compile(r"552(?!.* 5\.3\.4)")
_LINE_STARTING_WITH_DOT = re.compile(rb"(?m)^\.")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[mail.smtp]``"""

    host: str = "localhost"
    port: int = 25
    #: ``starttls`` and ``tls`` verify the certificate; ``none`` is for a relay on this host.
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    envelope_from: str | None = None  #: where bounces go; the From address when not set
    timeout_seconds: float = 60.0

    @contextmanager
    def open(self) -> Iterator[Session]:
        """A connection that is greeted, encrypted and logged in as asked for."""
        session = Session(self)
        session.connect()
        try:
            yield session
        finally:
            session.close()


class Session:
    """One connection, made again when it is lost."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None

    def connect(self) -> smtplib.SMTP:
        """The connection; raises :class:`Unavailable` when there is none to be had."""
        wanted = self._settings
        where = f"{wanted.host}:{wanted.port}"
        try:
            self._smtp = self._opened()
        except smtplib.SMTPAuthenticationError as error:
            raise Unavailable(
                f"the mail server {where} refused the login of {wanted.username!r} "
                f"({_said(error.smtp_code, error.smtp_error)}): check username and password "
                "in [channels.smtp]"
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Unavailable(
                f"the mail server {where} does not offer what [channels.smtp] asks for: {error}"
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"the mail server {where} cannot be reached: {error}") from error
        return self._smtp

    def _opened(self) -> smtplib.SMTP:
        """A connection, encrypted and logged in as the settings ask for."""
        wanted = self._settings
        context = ssl.create_default_context()
        place = (wanted.host, wanted.port)
        if wanted.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                *place, timeout=wanted.timeout_seconds, context=context
            )
        else:
            smtp = smtplib.SMTP(*place, timeout=wanted.timeout_seconds)
        try:
            # The dot is a packet of its own and must not wait for company (43 ms a message).
            if smtp.sock is not None:
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if wanted.security == "starttls":
                smtp.starttls(context=context)
            if wanted.username:
                smtp.login(wanted.username, wanted.password or "")
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def deliver(
        self, message_id: str, recipient: str, body: bytes, about_to_hand_over: Callable[[], None]
    ) -> str:
        """One mail transaction."""
        smtp = self._smtp or self.connect()
        sender = self._settings.envelope_from or ""
        handed_over = False
        try:
            self._expect(smtp.mail(sender), 250)
            self._expect(smtp.rcpt(recipient), 250, 251)
            self._expect(smtp.docmd("DATA"), 354)
            smtp.send(_LINE_STARTING_WITH_DOT.sub(b"..", body))
            self._expect_silence(smtp)
            about_to_hand_over()
            handed_over = True
            smtp.send(b".\r\n")
            code, words = smtp.getreply()
            if code == -1:
                raise InDoubt(f"the answer after the final dot was no SMTP: {words!r}")
            return self._expect((code, words), 250)
        except DeliveryError:
            self._reset(smtp)
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if handed_over:
                raise InDoubt(f"no answer after the final dot: {error}") from error
            raise Postponed(f"the connection was lost: {error}") from error

    @staticmethod
    def _expect_silence(smtp: smtplib.SMTP) -> None:
        """A server that speaks, or hangs up, before the dot has certainly not taken the message."""
        if smtp.sock is not None and select.select([smtp.sock], [], [], 0)[0]:
            raise smtplib.SMTPServerDisconnected("the server ended the transaction")

    @staticmethod
    def _expect(reply: tuple[int, bytes], *codes: int) -> str:
        """What the server said, when it is one of the expected answers."""
        code, words = reply
        said = _said(code, words)
        if code in codes:
            return said
        is_final = 500 <= code < 600 and not _FULL.match(said)
        raise (Refused if is_final else Postponed)(said)

    def _reset(self, smtp: smtplib.SMTP) -> None:
        try:
            smtp.rset()
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


def _said(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {text}".split())[:300]

"""Digests as signed JSON, posted to a web address.

Headers and signature follow Standard Webhooks (https://www.standardwebhooks.com), whose libraries
verify them. A message that is sent again has the same id, so a receiver can ignore duplicates.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import requests

from alerts.delivery.bounded_http import BoundedSession
from alerts.delivery.channel import (
    ChannelSettings,
    ConnectionLimit,
    ContentRejected,
    DeliveryError,
    Envelope,
    MailboxUnavailable,
    MessageRejected,
    Seconds,
    SenderRejected,
    TemporaryFailure,
)
from alerts.secret import Secret

#: 192 bits, the least that Standard Webhooks allows for a symmetric secret.
_MIN_SECRET_BYTES = 24
#: Statuses that ask for another try: found elsewhere for now; Request Timeout, Locked, Too Early,
#: Too Many Requests.
_RETRY_STATUSES = frozenset({302, 303, 307, 408, 423, 425, 429})
#: Statuses that say that nothing can be posted to this address: it has moved for good, does not
#: exist, takes no POST, or is gone. Redirects are not followed.
_NO_ADDRESS_STATUSES = frozenset({301, 308, 404, 405, 410})
#: Statuses about what was posted: Bad Request, too large, of the wrong type, not understood.
_CONTENT_STATUSES = frozenset({400, 406, 413, 415, 422})
#: The most of an answer that is kept for `watchword deliveries`: a line of text.
_MAX_DETAIL_LENGTH = 300


class WebhookSettings(ChannelSettings, frozen=True):
    """``[channels.webhook]``: lets a subscriber be an ``https://`` address."""

    schemes: ClassVar[frozenset[str]] = frozenset({"http", "https"})

    secret: Secret  #: base64 of 24 bytes or more, known to the receivers: signs each message
    timeout_seconds: Seconds = 30.0  #: for one request
    connections: ConnectionLimit = 4  #: sessions that are open at once

    def __post_init__(self) -> None:
        try:
            is_strong = len(self.secret_bytes) >= _MIN_SECRET_BYTES
        except ValueError:
            is_strong = False
        if not is_strong:
            raise ValueError(
                f"secret: expected base64 of {_MIN_SECRET_BYTES} bytes or more, such as "
                f"`openssl rand -base64 32` prints (from {self.secret.source})"
            )

    @contextmanager
    def open(self) -> Iterator[WebhookSession]:
        """Open a session, which keeps its connections to the hosts."""
        with BoundedSession() as session:
            yield WebhookSession(self, session)

    @property
    def secret_bytes(self) -> bytes:
        """The secret, decoded. Raises ``ValueError`` when it is not base64."""
        return base64.b64decode(self.secret.reveal().removeprefix("whsec_"), validate=True)


class WebhookSession:
    """An HTTP session that posts messages."""

    def __init__(self, settings: WebhookSettings, session: requests.Session) -> None:
        self._settings = settings
        self._session = session

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Post one message. Redirects are not followed: only the address itself was subscribed.

        Raises:
            TemporaryFailure: There was no answer, which may be the fault of our network.
            DeliveryError: An answer that is no success; see :func:`_get_failure`.
        """
        headers = self._build_headers(envelope)
        before_handover()
        try:
            answer = self._session.post(
                envelope.recipient,
                data=envelope.body,
                headers=headers,
                timeout=self._settings.timeout_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise TemporaryFailure(_describe_failure(error)[:_MAX_DETAIL_LENGTH]) from error
        detail = f"{answer.status_code} {answer.reason}"[:_MAX_DETAIL_LENGTH]
        if answer.ok and not answer.is_redirect:
            return detail
        raise _get_failure(answer.status_code)(detail)

    def _build_headers(self, envelope: Envelope) -> dict[str, str]:
        message_id = envelope.message_id.strip("<>")
        timestamp = str(int(time.time()))
        signed = f"{message_id}.{timestamp}.".encode() + envelope.body
        signature = hmac.digest(self._settings.secret_bytes, signed, hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "Idempotency-Key": message_id,
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }


def _describe_failure(error: requests.RequestException) -> str:
    """Say why there was no answer: ``ConnectionError: Connection refused``.

    The errors' own texts quote the address, whose path may be a token.
    """
    reasons = (cause.strerror for cause in _list_causes(error) if isinstance(cause, OSError))
    reason = next(filter(None, reasons), None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def _list_causes(error: BaseException) -> list[BaseException]:
    """Return an error and what led to it: its cause, and what ``requests`` and urllib3 wrap."""
    causes: list[BaseException] = [error]
    for cause in causes:
        wrapped = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        new = (one for one in wrapped if isinstance(one, BaseException))
        causes += [one for one in new if not any(one is known for known in causes)]
    return causes


def _get_failure(status: int) -> type[DeliveryError]:
    """Return what an HTTP status that is no success means for the message, by whom it blames.

    What is left, such as 401 and 403, is about us: our signature, or a firewall that blocks us.
    """
    if status in _RETRY_STATUSES or status >= 500:
        return MailboxUnavailable
    if status in _NO_ADDRESS_STATUSES:
        return MessageRejected
    return ContentRejected if status in _CONTENT_STATUSES else SenderRejected

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

    #: base64 of 24 bytes or more, known to nobody else: each receiver's secret is made from it;
    #: `watchword secrets webhook ADDRESS` prints one
    secret: Secret
    #: the one before, while receivers still check signatures with it; messages are signed with both
    former_secret: Secret | None = None
    timeout_seconds: Seconds = 30.0  #: for one request
    connections: ConnectionLimit = 4  #: sessions that are open at once

    def __post_init__(self) -> None:
        for key, secret in (("secret", self.secret), ("former_secret", self.former_secret)):
            if secret is not None and not _is_strong(secret):
                raise ValueError(
                    f"{key}: expected base64 of {_MIN_SECRET_BYTES} bytes or more, such as "
                    f"`openssl rand -base64 32` prints (from {secret.source})"
                )

    @contextmanager
    def open(self) -> Iterator[WebhookSession]:
        """Open a session, which keeps its connections to the hosts."""
        with BoundedSession() as session:
            yield WebhookSession(self, session)

    def list_keys(self, address: str) -> list[bytes]:
        """Return the keys that messages to a receiver are signed with.

        Each receiver has keys of its own: one that forged a message to another could not sign it.
        """
        secrets = filter(None, (self.secret, self.former_secret))
        return [hmac.digest(_decode(one), address.encode(), hashlib.sha256) for one in secrets]

    def show_receiver_secret(self, address: str) -> str:
        """Return a receiver's secret as Standard Webhooks writes it: ``whsec_...``."""
        return f"whsec_{base64.b64encode(self.list_keys(address)[0]).decode()}"


def _decode(secret: Secret) -> bytes:
    """Return the bytes of a secret. Raises ``ValueError`` when it is not base64."""
    return base64.b64decode(secret.reveal().removeprefix("whsec_"), validate=True)


def _is_strong(secret: Secret) -> bool:
    try:
        return len(_decode(secret)) >= _MIN_SECRET_BYTES
    except ValueError:
        return False


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
        keys = self._settings.list_keys(envelope.recipient)
        signatures = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
        marks = [f"v1,{base64.b64encode(one).decode()}" for one in signatures]
        return {
            "Content-Type": "application/json",
            "Idempotency-Key": message_id,
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(marks),
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

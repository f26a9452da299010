"""Digests as JSON to an address on the web, signed so that it can tell they are ours.

Headers and signature are those of Standard Webhooks (https://www.standardwebhooks.com), whose
libraries verify them. What is sent again bears the same id, so a receiver that remembers ids takes
nothing twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import msgspec

from alerts.delivery.channels import Envelope, MessageRejected, TemporaryFailure

if TYPE_CHECKING:
    import requests

#: What Standard Webhooks asks for at least.
_MIN_SECRET_BYTES = 24
_RETRY_STATUSES = frozenset({408, 425, 429})


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[channels.webhook]``: with it, a subscriber may be an ``https://`` address."""

    kind: ClassVar[str] = "webhook"
    secret: str  #: base64; what signatures are made with, known to the receivers
    timeout_seconds: float = 30.0
    connections: int = 4

    @contextmanager
    def open(self) -> Iterator[WebhookSession]:
        """A session that keeps its connections."""
        import requests  # takes a quarter of a second, which only those who use it shall wait

        with requests.Session() as session:
            yield WebhookSession(self, session)

    def was_accepted(self, message_id: str) -> bool:
        """It is sent again under the same id, so nobody need ask."""
        return False

    def __post_init__(self) -> None:
        try:
            strong = len(self.secret_bytes) >= _MIN_SECRET_BYTES
        except ValueError:
            strong = False
        if not strong:
            raise ValueError(
                f"secret: expected base64 of {_MIN_SECRET_BYTES} bytes or more, such as "
                "`openssl rand -base64 32` prints"
            )

    @property
    def secret_bytes(self) -> bytes:
        """The secret's bytes."""
        return base64.b64decode(self.secret.removeprefix("whsec_"), validate=True)


class WebhookSession:
    """A session with web addresses."""

    def __init__(self, settings: WebhookSettings, session: requests.Session) -> None:
        self._settings = settings
        self._session = session

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """One POST; redirects are not followed, since it was not they who were subscribed."""
        import requests

        name = envelope.message_id.strip("<>")
        at = str(int(time.time()))
        signed = f"{name}.{at}.".encode() + envelope.body
        mark = base64.b64encode(
            hmac.digest(self._settings.secret_bytes, signed, hashlib.sha256)
        ).decode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": name,
            "webhook-id": name,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{mark}",
        }
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
            raise TemporaryFailure(f"{type(error).__name__}: {error}"[:300]) from error
        said = f"{answer.status_code} {answer.reason}"
        if answer.ok and not answer.is_redirect:
            return said
        if answer.status_code in _RETRY_STATUSES or answer.status_code >= 500:
            raise TemporaryFailure(said)
        raise MessageRejected(said)

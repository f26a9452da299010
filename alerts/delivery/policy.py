"""How the operator wants messages delivered: in doubt, how fast, how many."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from alerts.delivery.sent_log import SentLog
from alerts.ledger.messages import DueMessage
from alerts.mail.outgoing import DIGEST_LANE

DoubtPolicy = Literal["resend", "hold"]


@dataclass(frozen=True)
class DeliveryPolicy:
    """How the operator wants it done."""

    doubt: DoubtPolicy = "resend"
    per_second: float | None = None
    per_day: int | None = None  #: digests in 24 hours; the rest waits, and the operator is told
    return_address: str | None = None  #: where what cannot be delivered comes back to
    sent_log: SentLog = field(default_factory=SentLog)  #: what was sent, whatever the ledger says


def apply_daily_limit(
    due: Sequence[DueMessage], sent: int, policy: DeliveryPolicy
) -> list[DueMessage]:
    """What may still be sent today: the brake is for digests, which are many."""
    if policy.per_day is None:
        return list(due)
    room = max(0, policy.per_day - sent)
    digests = [entry for entry in due if entry.lane == DIGEST_LANE]
    return [entry for entry in due if entry.lane != DIGEST_LANE] + digests[:room]


class SendRateLimiter:
    """No more than so many a second, over all connections."""

    def __init__(self, per_second: float | None) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        if not self._gap:
            return
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._gap
        time.sleep(max(0.0, at - time.monotonic()))

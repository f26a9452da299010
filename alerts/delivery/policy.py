"""Delivery policy: what to do with messages in doubt, how fast to send, and how many a day."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from alerts.ledger.messages import DueMessage
from alerts.mail import DIGEST_LANE

#: What to do with a message whose acknowledgement was lost: send the same bytes again, or put it
#: on hold for the operator.
DoubtPolicy = Literal["resend", "hold"]


#: Domains that are tried first: one more than the refusals that shut a channel.
_SPREAD_DOMAINS = 4


class DeliveryPolicy(msgspec.Struct, frozen=True):
    """How the operator wants messages delivered, from the ``[mail]`` section."""

    doubt: DoubtPolicy = "resend"
    per_second: float | None = None  #: messages, over all connections; None: as fast as it goes
    per_day: int | None = None  #: digests in 24 hours; the rest waits, and an alarm is raised
    return_address: str | None = None  #: each message's return path is made from it


def apply_daily_limit(
    due: Sequence[DueMessage], sent: int, policy: DeliveryPolicy
) -> list[DueMessage]:
    """Return the messages that may be sent now: digests up to the daily limit, and all others.

    Args:
        due: The messages that are due, in the order in which they are to be sent.
        sent: How many digests were sent in the last 24 hours.
        policy: The policy with the limit.
    """
    if policy.per_day is None:
        return list(due)
    remaining = max(0, policy.per_day - sent)
    digests = [message for message in due if message.lane == DIGEST_LANE]
    return [message for message in due if message.lane != DIGEST_LANE] + digests[:remaining]


def get_domain(recipient: str) -> str:
    """Return who runs the receiving server: the domain of an email address, the host of a URL."""
    return urlsplit(recipient).netloc or recipient.rpartition("@")[2]


def spread_domains(due: Sequence[DueMessage], now: datetime) -> list[DueMessage]:
    """Put a digest for each of a few domains before the others, which keep their order.

    If some domains refuse us and others do not, the first replies already show it. Which ones come
    first changes with each minute, so that no few domains can shut the channel for all others.
    """
    firsts: dict[str, DueMessage] = {}
    for message in due:
        if message.lane == DIGEST_LANE:
            firsts.setdefault(get_domain(message.recipient), message)
    start = int(now.timestamp()) // 60 * _SPREAD_DOMAINS % max(1, len(firsts))
    turned = [*firsts.values()][start:] + [*firsts.values()][:start]
    firsts = {message.recipient: message for message in turned[:_SPREAD_DOMAINS]}
    chosen = {message.id for message in firsts.values()}
    others = [message for message in due if message.id not in chosen]
    urgent = [message for message in others if message.lane != DIGEST_LANE]
    return [*urgent, *firsts.values(), *others[len(urgent) :]]


class SendRateLimiter:
    """Evenly spaced turns, shared by all connections of a channel.

    Not a window of the ``limits`` library: that counts whole seconds of the wall clock, so at 20 a
    second it would let 20 messages go at once and then none for a second. Mail servers count
    bursts too.
    """

    def __init__(self, per_second: float | None) -> None:
        """Space turns ``1 / per_second`` seconds apart; not at all when it is None."""
        self._interval = 1 / per_second if per_second else 0.0
        self._next_turn = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until the caller's turn."""
        if not self._interval:
            return
        with self._lock:
            turn = max(self._next_turn, time.monotonic())
            self._next_turn = turn + self._interval
        time.sleep(max(0.0, turn - time.monotonic()))

"""Delivery policy: messages in doubt, how fast to send, how many a day, and to whom first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from alerts.ledger.claims import DueMessage, LeasePeriods

#: What to do with a message whose acknowledgement was lost: send the same bytes again, or put it
#: on hold for the operator.
DoubtPolicy = Literal["resend", "hold"]


#: Domains that are tried first: one more than the refusals that shut a channel.
_SPREAD_DOMAINS = 4


class DeliveryPolicy(msgspec.Struct, frozen=True):
    """How the operator wants messages delivered, from the ``[mail]`` section."""

    doubt: DoubtPolicy = "resend"
    #: messages, over all connections of all processes; None: as fast as it goes
    per_second: float | None = None
    #: digests in 24 hours, of all processes; the rest waits, and an alarm is raised
    per_day: int | None = None
    return_address: str | None = None  #: each message's return path is made from it
    #: how long what a process has claimed is left to it when nothing is heard of it
    periods: LeasePeriods = LeasePeriods()
    sharers: int = 1  #: processes that deliver now; each opens its part of the connections


def get_domain(recipient: str) -> str:
    """Return who runs the receiving server: the domain of an email address, the host of a URL."""
    return urlsplit(recipient).netloc or recipient.rpartition("@")[2]


def choose_first(due: Sequence[DueMessage], now: datetime) -> list[int]:
    """Return the ids of one digest for each of a few domains, to be sent before the others.

    If some domains refuse us and others do not, the first replies already show it. Which ones come
    first changes with each minute, so that no few domains can shut the channel for all others.

    Args:
        due: Digests, in the order in which they are to be sent.
        now: The time.
    """
    firsts: dict[str, DueMessage] = {}
    for message in due:
        firsts.setdefault(get_domain(message.recipient), message)
    start = int(now.timestamp()) // 60 * _SPREAD_DOMAINS % max(1, len(firsts))
    turned = [*firsts.values()][start:] + [*firsts.values()][:start]
    return [message.id for message in turned[:_SPREAD_DOMAINS]]

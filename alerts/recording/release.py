"""The step from a judged crawl to numbered changes.

What a crawl found is held until its end. A crawl that is believed has its changes numbered at
once; a doubtful one leaves them to the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import held_changes as held
from alerts.ledger import runs

#: How far back "usual" looks.
_LATELY = timedelta(days=60)


class Settled(msgspec.Struct, frozen=True):
    """What became of a crawl's changes."""

    news: Mapping[str, int]  #: by kind: those that alert, when they were released
    held: int = 0
    flood: str | None = None  #: why they are held, when there are too many


def settle(
    connection: Connection, source: str, now: datetime, *, doubt: bool, flood_from: int
) -> Settled:
    """Number what is held of the last crawl of ``source``, or leave it to the operator.

    ``doubt``: the crawl is judged to have misread its pages. ``flood_from``: fewer changes than
    this are never a flood.
    """
    found = held.counts(connection, source)
    if doubt and found:
        return Settled({}, held.keep(connection, source, "drift"))
    too_many = flood(found, runs.most_news(connection, source, now - _LATELY), flood_from)
    if too_many:
        return Settled({}, held.keep(connection, source, "flood"), too_many)
    held.release(connection, source)
    return Settled(found)


#: So many times the most that one crawl brought lately.
_FACTOR = 3


#: Kinds that come one by one: a meeting brings hundreds of questions, never of corrections.
_RARE = frozenset(("corrected", "withdrawn"))


_RARER = 10


def flood(found: Mapping[str, int], most: Mapping[str, int], at_least: int) -> str | None:
    """Why ``found`` (kind → changes that would alert) is a flood; None when it is none.

    ``most`` are the most of each kind that one crawl brought lately, ``at_least`` is the number
    that is never a flood; a tenth of it for corrections and withdrawals.
    """
    for kind, number in sorted(found.items()):
        floor = at_least // _RARER if kind in _RARE else at_least
        usual = most.get(kind, 0)
        if number > max(floor, _FACTOR * usual):
            return (
                f"{number} questions {kind} in one crawl, where {usual} were the most lately: "
                "see `watchword held`, then `watchword release`"
            )
    return None

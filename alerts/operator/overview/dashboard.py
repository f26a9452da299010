"""The numbers of the operator's overview, which are counted once a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

import msgspec
from sqlalchemy import Connection

from alerts.ledger import message_lists, publication, subscriber_lists
from alerts.ledger.message_lists import DayOfMessages
from alerts.ledger.publication import TopicState
from alerts.ledger.subscriber_lists import SubscriberCounts
from alerts.operator.overview.disk_use import DiskUse, StoredPart, measure_disk

T = TypeVar("T")

#: Days of messages that are shown.
DAYS_OF_MESSAGES = 30
#: Days within which subscribers begin or leave. Who has left is deleted after 28 days.
DAYS_OF_SUBSCRIBERS = 28
#: Topics in the ranking.
_RANKED = 8


class Figures(msgspec.Struct, frozen=True):
    """What is counted for the overview."""

    subscribers: SubscriberCounts
    topics: int
    public_topics: int
    ranking: tuple[TopicState, ...]  #: topics with the most subscribers


def count_figures(connection: Connection, now: datetime) -> Figures:
    """Return what is counted for the overview."""
    since = now - timedelta(days=DAYS_OF_SUBSCRIBERS)
    topics, public = publication.count_topics(connection)
    return Figures(
        subscribers=subscriber_lists.count_subscribers(connection, since),
        topics=topics,
        public_topics=public,
        ranking=tuple(publication.rank_states(connection, _RANKED)),
    )


#: A value is kept for so many times as long as it took to make: a fiftieth of a processor at most.
_REST = 50


class Remembered(Generic[T]):
    """A value that is made anew when it is older than a time, and than it is dear to make."""

    def __init__(self, make: Callable[[], T], max_age: float) -> None:
        """Prepare; ``max_age`` is in seconds."""
        self._make, self._max_age = make, max_age
        self._lock = threading.Lock()
        self._value: T | None = None
        self._expires_at = 0.0

    def get(self) -> T:
        """Return the value."""
        with self._lock:
            if self._value is None or time.monotonic() >= self._expires_at:
                began = time.monotonic()
                self._value = self._make()
                ended = time.monotonic()
                self._expires_at = ended + max(self._max_age, (ended - began) * _REST)
            return self._value

    def forget(self) -> None:
        """Make the value anew when it is asked for next: something was changed."""
        with self._lock:
            self._expires_at = 0.0


class MessageDays:
    """Messages by day. A day that is over is counted once."""

    def __init__(self) -> None:
        self._past: dict[date, DayOfMessages] = {}

    def count(self, connection: Connection, now: datetime) -> list[DayOfMessages]:
        """Return the last days, in UTC, the oldest first; today is the last."""
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        begins = [today - timedelta(days=n) for n in range(DAYS_OF_MESSAGES - 1, -1, -1)]
        known = self._past
        found = [known.get(one.date()) or _count_day(connection, one) for one in begins]
        self._past = {one.begin.date(): one for one in found[:-1]}
        return found


def _count_day(connection: Connection, begin: datetime) -> DayOfMessages:
    return message_lists.count_between(connection, begin, begin + timedelta(days=1))


class DiskMeter:
    """Measures the disk, and keeps what it found for ten minutes: it looks at each file."""

    _MAX_AGE = 600.0

    def __init__(self, parts: Sequence[StoredPart], clock: Callable[[], datetime]) -> None:
        """Prepare to measure; ``parts`` may be empty, and then nothing is measured."""
        self._remembered = Remembered(
            lambda: measure_disk(parts, clock()) if parts else None, self._MAX_AGE
        )

    def read(self) -> DiskUse | None:
        """Return how much room there is; None where it is not known what is stored where."""
        return self._remembered.get()

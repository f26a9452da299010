"""What a daemon does now, in words, for whoever looks at it from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from scheduler.clock import Clock

_CRAWL, _DELIVERY = "crawl ", "delivery"
#: How the jobs of the daemon are called while they run; a crawl is called after its source.
_NAMES = {"pipeline": "preparing messages", _DELIVERY: "delivering"}


class Activity:
    """The jobs that run now, since when, and how far the delivery is. Threads share it."""

    def __init__(self, clock: Clock) -> None:
        """Know of no job; ``clock`` returns the time now, aware, in UTC."""
        self._clock = clock
        self._lock = threading.Lock()
        self._begun: dict[str, datetime] = {}  #: by the name of the job
        self._sent = self._due = 0  #: messages of the delivery that runs

    @contextmanager
    def running(self, job: str) -> Iterator[None]:
        """Know while the block runs that a job does: ``crawl london``, ``delivery``."""
        with self._lock:
            is_second = job in self._begun  # it waits for the first, and ends before it
            self._begun.setdefault(job, self._clock())
        try:
            yield
        finally:
            if not is_second:
                with self._lock:
                    del self._begun[job]
                    if job == _DELIVERY:
                        self._sent = self._due = 0

    def note_delivered(self, done: int, due: int) -> None:
        """Keep how many messages are settled, and of how many that are due."""
        with self._lock:
            self._sent, self._due = done, due

    def is_crawling(self, source: str) -> bool:
        """Return whether a source is crawled now."""
        with self._lock:
            return f"{_CRAWL}{source}" in self._begun

    def describe(self) -> str:
        """Return what runs: ``crawling london since 10:02 UTC, sending 120 messages (37 done)``.

        Empty if nothing does.
        """
        with self._lock:
            begun, sent, due = dict(sorted(self._begun.items())), self._sent, self._due
        return ", ".join(_describe_job(name, since, sent, due) for name, since in begun.items())


def _describe_job(name: str, since: datetime, sent: int, due: int) -> str:
    if name.startswith(_CRAWL):
        return f"crawling {name.removeprefix(_CRAWL)} since {since:%H:%M} UTC"
    if name == _DELIVERY and due:
        noun = "message" if due == 1 else "messages"
        return f"sending {due:,} {noun} ({sent:,} done)"
    return _NAMES.get(name, f"running {name}")

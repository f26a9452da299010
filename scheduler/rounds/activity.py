"""What a daemon does now, in words, for whoever looks at it from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from scheduler.clock import Clock

_DELIVERY = "delivery"
#: How the jobs of the daemon are called while they run; a crawl is called after its source.
_NAMES = {"pipeline": "preparing messages", _DELIVERY: "delivering"}


class Activity:
    """The jobs that run now, since when, and how far the delivery is. Threads share it."""

    def __init__(self, clock: Clock, crawls: Mapping[str, str]) -> None:
        """Know of no job that runs.

        Args:
            clock: Returns the time now, aware, in UTC.
            crawls: The source that each job which crawls one reads, by the name of the job.
        """
        self._clock, self._crawls = clock, crawls
        self._lock = threading.Lock()
        self._begun: dict[str, datetime] = {}  #: by the name of the job
        self._sent = self._due = 0  #: messages of the delivery that runs

    @contextmanager
    def running(self, job: str) -> Iterator[None]:
        """Know while the block runs that a job does: ``delivery``."""
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
            return any(self._crawls.get(name) == source for name in self._begun)

    def describe(self) -> str:
        """Return what runs: ``crawling london since 10:02 UTC, sending 120 messages (37 done)``.

        Empty if nothing does.
        """
        with self._lock:
            return ", ".join(self._describe_job(*one) for one in sorted(self._begun.items()))

    def _describe_job(self, name: str, since: datetime) -> str:
        if source := self._crawls.get(name):
            return f"crawling {source} since {since:%H:%M} UTC"
        if name == _DELIVERY and self._due:
            noun = "message" if self._due == 1 else "messages"
            return f"sending {self._due:,} {noun} ({self._sent:,} done)"
        return _NAMES.get(name, f"running {name}")

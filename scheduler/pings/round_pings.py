"""The pings after rounds, which come every half minute: as few as show that all is well."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.pings.check import RunPing
from scheduler.pings.settings import PingSettings


class RoundPings:
    """Knows which parts of the rounds of a process failed last. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: dict[str, str] = {}
        self._was_failing = False
        self._sent_at: datetime | None = None

    def report(
        self, section: PingSettings, part: str, failures: Sequence[str], now: datetime
    ) -> None:
        """Ping after a part of a round: at once where its result is another, else now and then.

        Args:
            section: Whom, and how often.
            part: What ended: ``round``, or ``deliver``, which the daemon does beside rounds.
            failures: What failed and why, a line each.
            now: The present, aware.
        """
        if section.round is None or not self._is_due(section, part, failures, now):
            return
        ping = RunPing(section.round, section)
        if self._failing:
            ping.fail("; ".join(self._failing.values()))
        else:
            ping.succeed("a round ended well")

    def _is_due(
        self, section: PingSettings, part: str, failures: Sequence[str], now: datetime
    ) -> bool:
        with self._lock:
            self._failing.pop(part, None)
            if failures:
                self._failing[part] = "; ".join(failures)
            is_failing = bool(self._failing)
            period = timedelta(minutes=section.round_minutes)
            is_time = self._sent_at is None or not timedelta() <= now - self._sent_at < period
            if not is_time and is_failing == self._was_failing:
                return False
            self._sent_at, self._was_failing = now, is_failing
            return True

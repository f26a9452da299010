"""The due times of subscriptions at one moment, and which rounds there have been since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import digest_rounds
from alerts.ledger.digest_rounds import DigestRound
from alerts.ledger.due_subscriptions import DigestGroup, SubscriptionState
from alerts.ledger.question_lookups import list_meeting_days
from alerts.model import BatchInterval, DayAfterMeeting, Frequency
from alerts.schedule import find_last_due, find_next_due

_STEP = timedelta(microseconds=1)


class DueTime(msgspec.Struct, frozen=True):
    """The newest due time of a group of subscriptions."""

    due: datetime
    #: The first round since then: what was recorded after it waits for the next due time. None
    #: where there was none, or where digests are immediate and wait for no due time.
    round: DigestRound | None


class DueCalendar:
    """The due times at one moment, each computed once. What it has read is kept while it lasts."""

    def __init__(self, now: datetime, batch_interval: timedelta = timedelta()) -> None:
        """Create the calendar of a moment.

        Args:
            now: The moment, in UTC.
            batch_interval: How long immediate digests wait after the last one.
        """
        self.now = now
        self._batch_interval = batch_interval
        self._due_times: dict[DigestGroup, DueTime] = {}
        self._meetings: Mapping[date, datetime] | None = None

    def get_due(self, connection: Connection, group: DigestGroup) -> DueTime:
        """Return the newest due time of a group that has passed."""
        if group not in self._due_times:
            due = find_last_due(
                group.frequency,
                self.now,
                zone=group.zone,
                hour=group.hour,
                batch_interval=self._batch_interval,
                meetings=tuple(self._list_meetings(connection, group.frequency)),
            )
            known_at = self._find_known(connection, group, due)
            waits = not group.frequency.is_immediate
            first = digest_rounds.find_first_since(connection, known_at) if waits else None
            self._due_times[group] = DueTime(due, first)
        return self._due_times[group]

    def _list_meetings(
        self, connection: Connection, frequency: Frequency
    ) -> Mapping[date, datetime]:
        """Return the days of the meetings; few follow them, so they are looked up when needed."""
        if not isinstance(frequency.info.rule, DayAfterMeeting):
            return {}
        if self._meetings is None:
            self._meetings = list_meeting_days(connection, self.now.date())
        return self._meetings

    def _find_known(self, connection: Connection, group: DigestGroup, due: datetime) -> datetime:
        """Return since when a due time is known: after a meeting, with its first question."""
        zone, hour = group.zone, group.hour
        for day, known_at in self._list_meetings(connection, group.frequency).items():
            if find_last_due(group.frequency, self.now, zone, hour, meetings=[day]) == due:
                return max(due, known_at)
        return due

    def find_next_look(self, connection: Connection, state: SubscriptionState) -> datetime:
        """Return when what waits for a subscription that is not due now may be due."""
        group, frequency = state.group, state.group.frequency
        earliest = max(filter(None, (self.now, state.paused_until)))
        if isinstance(frequency.info.rule, BatchInterval):
            if self._batch_interval:
                floor = find_last_due(frequency, earliest - _STEP, "UTC", 0, self._batch_interval)
                return max(floor + self._batch_interval, self.now + _STEP)
            handled = (state.last_due_at or self.now) + _STEP
            return max(earliest, handled) if earliest > self.now else max(self.now + _STEP, handled)
        meetings = tuple(self._list_meetings(connection, frequency))
        moment = max(self.now, earliest - _STEP)
        named = find_next_due(frequency, moment, group.zone, group.hour, meetings)
        # The day of the next meeting becomes known by its questions: looked for once a day.
        daily = find_next_due(Frequency.DAILY, moment, group.zone, group.hour)
        assert daily is not None
        if isinstance(frequency.info.rule, DayAfterMeeting):
            return min(filter(None, (named, daily)))
        return named or daily

"""A clock that is set forward and back: each due digest is sent once, none is lost."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channels import maildir
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, clock_readings, subscriptions, topics
from alerts.ledger.clock_readings import ClockReading
from alerts.ledger.schema import (
    change,
    digest_item,
    message,
    metadata,
    subscription,
)
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.ledger.utc_datetime import UtcDateTime
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import DayAfterMeeting, Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.schedule import find_last_due
from crawler.records import Meeting
from tests.support.empty_ledger import open_empty_ledger
from tests.support.examples import count_examples
from tests.support.samples import make_question

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = DigestSettings(
    Templates(),
    MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://x.example"),
)
#: Those whose due times follow from the clock alone.
FREQUENCIES = [f for f in Frequency if not isinstance(f.info.rule, DayAfterMeeting)]


class World:
    """A ledger with a subscriber of each frequency, and rounds under a clock that is set."""

    def __init__(self, folder: Path, *, has_uptime: bool) -> None:
        self.has_uptime = has_uptime
        self.ledger = open_empty_ledger(folder / "ledger.sqlite3")
        self.real_now = START
        self.recorded: dict[int, datetime] = {}  #: when each change was really recorded
        self.meetings: set[date] = set()  #: at which the recorded questions are asked
        self.sent: dict[tuple[int, int], datetime] = {}  #: when each was really put in a digest
        with self.ledger.writing() as connection:
            topic = topics.ensure(connection, "bench", "benches", START)
            for frequency in Frequency:
                email = f"{frequency}@demo.example"
                person = subscriptions.ensure_subscriber(connection, email, "UTC", 7, START)
                wish = SubscriptionRequest("benches", frequency, "all", "command")
                subscriptions.subscribe(connection, person.id, topic.id, wish, 0, START)
            rows = connection.execute(select(subscription.c.id, subscription.c.frequency))
            self.frequencies = {row.id: Frequency(row.frequency) for row in rows}
        self._matcher = TopicMatcher(self.ledger)
        self.round(timedelta())

    def ask(self) -> None:
        """Record a question that everybody gets, for the meeting on the next Thursday."""
        today = self.real_now.date()
        thursday = today + timedelta(days=1 + (2 - today.weekday()) % 7)
        self.meetings.add(thursday)
        question = make_question(
            len(self.recorded) + 1, words="A bench.", meeting=Meeting("MQT", thursday)
        )
        with self.ledger.writing() as connection:
            made = [QuestionReading(question)]
            record_readings(connection, made, self.real_now, RecordingRules(as_new=True))
            seq = connection.execute(select(change.c.seq).order_by(change.c.seq.desc())).scalar()
            assert seq is not None
        assert self._matcher.match_new_changes() == 1
        self.recorded[seq] = self.real_now

    def round(self, offset: timedelta) -> None:
        """Compose what is due while the clock is wrong by ``offset``."""
        shown = self.real_now + offset
        with self.ledger.writing() as connection:
            clock_readings.record(connection, self._read_clock(shown))
        compose_due_digests(self.ledger, SETTINGS, shown)
        with self.ledger.reading() as connection:
            rows = connection.execute(
                select(digest_item.c.subscription_id, digest_item.c.change_seq)
            )
            for row in rows:
                self.sent.setdefault((row.subscription_id, row.change_seq), self.real_now)

    def _read_clock(self, shown: datetime) -> ClockReading:
        uptime = (self.real_now - START).total_seconds()
        return ClockReading(shown, "boot", uptime) if self.has_uptime else ClockReading(shown)

    def find_due(self, frequency: Frequency) -> datetime:
        return find_last_due(frequency, self.real_now, "UTC", 7, meetings=sorted(self.meetings))


#: How long the rounds go on: four months, and a year in ``make properties``.
DAYS = min(365, count_examples(1200))
#: By how many days the clock is set wrong.
STEPS = (-3650, -400, -1, -1 / 24, 1 / 24, 1 / 12, 1, 8, 400, 3650)


@pytest.mark.slow
@pytest.mark.parametrize("has_uptime", [True, False])
@pytest.mark.parametrize("seed", range(count_examples(10)))
def test_each_due_digest_once_none_lost_and_at_most_one_early(
    tmp_path: Path, seed: int, *, has_uptime: bool
) -> None:
    """Months of rounds while the clock is set at random: each time early at most once."""
    chance = random.Random(seed)  # noqa: S311  # moments, not secrets
    world = World(tmp_path, has_uptime=has_uptime)
    offset, steps, was_ahead = timedelta(), 0, False
    early: Counter[int] = Counter()
    excused: dict[int, datetime] = {}
    while world.real_now < START + DAYS * DAY:
        world.real_now += timedelta(hours=chance.choice([1, 5, 24, 72]))
        if chance.random() < 0.3:
            world.ask()
        is_set = chance.random() < 0.2
        if is_set:
            was_ahead = offset > timedelta()
            offset = timedelta(days=chance.choice(STEPS)) if not offset else timedelta()
            steps += 1
        due = {key: world.find_due(f) for key, f in world.frequencies.items()}
        known = set(world.sent)
        world.round(offset)
        if is_set or not offset:  # under a clock that stays wrong, digests keep its times
            new = set(world.sent) - known
            early.update({key for key, seq in new if world.recorded[seq] > due[key]})
        if is_set and was_ahead and not has_uptime:
            excused = due  # it may have been due by the wrong clock: nothing tells
        if not offset:
            check_nothing_is_late(world, due, excused)
    for key, frequency in world.frequencies.items():
        # A new subscriber's first digest is sent at once, and an immediate one is never early.
        assert frequency.is_immediate or early[key] <= steps + 1, (frequency, early[key], steps)
    world.real_now += 40 * DAY
    world.round(timedelta())
    assert set(world.sent) == {(k, seq) for k in world.frequencies for seq in world.recorded}
    world.ledger.engine.dispose()


def check_nothing_is_late(
    world: World, due: dict[int, datetime], excused: dict[int, datetime]
) -> None:
    """After a round with the right clock, all that was recorded before a due time is sent."""
    late = {
        (key, seq)
        for key in world.frequencies
        for seq, recorded in world.recorded.items()
        if recorded <= due[key] != excused.get(key) and (key, seq) not in world.sent
    }
    assert late == set()


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_a_due_time_in_the_future_is_not_believed(
    ledger: Ledger, frequency: Frequency, now: datetime
) -> None:
    """Also where no round has looked at the clock, as in a ledger of an earlier version."""
    with ledger.writing() as connection:
        topic = topics.ensure(connection, "bench", "benches", now)
        person = subscriptions.ensure_subscriber(connection, "ada@demo.example", "UTC", 7, now)
        wish = SubscriptionRequest("benches", frequency, "all", "command")
        subscriptions.subscribe(connection, person.id, topic.id, wish, 0, now)
        record_readings(
            connection,
            [QuestionReading(make_question(1, words="A bench."))],
            now,
            RecordingRules(as_new=True),
        )
    assert TopicMatcher(ledger).match_new_changes() == 1
    with ledger.writing() as connection:
        connection.execute(update(subscription).values(last_due_at=now + 3650 * DAY))
    assert compose_due_digests(ledger, SETTINGS, now + DAY) == 1


@pytest.mark.slow
def test_no_moment_stays_in_the_future_when_the_clock_goes_back(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    """A round ten years ahead composes, sends and dates; the next one brings all of it back."""
    ahead = now + 3650 * DAY
    with ledger.writing() as connection:
        clock_readings.record(connection, ClockReading(now))
        topic = topics.ensure(connection, "bench", "benches", now)
        person = subscriptions.ensure_subscriber(connection, "ada@demo.example", "UTC", 7, now)
        wish = SubscriptionRequest("benches", Frequency.DAILY, "all", "command")
        subscriptions.subscribe(connection, person.id, topic.id, wish, 0, now)
    with ledger.writing() as connection:
        assert not clock_readings.record(connection, ClockReading(ahead))
        record_readings(
            connection,
            [QuestionReading(make_question(1, words="A bench."))],
            ahead,
            RecordingRules(as_new=True),
        )
    assert TopicMatcher(ledger).match_new_changes() == 1
    assert compose_due_digests(ledger, SETTINGS, ahead) == 1
    deliver_due(ledger, ChannelTable((maildir.MaildirSettings(tmp_path),)), lambda: ahead)
    with ledger.writing() as connection:
        assert clock_readings.record(connection, ClockReading(now))
        for table in metadata.sorted_tables:
            if table.name == "clock_reading":
                continue
            for column in table.c:
                if isinstance(column.type, UtcDateTime):
                    late = connection.execute(select(column).where(column > now + DAY)).all()
                    assert late == [], column
        sent = connection.execute(select(message.c.sent_at)).scalar_one()
        assert sent == now

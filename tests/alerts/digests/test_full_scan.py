"""Each round composes what going through all subscriptions would find, whatever happens.

The clock is right here; `test_clock_steps` sets it.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import (
    Ledger,
    bounces,
    due_sweep,
    notices,
    subscriptions,
)
from alerts.ledger.schema import digest_item, digest_notice, subscription
from alerts.ledger.subscriptions import Subscription, SubscriptionEdit, SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency, Subscriber, Updates
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import (
    SubscriberDefaults,
    change_query,
    edit_alert,
    end_alerts,
    list_undoable,
    pause_alert,
    restore_alerts,
    resume_alert,
    set_schedule,
    subscribe,
    undo_change,
)
from crawler.records import Meeting, Question
from tests.support.examples import count_examples
from tests.support.full_scan import Expected, FullScan
from tests.support.samples import make_answer, make_question

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
WORDS = ("benches", "trees", "ferries")
ZONES = ("Europe/London", "Asia/Kathmandu", "Pacific/Auckland")
UPDATES: tuple[Updates, ...] = ("all", "asked", "answered")
SETTINGS = DigestSettings(
    Templates(),
    MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://x.example"),
)


class History:
    """A random history of a ledger, in rounds."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self.ledger = ledger
        self.chance = random.Random(seed)  # noqa: S311  # a history, no secret
        self.now = START
        self.scan = FullScan()
        self.questions: list[Question] = []
        self.people = [f"reader{number}@demo.example" for number in range(4)]
        self.done: list[str] = []  #: for the message of a failure

    def run(self, rounds: int) -> None:
        """Let something happen before each of some rounds."""
        for _ in range(rounds):
            minutes = self.chance.choice([1, 7, 40, 180, 600, 1500, 6000])
            self.now += timedelta(minutes=minutes)
            for _ in range(self.chance.randrange(4)):
                self._let_happen()
            self._run_round()

    def _let_happen(self) -> None:
        happen = self.chance.choice(
            [self._ask, self._ask, self._ask, self._answer, self._notify, *[self._change] * 4]
        )
        happen()

    def _ask(self) -> None:
        words = " and ".join(self.chance.sample(WORDS, self.chance.randint(1, 2)))
        day = self.now.date() + timedelta(days=self.chance.randint(0, 5))
        number = len(self.questions) + 1
        made = make_question(number, words=f"About {words}.", meeting=Meeting("MQT", day))
        self.questions.append(made)
        self._record(made)

    def _answer(self) -> None:
        if not self.questions:
            return
        old = self.chance.choice(self.questions)
        text = f"{self.chance.choice(WORDS)} {self.chance.random()}"
        answered = make_question(
            self.questions.index(old) + 1,
            make_answer(text),
            words=old.question[0].paragraphs[0],
            meeting=old.meeting,
        )
        self._record(answered)

    def _record(self, made: Question) -> None:
        with self.ledger.writing() as connection:
            rules = RecordingRules(as_new=True)
            record_readings(connection, [QuestionReading(made)], self.now, rules)
        self.done.append(f"{self.now} record {made.id} {made.status}")

    def _notify(self) -> None:
        with self.ledger.writing() as connection:
            last = notices.find_latest(connection, "london")
            kind = "restored" if last and last.kind == "unavailable" else "unavailable"
            notices.add(connection, "london", "x.example", kind, self.now, self.now)  # type: ignore[arg-type]
        self.done.append(f"{self.now} notice {kind}")

    def _change(self) -> None:
        email = self.chance.choice(self.people)
        with self.ledger.writing() as connection:
            person = subscriptions.find_subscriber_by_email(connection, email)
            active = subscriptions.list_active(connection, person.id) if person else []
            what = self.chance.choice(["alert", "person", "new"])
            if person is None or not active or what == "new":
                said = self._subscribe(connection, email)
            elif what == "person":
                said = self._change_person(connection, person)
            else:
                said = self._change_alert(connection, self.chance.choice(active))
        self.done.append(f"{self.now} {email} {said}")

    def _subscribe(self, connection: Connection, email: str) -> str:
        frequency = self.chance.choice(list(Frequency))
        query, question_id, days = self.chance.choice(WORDS), None, None
        if self.questions and self.chance.random() < 0.3:
            question_id, days = self.chance.choice(self.questions).id, self.chance.randint(0, 4)
        updates = self.chance.choice(UPDATES)
        request = SubscriptionRequest(
            query, frequency, updates, "page", overdue_days=days, question_id=question_id
        )
        subscribe(connection, email, request, SubscriberDefaults("UTC", 7), self.now)
        return f"subscribes to {question_id or query} {frequency} {updates} {days}"

    def _change_person(self, connection: Connection, person: Subscriber) -> str:
        now, key = self.now, person.id
        what = self.chance.choice(
            ["schedule", "soft bounce", "suspend", "send again", "leave", "come back", "undo"]
        )
        if what == "schedule":
            set_schedule(
                connection, person, self.chance.choice(ZONES), self.chance.randrange(24), now
            )
        elif what == "soft bounce":
            bounces.pause_subscriber(connection, key, now + timedelta(hours=30))
        elif what == "suspend":
            bounces.suspend_subscriber(connection, key, "operator", now)
        elif what == "send again":
            bounces.remove_suppression(connection, person.email)
        elif what == "leave":
            end_alerts(connection, key, None, now)
        elif what == "come back":
            restore_alerts(connection, person, now)
        else:
            for undoable in list_undoable(connection, key, now)[:1]:
                undo_change(connection, person, undoable.id, now)
                what += f" {undoable.action}"
        return what

    def _change_alert(self, connection: Connection, alert: Subscription) -> str:
        now, key, topic = self.now, alert.subscriber_id, alert.topic_id
        what = self.chance.choice(["edit", "pause", "pause for a time", "resume", "query", "end"])
        if what == "edit":
            frequency, updates = self.chance.choice(list(Frequency)), self.chance.choice(UPDATES)
            edit_alert(
                connection, alert, SubscriptionEdit(frequency, updates, "full", None), None, now
            )
            what += f" {frequency} {updates}"
        elif what == "pause":
            pause_alert(connection, key, topic, now)
        elif what == "pause for a time":
            pause_alert(connection, key, topic, now, timedelta(hours=self.chance.randint(1, 60)))
        elif what == "resume":
            resume_alert(connection, key, topic, now)
        elif what == "query" and alert.canonical is not None:
            change_query(connection, alert, self.chance.choice(WORDS), now)
        elif what == "end":
            end_alerts(connection, key, topic, now)
        return f"{what} of {alert.id}"

    def _run_round(self) -> None:
        self.done.append(f"round at {self.now}")
        TopicMatcher(self.ledger).match_new_changes()
        with self.ledger.writing() as connection:
            subscriptions.resume_due(connection, self.now)
        with self.ledger.reading() as connection:
            expected = self.scan.run_round(connection, self.now)
            before = read_digests(connection)
        compose_due_digests(self.ledger, SETTINGS, self.now)
        with self.ledger.reading() as connection:
            after = read_digests(connection)
            missed = due_sweep.list_missed(connection)
        found = Expected(
            after.items - before.items,
            after.reminders - before.reminders,
            after.notices - before.notices,
        )
        assert found == expected, "\n".join(self.done[-60:])
        assert missed == (), "\n".join(self.done[-60:])


def read_digests(connection: Connection) -> Expected:
    """Return everything that was ever put into digests."""
    items = connection.execute(select(digest_item.c.subscription_id, digest_item.c.change_seq))
    reminded = select(subscription.c.id, subscription.c.overdue_notified_at)
    given = connection.execute(select(digest_notice.c.subscriber_id, digest_notice.c.notice_id))
    return Expected(
        frozenset((row[0], row[1]) for row in items),
        frozenset(
            row.id for row in connection.execute(reminded) if row.overdue_notified_at is not None
        ),
        frozenset((row[0], row[1]) for row in given),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(count_examples(30)))
def test_each_round_composes_what_a_full_scan_finds(ledger: Ledger, seed: int) -> None:
    History(ledger, seed).run(100)

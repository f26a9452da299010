"""The step from match to message: email is sent what, when, and how often."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import event, insert, select, update

from alerts.digests import DigestSettings, compose_due_digests, preview_due_digests
from alerts.ledger import Ledger, alarms, due_sweep, matches, open_ledger, topics
from alerts.ledger.due_schema import due_subscriber
from alerts.ledger.messages import decompress_body
from alerts.ledger.range_schema import topic_range
from alerts.ledger.schema import message, subscription
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency, Updates
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe, unsubscribe
from crawler.records import Meeting, Question
from tests.support.samples import HOLDING_TEXT, make_answer, make_question
from tests.support.service import get_plain_text

IDENTITY = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://demo.example")
TEMPLATES = Templates()
ADA = "ada@demo.example"


def subscribe_ada(
    ledger: Ledger,
    now: datetime,
    query: str,
    every: Frequency = Frequency.IMMEDIATE,
    updates: Updates = "all",
) -> None:
    with ledger.writing() as connection:
        request = SubscriptionRequest(query, every, updates, "command")
        subscribe(connection, ADA, request, SubscriberDefaults("Europe/London", 7), now)


def record(ledger: Ledger, now: datetime, *readings: Question, baseline: bool = False) -> None:
    with ledger.writing() as connection:
        record_readings(
            connection,
            [QuestionReading(r) for r in readings],
            now,
            RecordingRules(baseline=baseline),
        )
    TopicMatcher(ledger).match_new_changes()


def read_emails(ledger: Ledger) -> list[EmailMessage]:
    parser = BytesParser(policy=policy.default)
    with ledger.reading() as connection:
        bodies = connection.execute(select(message.c.body).order_by(message.c.id)).scalars()
        return [parser.parsebytes(decompress_body(body)) for body in bodies]


def read_subjects(ledger: Ledger) -> list[str]:
    return [str(mail["Subject"]) for mail in read_emails(ledger)]


def compose(ledger: Ledger, now: datetime) -> int:
    return compose_due_digests(ledger, DigestSettings(TEMPLATES, IDENTITY), now)


def test_a_new_subscription_gets_no_history(ledger: Ledger, now: datetime) -> None:
    record(ledger, now, make_question(1, words="About VRU."))
    subscribe_ada(ledger, now, "VRU")
    TopicMatcher(ledger).match_new_changes()
    assert compose(ledger, now) == 0
    record(ledger, now, make_question(2, words="More about VRU."))
    assert compose(ledger, now) == 1
    assert "/questions/2" in get_plain_text(read_emails(ledger)[0])
    assert "/questions/1\n" not in get_plain_text(read_emails(ledger)[0])


def test_composing_again_does_nothing(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU")
    record(ledger, now, make_question(1, words="About VRU."))
    assert [compose(ledger, now) for _ in range(3)] == [1, 0, 0]


def test_two_topics_are_one_email_with_one_entry_a_question(ledger: Ledger, now: datetime) -> None:
    for query in ("VRU", "knife crime", "benches"):
        subscribe_ada(ledger, now, query)
    record(
        ledger,
        now,
        make_question(1, words="VRU and knife crime."),
        make_question(2, words="Benches."),
    )
    assert compose(ledger, now) == 1
    [mail] = read_emails(ledger)
    text = get_plain_text(mail)
    assert (
        Counter(line for line in text.splitlines() if "/questions/" in line).most_common(1)[0][1]
        == 1
    )
    shown = " ".join(text.split())
    assert "Also matches knife crime." in shown
    assert shown.index("VRU ===") < shown.index("Also matches") < shown.index("knife crime ===")
    assert "1 question is shown above, under another alert." in shown.partition("crime ===")[2]
    assert mail["Subject"] == "VRU, knife crime and benches: 2 new questions"


def test_asked_and_answered_since_the_last_digest_is_one_entry(
    ledger: Ledger, now: datetime
) -> None:
    subscribe_ada(ledger, now, "VRU")
    record(ledger, now, make_question(1, words="About VRU."))
    record(
        ledger, now, make_question(1, make_answer(HOLDING_TEXT, holding=True), words="About VRU.")
    )
    record(ledger, now, make_question(1, make_answer("Yes."), words="About VRU."))
    compose(ledger, now)
    assert read_subjects(ledger) == ["VRU: 1 answer"]
    assert "\n\nAnswered\nQuestion 1\n" in get_plain_text(read_emails(ledger)[0])


@pytest.mark.parametrize(("updates", "expected"), [("asked", 1), ("answered", 1), ("all", 2)])
def test_updates_decide_which_kinds_are_sent(
    ledger: Ledger, now: datetime, updates: Updates, expected: int
) -> None:
    subscribe_ada(ledger, now, "VRU", updates=updates)
    record(ledger, now, make_question(1, words="About VRU."))
    first = compose(ledger, now)
    record(ledger, now, make_question(1, make_answer("Yes."), words="About VRU."))
    later = compose(ledger, now + timedelta(hours=1))
    assert first + later == expected
    assert (first, later) == {"asked": (1, 0), "answered": (0, 1), "all": (1, 1)}[updates]


def test_silent_changes_are_sent_to_nobody(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU")
    record(ledger, now, make_question(1, words="About VRU."), baseline=True)
    old = Meeting(None, date(2018, 12, 20))
    record(ledger, now, make_question(2, words="About VRU.", meeting=old))
    assert compose(ledger, now) == 0


def test_the_first_digest_comes_at_once_and_the_next_in_the_morning(
    ledger: Ledger, now: datetime
) -> None:
    subscribe_ada(ledger, now, "VRU", Frequency.DAILY)
    assert compose(ledger, now) == 0
    record(ledger, now, make_question(1, words="About VRU."))
    assert compose(ledger, now) == 1  # noon
    record(ledger, now, make_question(2, words="About VRU."))
    assert compose(ledger, now + timedelta(hours=10)) == 0
    morning = now.replace(hour=6) + timedelta(days=1)  # 07:00 in London
    assert compose(ledger, morning - timedelta(seconds=1)) == 0
    assert compose(ledger, morning) == 1


def test_a_match_after_an_empty_due_time_waits_for_the_next(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU", Frequency.DAILY)
    record(ledger, now, make_question(1, words="About VRU."))
    compose(ledger, now)
    morning = now.replace(hour=6) + timedelta(days=1)
    assert compose(ledger, morning) == 0
    record(ledger, morning, make_question(2, words="About VRU."))
    assert compose(ledger, morning + timedelta(hours=5)) == 0
    assert compose(ledger, morning + timedelta(days=1)) == 1


def test_days_of_downtime_end_with_one_digest(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU", Frequency.DAILY)
    record(ledger, now, make_question(1, words="About VRU."))
    compose(ledger, now)
    record(ledger, now, make_question(2, words="About VRU."), make_question(3, words="About VRU."))
    assert compose(ledger, now + timedelta(days=5)) == 1
    assert read_subjects(ledger)[-1] == "VRU: 2 new questions"


def test_daily_and_weekly_topics_share_an_email(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU", Frequency.DAILY)
    subscribe_ada(ledger, now, "benches", Frequency.WEEKLY)
    record(ledger, now, make_question(1, words="VRU and benches."))
    compose(ledger, now)
    record(ledger, now, make_question(2, words="About VRU."), make_question(3, words="Benches."))
    monday = now.replace(hour=6) + timedelta(days=4)
    assert compose(ledger, monday) == 1
    assert read_subjects(ledger)[-1] == "VRU and benches: 2 new questions"


def test_a_resubscriber_is_sent_nothing_of_the_time_between(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU")
    with ledger.writing() as connection:
        assert unsubscribe(connection, ADA, "VRU", now) == 1
    record(ledger, now, make_question(1, words="About VRU."))
    subscribe_ada(ledger, now, "VRU")
    assert compose(ledger, now) == 0
    record(ledger, now, make_question(2, words="About VRU."))
    assert compose(ledger, now) == 1
    assert read_subjects(ledger) == ["VRU: 1 new question"]


def test_words_within_words_do_not_match(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU")
    record(ledger, now, make_question(1, words="Approval of the vruum of buses."))
    assert compose(ledger, now) == 0


@pytest.mark.slow
def test_a_new_topic_is_matched_with_all_earlier_changes(ledger: Ledger, now: datetime) -> None:
    record(ledger, now, *(make_question(n, words=f"Number {n} on VRU.") for n in range(1, 451)))
    with ledger.writing() as connection:
        topic = topics.ensure(connection, "VRU", "VRU", now)
    assert TopicMatcher(ledger).match_new_changes() == 450
    assert TopicMatcher(ledger).match_new_changes() == 0
    with ledger.reading() as connection:
        assert matches.get_newest_seq(connection, topic.id) == 450


def test_a_written_question_has_a_date_and_no_meeting(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU")
    record(
        ledger, now, make_question(1, words="About VRU.", meeting=Meeting(None, date(2026, 7, 3)))
    )
    record(ledger, now, make_question(2, words="More about VRU."))
    assert compose(ledger, now) == 1
    text = get_plain_text(read_emails(ledger)[0])
    assert "\n3 July 2026, question 2026/0001\n" in text
    assert "\nMeeting of 16 July 2026, question 2026/0002\n" in text


def test_the_attribution_of_a_source_is_shown_once(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU")
    record(
        ledger, now, make_question(1, words="About VRU."), make_question(2, words="More about VRU.")
    )
    attributions = {"london": "Filler attribution.", "elsewhere": "Never seen here."}
    compose_due_digests(
        ledger,
        DigestSettings(TEMPLATES, msgspec.structs.replace(IDENTITY, attributions=attributions)),
        now,
    )
    [mail] = read_emails(ledger)
    assert get_plain_text(mail).count("Filler attribution.") == 1
    html = mail.get_body(("html",))
    assert html is not None
    assert html.get_content().count("Filler attribution.") == 1
    assert "Never seen here." not in mail.as_string()


def test_a_preview_has_the_bytes_of_the_message(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU", Frequency.MONTHLY)
    record(ledger, now, make_question(1, words="About VRU."))
    for _ in range(2):
        with ledger.reading() as connection:
            (preview,) = preview_due_digests(connection, DigestSettings(TEMPLATES, IDENTITY), now)
        assert "About *VRU*." in preview.text
        assert "VRU</mark>" in preview.html
    assert read_emails(ledger) == []
    assert compose(ledger, now) == 1
    with ledger.reading() as connection:
        body = connection.execute(select(message.c.body)).scalar_one()
        assert decompress_body(body) == preview.message.body
        assert list(preview_due_digests(connection, DigestSettings(TEMPLATES, IDENTITY), now)) == []


def test_a_monthly_digest_comes_on_the_first(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU", Frequency.MONTHLY)
    record(ledger, now, make_question(1, words="About VRU."))
    assert compose(ledger, now) == 1  # the first one comes with the first match
    record(ledger, now, make_question(2, words="More on VRU."))
    assert compose(ledger, now + timedelta(days=15)) == 0  # 31 July
    assert compose(ledger, now + timedelta(days=16)) == 1
    assert compose(ledger, now + timedelta(days=17)) == 0


def test_a_burst_is_one_email_after_the_first(ledger: Ledger, now: datetime) -> None:
    def compose_after(after: timedelta) -> int:
        return compose_due_digests(
            ledger, DigestSettings(TEMPLATES, IDENTITY, timedelta(minutes=5)), now + after
        )

    subscribe_ada(ledger, now, "VRU")
    record(ledger, now, make_question(1, words="About VRU."))
    assert compose_after(timedelta(minutes=1)) == 1
    for number in (2, 3):
        record(ledger, now, make_question(number, words="About VRU."))
        assert compose_after(timedelta(minutes=number)) == 0
    assert compose_after(timedelta(minutes=5)) == 1
    assert read_subjects(ledger)[-1] == "VRU: 2 new questions"
    assert compose_after(timedelta(minutes=11)) == 0


def test_a_digest_that_fails_holds_up_no_other(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    """An operator's template fails on one question; the other subscriber gets their digest."""
    (tmp_path / "mail").mkdir()
    failing = "{{ 1 // (0 if 'Two' in entry.question.title else 1) }}"
    (tmp_path / "mail" / "entry.txt").write_text(failing)
    with ledger.writing() as connection:
        for email, query in ((ADA, "VRU"), ("vera@demo.example", "benches")):
            request = SubscriptionRequest(query, Frequency.IMMEDIATE, "all", "command")
            subscribe(connection, email, request, SubscriberDefaults("Europe/London", 7), now)
    record(
        ledger, now, make_question(1, words="Benches."), make_question(2, title="Two", words="VRU.")
    )
    assert compose_due_digests(ledger, DigestSettings(Templates(tmp_path), IDENTITY), now) == 1
    assert [mail["To"] for mail in read_emails(ledger)] == ["vera@demo.example"]
    with ledger.reading() as connection:
        [alarm] = alarms.list_open(connection)
    assert (alarm.source, alarm.kind) == (None, "compose")
    assert compose(ledger, now + timedelta(hours=1)) == 1  # with our own template
    with ledger.reading() as connection:
        assert alarms.list_open(connection) == []


def test_who_has_topics_of_a_range_that_is_behind_waits_for_it(
    ledger: Ledger, now: datetime
) -> None:
    """Otherwise a question that matches topics of two ranges would come in two digests."""
    subscribe_ada(ledger, now, "VRU")
    record(ledger, now, make_question(1, words="About VRU."))
    with ledger.writing() as connection:
        connection.execute(insert(topic_range).values(id=1, matched_up_to=0))
        before = connection.execute(select(due_subscriber.c.is_settled)).scalar_one()
    assert compose(ledger, now) == 0
    with ledger.writing() as connection:
        row = connection.execute(select(due_subscriber)).one()
        assert (row.is_settled, row.due_at) == (before, now + timedelta(seconds=10))
        connection.execute(update(topic_range).values(matched_up_to=1))
    assert compose(ledger, now) == 0
    assert compose(ledger, now + timedelta(seconds=10)) == 1


def test_a_match_wakes_whoever_composes(ledger: Ledger, now: datetime) -> None:
    subscribe_ada(ledger, now, "VRU")
    with ledger.writing() as connection:
        question = QuestionReading(make_question(1, words="About VRU."))
        record_readings(connection, [question], now, RecordingRules())
    woken: list[str] = []
    announcing = ledger.announcing_by(lambda _, names: woken.extend(names))
    TopicMatcher(announcing).match_new_changes()
    assert woken == ["compose"]


def test_a_change_before_the_due_time_is_sent_for_it_though_it_is_matched_later(
    ledger: Ledger, now: datetime
) -> None:
    """In a cluster, the round of a due time does not wait for matching."""
    subscribe_ada(ledger, now, "VRU", Frequency.WEEKLY)
    record(ledger, now, make_question(1, words="About VRU."))
    assert compose(ledger, now) == 1
    monday = datetime(2026, 7, 20, 6, tzinfo=now.tzinfo)  # 7 o'clock in London
    minute = timedelta(minutes=1)
    with ledger.writing() as connection:
        question = QuestionReading(make_question(2, words="More about VRU."))
        record_readings(connection, [question], monday - minute, RecordingRules())
    assert compose(ledger, monday) == 0
    TopicMatcher(ledger).match_new_changes()
    assert compose(ledger, monday + minute) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_frequency_that_changes_while_matches_are_noted_loses_no_digest(
    ledger: Ledger, ledger_url: str, now: datetime
) -> None:
    subscribe_ada(ledger, now, "VRU", Frequency.WEEKLY)
    record(ledger, now, make_question(1, words="About VRU."))
    assert compose(ledger, now) == 1
    other = open_ledger(ledger_url)
    changed: list[str] = []

    def change(_1: object, _2: object, statement: str, *_: object) -> None:
        if not changed and statement.startswith("INSERT INTO due_subscriber"):
            changed.append("monthly")
            with other.writing() as connection:
                connection.execute(update(subscription).values(frequency="monthly"))

    event.listen(ledger.engine, "before_cursor_execute", change)
    record(ledger, now, make_question(2, words="More about VRU."))
    with ledger.reading() as connection:
        assert due_sweep.list_missed(connection) == ()
        assert connection.execute(select(subscription.c.frequency)).scalar_one() == "monthly"
    other.close()

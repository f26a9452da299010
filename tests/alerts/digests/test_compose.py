"""From match to message: who is sent what, when, and how often."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from alerts.digests import DigestSettings, compose_due_digests, preview_due_digests
from alerts.ledger import Ledger, alarms, matches, topics
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
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

HEAD = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://demo.example")
TEMPLATES = Templates()
ADA = "ada@demo.example"


def watch(
    ledger: Ledger,
    now: datetime,
    query: str,
    every: Frequency = Frequency.IMMEDIATE,
    wants: Updates = "all",
) -> None:
    with ledger.writing() as connection:
        wish = SubscriptionRequest(query, every, wants, "command")
        subscribe(connection, ADA, wish, SubscriberDefaults("Europe/London", 7), now)


def read(ledger: Ledger, now: datetime, *readings: Question, baseline: bool = False) -> None:
    with ledger.writing() as connection:
        record_readings(
            connection,
            [QuestionReading(r) for r in readings],
            now,
            RecordingRules(baseline=baseline),
        )
    TopicMatcher(ledger).match_new_changes()


def mails(ledger: Ledger) -> list[EmailMessage]:
    parser = BytesParser(policy=policy.default)
    with ledger.reading() as connection:
        bodies = connection.execute(select(message.c.body).order_by(message.c.id)).scalars()
        return [parser.parsebytes(decompress_body(body)) for body in bodies]


def subjects(ledger: Ledger) -> list[str]:
    return [str(mail["Subject"]) for mail in mails(ledger)]


def go(ledger: Ledger, now: datetime) -> int:
    return compose_due_digests(ledger, DigestSettings(TEMPLATES, HEAD), now)


def test_a_new_subscription_gets_no_history(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(1, words="About VRU."))
    watch(ledger, now, "VRU")
    TopicMatcher(ledger).match_new_changes()
    assert go(ledger, now) == 0
    read(ledger, now, make_question(2, words="More about VRU."))
    assert go(ledger, now) == 1
    assert "/questions/2" in get_plain_text(mails(ledger)[0])
    assert "/questions/1\n" not in get_plain_text(mails(ledger)[0])


def test_composing_again_does_nothing(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="About VRU."))
    assert [go(ledger, now) for _ in range(3)] == [1, 0, 0]


def test_two_topics_are_one_email_and_each_question_stands_once(
    ledger: Ledger, now: datetime
) -> None:
    for query in ("VRU", "knife crime", "benches"):
        watch(ledger, now, query)
    read(
        ledger,
        now,
        make_question(1, words="VRU and knife crime."),
        make_question(2, words="Benches."),
    )
    assert go(ledger, now) == 1
    [mail] = mails(ledger)
    text = get_plain_text(mail)
    assert (
        Counter(line for line in text.splitlines() if "/questions/" in line).most_common(1)[0][1]
        == 1
    )
    assert "VRU (in question); knife crime (in question)" in " ".join(text.split())
    assert mail["Subject"] == "VRU, knife crime, benches: 2 new questions"


def test_asked_and_answered_since_the_last_digest_is_one_entry(
    ledger: Ledger, now: datetime
) -> None:
    watch(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="About VRU."))
    read(ledger, now, make_question(1, make_answer(HOLDING_TEXT, holding=True), words="About VRU."))
    read(ledger, now, make_question(1, make_answer("Yes."), words="About VRU."))
    go(ledger, now)
    assert subjects(ledger) == ["VRU: 1 new answer"]
    assert get_plain_text(mails(ledger)[0]).startswith("ANSWERED\n")


@pytest.mark.parametrize(("wants", "expected"), [("asked", 1), ("answered", 1), ("all", 2)])
def test_only_what_is_wanted(ledger: Ledger, now: datetime, wants: Updates, expected: int) -> None:
    watch(ledger, now, "VRU", wants=wants)
    read(ledger, now, make_question(1, words="About VRU."))
    first = go(ledger, now)
    read(ledger, now, make_question(1, make_answer("Yes."), words="About VRU."))
    later = go(ledger, now + timedelta(hours=1))
    assert first + later == expected
    assert (first, later) == {"asked": (1, 0), "answered": (0, 1), "all": (1, 1)}[wants]


def test_silent_changes_are_sent_to_nobody(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="About VRU."), baseline=True)
    old = Meeting(None, date(2018, 12, 20))
    read(ledger, now, make_question(2, words="About VRU.", meeting=old))
    assert go(ledger, now) == 0


def test_the_first_digest_comes_at_once_and_the_next_in_the_morning(
    ledger: Ledger, now: datetime
) -> None:
    watch(ledger, now, "VRU", Frequency.DAILY)
    assert go(ledger, now) == 0
    read(ledger, now, make_question(1, words="About VRU."))
    assert go(ledger, now) == 1  # noon
    read(ledger, now, make_question(2, words="About VRU."))
    assert go(ledger, now + timedelta(hours=10)) == 0
    morning = now.replace(hour=6) + timedelta(days=1)  # 07:00 in London
    assert go(ledger, morning - timedelta(seconds=1)) == 0
    assert go(ledger, morning) == 1


def test_what_comes_after_an_empty_due_time_waits_for_the_next(
    ledger: Ledger, now: datetime
) -> None:
    watch(ledger, now, "VRU", Frequency.DAILY)
    read(ledger, now, make_question(1, words="About VRU."))
    go(ledger, now)
    morning = now.replace(hour=6) + timedelta(days=1)
    assert go(ledger, morning) == 0
    read(ledger, morning, make_question(2, words="About VRU."))
    assert go(ledger, morning + timedelta(hours=5)) == 0
    assert go(ledger, morning + timedelta(days=1)) == 1


def test_after_days_of_downtime_one_digest(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU", Frequency.DAILY)
    read(ledger, now, make_question(1, words="About VRU."))
    go(ledger, now)
    read(ledger, now, make_question(2, words="About VRU."), make_question(3, words="About VRU."))
    assert go(ledger, now + timedelta(days=5)) == 1
    assert subjects(ledger)[-1] == "VRU: 2 new questions"


def test_daily_and_weekly_meet_in_one_email(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU", Frequency.DAILY)
    watch(ledger, now, "benches", Frequency.WEEKLY)
    read(ledger, now, make_question(1, words="VRU and benches."))
    go(ledger, now)
    read(ledger, now, make_question(2, words="About VRU."), make_question(3, words="Benches."))
    monday = now.replace(hour=6) + timedelta(days=4)
    assert go(ledger, monday) == 1
    assert subjects(ledger)[-1] == "VRU, benches: 2 new questions"


def test_who_comes_back_gets_nothing_of_the_time_between(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU")
    with ledger.writing() as connection:
        assert unsubscribe(connection, ADA, "VRU", now) == 1
    read(ledger, now, make_question(1, words="About VRU."))
    watch(ledger, now, "VRU")
    assert go(ledger, now) == 0
    read(ledger, now, make_question(2, words="About VRU."))
    assert go(ledger, now) == 1
    assert subjects(ledger) == ["VRU: 1 new question"]


def test_words_within_words_do_not_match(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="Approval of the vruum of buses."))
    assert go(ledger, now) == 0


def test_a_new_topic_meets_all_of_history_in_batches(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, *(make_question(n, words=f"Number {n} on VRU.") for n in range(1, 451)))
    with ledger.writing() as connection:
        made = topics.ensure(connection, "VRU", "VRU", now)
    assert TopicMatcher(ledger).match_new_changes() == 450
    assert TopicMatcher(ledger).match_new_changes() == 0
    with ledger.reading() as connection:
        assert matches.get_newest_seq(connection, made.id) == 450


def test_a_written_question_has_a_day_and_no_meeting(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="About VRU.", meeting=Meeting(None, date(2026, 7, 3))))
    read(ledger, now, make_question(2, words="More about VRU."))
    assert go(ledger, now) == 1
    said = get_plain_text(mails(ledger)[0])
    assert "\n3 July 2026, question 2026/0001\n" in said
    assert "\nMeeting of 16 July 2026, question 2026/0002\n" in said


def test_a_sources_licence_is_told_once(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU")
    read(
        ledger, now, make_question(1, words="About VRU."), make_question(2, words="More about VRU.")
    )
    told = {"london": "Filler attribution.", "elsewhere": "Never seen here."}
    compose_due_digests(
        ledger, DigestSettings(TEMPLATES, msgspec.structs.replace(HEAD, attributions=told)), now
    )
    [mail] = mails(ledger)
    assert get_plain_text(mail).count("Filler attribution.") == 1
    html = mail.get_body(("html",))
    assert html is not None
    assert html.get_content().count("Filler attribution.") == 1
    assert "Never seen here." not in mail.as_string()


def test_what_is_due_can_be_seen_before_it_is_written(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU", Frequency.MONTHLY)
    read(ledger, now, make_question(1, words="About VRU."))
    for _ in range(2):
        with ledger.reading() as connection:
            (preview,) = preview_due_digests(connection, DigestSettings(TEMPLATES, HEAD), now)
        assert "About *VRU*." in preview.text
        assert "VRU</mark>" in preview.html
    assert mails(ledger) == []
    assert go(ledger, now) == 1
    with ledger.reading() as connection:
        body = connection.execute(select(message.c.body)).scalar_one()
        assert decompress_body(body) == preview.message.body
        assert list(preview_due_digests(connection, DigestSettings(TEMPLATES, HEAD), now)) == []


def test_a_monthly_digest_comes_on_the_first(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "VRU", Frequency.MONTHLY)
    read(ledger, now, make_question(1, words="About VRU."))
    assert go(ledger, now) == 1  # the first one comes with the first match
    read(ledger, now, make_question(2, words="More on VRU."))
    assert go(ledger, now + timedelta(days=15)) == 0  # 31 July
    assert go(ledger, now + timedelta(days=16)) == 1
    assert go(ledger, now + timedelta(days=17)) == 0


def test_a_burst_is_one_email_and_the_first_comes_at_once(ledger: Ledger, now: datetime) -> None:
    def compose(after: timedelta) -> int:
        return compose_due_digests(
            ledger, DigestSettings(TEMPLATES, HEAD, timedelta(minutes=5)), now + after
        )

    watch(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="About VRU."))
    assert compose(timedelta(minutes=1)) == 1
    for number in (2, 3):
        read(ledger, now, make_question(number, words="About VRU."))
        assert compose(timedelta(minutes=number)) == 0
    assert compose(timedelta(minutes=5)) == 1
    assert subjects(ledger)[-1] == "VRU: 2 new questions"
    assert compose(timedelta(minutes=11)) == 0


def test_a_digest_that_cannot_be_made_stops_nobody_elses(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    """An operator's template stumbles over one question; the other's reader gets their digest."""
    (tmp_path / "mail").mkdir()
    stumbling = "{{ 1 // (0 if 'Two' in entry.question.title else 1) }}"
    (tmp_path / "mail" / "entry.txt").write_text(stumbling)
    with ledger.writing() as connection:
        for who, query in ((ADA, "VRU"), ("vera@demo.example", "benches")):
            wish = SubscriptionRequest(query, Frequency.IMMEDIATE, "all", "command")
            subscribe(connection, who, wish, SubscriberDefaults("Europe/London", 7), now)
    read(
        ledger, now, make_question(1, words="Benches."), make_question(2, title="Two", words="VRU.")
    )
    assert compose_due_digests(ledger, DigestSettings(Templates(tmp_path), HEAD), now) == 1
    assert [mail["To"] for mail in mails(ledger)] == ["vera@demo.example"]
    with ledger.reading() as connection:
        [alarm] = alarms.list_open(connection)
    assert (alarm.source, alarm.kind) == (None, "compose")
    assert go(ledger, now + timedelta(hours=1)) == 1  # with our own template
    with ledger.reading() as connection:
        assert alarms.list_open(connection) == []

"""One question followed; pauses, notes, short digests; meetings; supplementaries under theirs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channels import maildir
from alerts.ledger import (
    Ledger,
    matches,
    personal_data,
    publication,
    subscriptions,
    topics,
)
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.schedule import find_last_due
from alerts.subscribers import SubscriberDefaults, pause, resume, subscribe
from crawler.records import Meeting, Question
from tests.alerts.digests.test_compose import (
    ADA,
    compose,
    read_emails,
    read_subjects,
    record,
)
from tests.support.samples import HOLDING_TEXT, make_answer, make_question
from tests.support.service import get_plain_text

DEFAULTS = SubscriberDefaults("Europe/London", 7)


def subscribe_to(ledger: Ledger, now: datetime, query: str, **options: object) -> None:
    with ledger.writing() as connection:
        values = {"frequency": "immediate", "updates": "all", "origin": "command"} | options
        subscribe(connection, ADA, SubscriptionRequest(query, **values), DEFAULTS, now)  # type: ignore[arg-type]


def follow(ledger: Ledger, now: datetime, record: Question, days: int | None = None) -> None:
    with ledger.writing() as connection:
        request = SubscriptionRequest(
            record.title or "",
            Frequency.IMMEDIATE,
            "all",
            "command",
            overdue_days=days,
            question_id=record.id,
        )
        assert subscribe(connection, ADA, request, DEFAULTS, now).is_changed


@pytest.mark.slow
def test_changes_of_a_followed_question_are_sent_until_it_is_answered(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1), make_question(2))
    follow(ledger, now, make_question(1))
    record(ledger, now, make_question(1), make_question(2))
    assert compose(ledger, now) == 0
    record(
        ledger,
        now,
        make_question(1, make_answer(HOLDING_TEXT, holding=True)),
        make_question(2, make_answer("Two.")),
    )
    assert compose(ledger, now) == 1
    record(ledger, now, make_question(1, make_answer("At last.")))
    assert compose(ledger, now + timedelta(hours=1)) == 1
    assert read_subjects(ledger) == ["Question 1: 1 holding reply", "Question 1: 1 answer"]
    assert "\nA question that you follow\n" in get_plain_text(read_emails(ledger)[1])
    with ledger.reading() as connection:
        assert subscriptions.list_active(connection) == []
    # The answer is still delivered, and nothing after it.
    box = ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),))
    assert deliver_due(ledger, box, lambda: now + timedelta(hours=1)) == {"sent": 2}
    record(ledger, now, make_question(1, make_answer("Corrected.")))
    assert compose(ledger, now + timedelta(hours=2)) == 0


def test_the_answer_is_not_sent_to_a_subscriber_who_unsubscribed(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1))
    follow(ledger, now, make_question(1))
    record(ledger, now, make_question(1, make_answer("At last.")))
    assert compose(ledger, now) == 1
    with ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        subscriptions.unsubscribe(connection, person.id, now)
    box = ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),))
    assert deliver_due(ledger, box, lambda: now) == {"dropped": 1}


def test_an_overdue_question_is_reported_once(ledger: Ledger, now: datetime) -> None:
    met = make_question(1).meeting
    assert met is not None
    assert met.date is not None
    put = datetime(met.date.year, met.date.month, met.date.day, 12, tzinfo=UTC)
    record(ledger, now, make_question(1))
    follow(ledger, now, make_question(1), days=28)
    assert compose(ledger, put + timedelta(days=28)) == 0
    assert compose(ledger, put + timedelta(days=29)) == 1
    assert compose(ledger, put + timedelta(days=60)) == 0
    assert read_subjects(ledger) == ["Question 1: 1 overdue question"]
    assert "\nUnanswered for 29 days\n" in get_plain_text(read_emails(ledger)[0])


def test_a_followed_question_is_a_topic_with_its_past_matches(
    ledger: Ledger, now: datetime
) -> None:
    record(ledger, now, make_question(1))
    record(ledger, now, make_question(1, make_answer(HOLDING_TEXT, holding=True)))
    with ledger.writing() as connection:
        topic = topics.ensure_for_question(connection, make_question(1).id, "Question 1", now)
        again = topics.ensure_for_question(connection, make_question(1).id, "Question 1", now)
        assert topic == again
        assert matches.list_newest(connection, topic.id, 9) == [2, 1]
    assert TopicMatcher(ledger).match_new_changes() == 0


def test_changes_in_a_pause_are_never_sent(ledger: Ledger, now: datetime) -> None:
    subscribe_to(ledger, now, "VRU")
    with ledger.writing() as connection:
        assert pause(connection, ADA, "VRU", now) == 1
        assert pause(connection, ADA, None, now) == 0
    record(ledger, now, make_question(1, words="VRU."))
    assert compose(ledger, now) == 0
    with ledger.writing() as connection:
        assert resume(connection, ADA, None) == 1
        assert resume(connection, ADA, "benches") == 0
    assert compose(ledger, now) == 0
    record(ledger, now, make_question(2, words="VRU."))
    assert compose(ledger, now) == 1
    assert "/questions/1" not in get_plain_text(read_emails(ledger)[0])


def test_a_digest_composed_before_a_pause_is_not_sent(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    subscribe_to(ledger, now, "VRU")
    record(ledger, now, make_question(1, words="VRU."))
    assert compose(ledger, now) == 1
    with ledger.writing() as connection:
        pause(connection, ADA, None, now)
    box = ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),))
    assert deliver_due(ledger, box, lambda: now) == {"dropped": 1}


def test_a_note_is_shown_beside_its_topic(ledger: Ledger, now: datetime) -> None:
    subscribe_to(ledger, now, "VRU", note="for <the> July report")
    record(ledger, now, make_question(1, words="VRU."))
    compose(ledger, now)
    text = " ".join(get_plain_text(read_emails(ledger)[0]).split())
    assert "VRU === Your note: for <the> July report New question" in text


@pytest.mark.parametrize(("details", "shown"), [(["titles"], False), (["titles", "full"], True)])
def test_titles_only_leaves_out_the_text(
    ledger: Ledger, now: datetime, details: list[str], shown: bool
) -> None:
    for query, detail in zip(("VRU", "benches"), details, strict=False):
        subscribe_to(ledger, now, query, detail=detail)
    record(ledger, now, make_question(1, words="VRU and benches, a sentence of its own."))
    compose(ledger, now)
    text = get_plain_text(read_emails(ledger)[0])
    assert ("sentence of its own" in text) is shown
    assert "/questions/1" in text


def supplementary(number: int, of: int, nth: int) -> Question:
    return make_question(
        number,
        make_answer("VRU."),
        title=f"Question {of} (Supplementary) [{nth}]",
        kind="supplementary",
        supplementary_number=nth,
        parent=make_question(of).id,
    )


def test_supplementaries_are_shown_below_their_question(ledger: Ledger, now: datetime) -> None:
    subscribe_to(ledger, now, "VRU")
    some = [supplementary(12, 1, 2), make_question(2, make_answer("VRU.")), supplementary(11, 1, 1)]
    record(ledger, now, *some, make_question(1, words="VRU."), supplementary(91, 9, 1))
    compose(ledger, now)
    [mail] = read_emails(ledger)
    lines = get_plain_text(mail).splitlines()
    links = [line for line in lines if line.startswith("https://replica.example/questions/")]
    order = [int(line.rpartition("/")[2]) for line in links]
    assert order.index(11) == order.index(1) + 1
    assert order.index(12) == order.index(1) + 2
    assert (
        get_plain_text(mail).count("> Answered") == 2
    )  # 91 stands alone: its question is not here
    assert mail["Subject"] == "VRU: 4 answers, 1 new question"


LONDON = "Europe/London"


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-07-16T20:00", None),  # the evening of the meeting
        ("2026-07-17T05:59", None),
        ("2026-07-17T06:00", "2026-07-17T06:00"),  # seven in London
        ("2026-09-01T12:00", "2026-07-17T06:00"),
        ("2026-11-20T07:00", "2026-11-20T07:00"),  # winter
    ],
)
def test_the_digest_after_a_meeting_is_due_the_next_morning(now: str, due: str | None) -> None:
    meetings = [date(2026, 7, 16), date(2026, 11, 19)]
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(due or "1970-01-01").replace(tzinfo=UTC)
    assert find_last_due(Frequency.MEETING, moment, LONDON, 7, timedelta(), meetings) == expected


@pytest.mark.slow
def test_there_is_one_digest_after_each_meeting(ledger: Ledger, now: datetime) -> None:
    subscribe_to(ledger, now, "VRU", frequency="meeting")
    days = [date(2026, 6, 18), date(2026, 7, 16)]
    plenary = Meeting("Plenary on 2026-07-02", date(2026, 7, 2))

    def put(number: int, meeting: Meeting, at: datetime) -> int:
        record(ledger, at, make_question(number, words="VRU.", meeting=meeting))
        return compose(ledger, at)

    def moment(day: int, month: int = 6) -> datetime:
        return datetime(2026, month, day, 12, tzinfo=UTC)

    assert put(1, Meeting("MQT on 2026-06-18", days[0]), moment(10)) == 1  # the very first
    assert put(2, Meeting("MQT on 2026-06-18", days[0]), moment(18)) == 0
    assert compose(ledger, moment(19)) == 1
    assert put(3, plenary, moment(3, 7)) == 0
    assert put(4, Meeting("MQT on 2026-07-16", days[1]), moment(16, 7)) == 0
    assert compose(ledger, moment(17, 7)) == 1
    assert compose(ledger, moment(18, 7)) == 0


def test_subscriptions_are_deleted_with_their_subscriber(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(make_question(1))], now, RecordingRules())
    follow(ledger, now, make_question(1), days=3)
    with ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        kept = personal_data.collect_data(connection, ADA)
        assert kept is not None
        assert kept["subscriptions"][0]["overdue_days"] == 3
        personal_data.delete_data(connection, ADA)
        assert subscriptions.find_subscriber_by_email(connection, ADA) is None


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_topic_that_ends_while_somebody_subscribes_to_it_is_matched(
    ledger: Ledger, now: datetime
) -> None:
    """A digest with the answer ends the topic of its last follower; just then comes another."""
    record(ledger, now, make_question(1))
    with ledger.writing() as connection:
        topic = topics.ensure_for_question(connection, make_question(1).id, "Benches", now)
    with ThreadPoolExecutor(1) as pool, ledger.writing_shard() as connection:
        publication.release_free(connection, [topic.id])
        following = pool.submit(follow, ledger, now, make_question(1))
        assert not wait([following], timeout=0.3).done
    following.result()
    with ledger.reading() as connection:
        assert topics.find_for_question(connection, make_question(1).id) is not None
        assert [one.topic_id for one in subscriptions.list_active(connection)] == [topic.id]

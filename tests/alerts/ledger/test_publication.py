"""Topics that are public, private or ended, in the ledger."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import func, select

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, matches, personal_data, publication, subscriptions, topics
from alerts.ledger.schema import match, message, topic
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.matching import TopicMatcher
from alerts.model import Frequency, Origin
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.subscribers import (
    change_query,
    hide_topic,
    publish_topic,
    restore_alerts,
    subscribe,
    unsubscribe,
)
from tests.support.samples import make_question
from tests.support.web_client import MAIL_IDENTITY, SUBSCRIBER_DEFAULTS, TEMPLATES

ADA, BO = "ada@demo.example", "bo@demo.example"


def add(
    ledger: Ledger,
    now: datetime,
    email: str = ADA,
    query: str = "benches",
    origin: Origin = "page",
    *,
    publishes: bool = False,
) -> None:
    request = SubscriptionRequest(query, Frequency.IMMEDIATE, "all", origin, publishes=publishes)
    with ledger.writing() as connection:
        subscribe(connection, email, request, SUBSCRIBER_DEFAULTS, now)


def leave(ledger: Ledger, now: datetime, email: str = ADA, query: str | None = None) -> None:
    with ledger.writing() as connection:
        assert unsubscribe(connection, email, query, now)


def record(ledger: Ledger, now: datetime, *numbers: int) -> None:
    readings = [QuestionReading(make_question(n, words="Benches and trees?")) for n in numbers]
    with ledger.writing() as connection:
        record_readings(connection, readings, now, RecordingRules())


def list_public(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        return [one.title for one in topics.list_public(connection)]


def list_titles(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        return [one.title for one in topics.list_all(connection)]


def count_rows(ledger: Ledger) -> tuple[int, int]:
    """Topics and matches, those of ended topics included."""
    with ledger.reading() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (topic, match)
        ]
    return counts[0], counts[1]


def clear(ledger: Ledger) -> int:
    with ledger.writing() as connection:
        return publication.clear_ended(connection)


@pytest.mark.parametrize(
    ("origin", "publishes", "expected"),
    [
        ("command", True, ["benches"]),
        ("command", False, []),
        ("page", False, []),
        ("page", True, []),  # nothing that comes from a page can publish
    ],
)
def test_a_subscription_publishes_where_the_operator_makes_it(
    ledger: Ledger, now: datetime, origin: Origin, publishes: bool, expected: list[str]
) -> None:
    add(ledger, now, origin=origin, publishes=publishes)
    assert list_public(ledger) == expected
    assert list_titles(ledger) == ["benches"]


def test_a_subscription_by_command_can_be_made_private_later(ledger: Ledger, now: datetime) -> None:
    add(ledger, now, origin="command", publishes=True)
    add(ledger, now, origin="page")  # the same person signs up: no business of the operator's
    assert list_public(ledger) == ["benches"]
    add(ledger, now, origin="command")
    assert list_public(ledger) == []


def test_a_topic_is_public_while_a_subscription_publishes_it(ledger: Ledger, now: datetime) -> None:
    add(ledger, now, ADA, origin="page")
    add(ledger, now, BO, origin="command", publishes=True)
    assert list_public(ledger) == ["benches"]
    leave(ledger, now, BO)
    assert (list_public(ledger), list_titles(ledger)) == ([], ["benches"])


def test_what_the_operator_decides_comes_first(ledger: Ledger, now: datetime) -> None:
    add(ledger, now, origin="command", publishes=True)
    with ledger.writing() as connection:
        hide_topic(connection, "benches")
    add(ledger, now, BO, origin="command", publishes=True)
    assert list_public(ledger) == []
    with ledger.writing() as connection:
        publish_topic(connection, "benches", now)
    leave(ledger, now, ADA)
    leave(ledger, now, BO)
    assert list_public(ledger) == ["benches"]


def test_a_reworded_alert_is_private_whoever_made_it(ledger: Ledger, now: datetime) -> None:
    add(ledger, now, origin="command", publishes=True)
    with ledger.writing() as connection:
        [alert] = subscriptions.list_active(connection)
        assert change_query(connection, alert, "my own street", now)
    assert (list_public(ledger), list_titles(ledger)) == ([], ["my own street"])


@pytest.mark.slow
def test_rewording_leaves_no_topic_behind(ledger: Ledger, now: datetime) -> None:
    record(ledger, now, 1)
    add(ledger, now, query="bench0")
    for number in range(1, 40):
        with ledger.writing() as connection:
            [alert] = subscriptions.list_active(connection)
            assert change_query(connection, alert, f"bench{number} OR benches", now)
        TopicMatcher(ledger).match_new_changes()
    clear(ledger)
    assert list_titles(ledger) == ["bench39 OR benches"]
    assert count_rows(ledger)[1] == 1
    with ledger.writing() as connection:
        personal_data.delete_data(connection, ADA)
    assert count_rows(ledger) == (0, 0)


def test_an_ended_topic_goes_with_its_matches(ledger: Ledger, now: datetime) -> None:
    add(ledger, now)
    record(ledger, now, 1, 2)
    matcher = TopicMatcher(ledger)
    assert matcher.match_new_changes() == 2
    leave(ledger, now)
    assert list_titles(ledger) == []
    record(ledger, now, 3)
    assert matcher.match_new_changes() == 0
    assert clear(ledger) == 2
    assert count_rows(ledger)[1] == 0


def test_matches_are_deleted_in_pieces(ledger: Ledger, now: datetime) -> None:
    add(ledger, now)
    record(ledger, now, *range(1, 8))
    TopicMatcher(ledger).match_new_changes()
    leave(ledger, now)
    deleted = []
    for _ in range(4):
        with ledger.writing() as connection:
            deleted.append(publication.clear_ended(connection, 3))
    assert deleted == [3, 3, 1, 0]
    assert count_rows(ledger)[1] == 0


def test_a_revived_topic_has_all_its_matches(ledger: Ledger, now: datetime) -> None:
    """Before and after its matches were deleted, for the matcher that knew it and a new one."""
    matcher = TopicMatcher(ledger)
    for is_cleared in (False, True):
        add(ledger, now)
        record(ledger, now, 1, 2)
        matcher.match_new_changes()
        leave(ledger, now)
        if is_cleared:
            clear(ledger)
        add(ledger, now)
        matcher.match_new_changes()
        with ledger.reading() as connection:
            [found] = topics.list_all(connection)
            assert matches.count_questions(connection, found.id) == 2
            assert found.is_caught_up
    record(ledger, now, 3)
    assert matcher.match_new_changes() == 1


def test_a_followed_question_is_revived_with_its_matches(ledger: Ledger, now: datetime) -> None:
    record(ledger, now, 1)
    TopicMatcher(ledger).match_new_changes()
    request = SubscriptionRequest(
        "Question 1", Frequency.DAILY, "all", "page", question_id="london:/questions/1"
    )
    for _ in range(3):
        with ledger.writing() as connection:
            subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, now)
            [found] = topics.list_all(connection)
            assert matches.count_questions(connection, found.id) == 1
            unsubscribe(connection, ADA, None, now)


def test_an_id_is_never_used_twice(ledger: Ledger, now: datetime) -> None:
    """The matcher knows topics by their ids."""
    seen = set()
    for query in ("benches", "trees", "ponds"):
        add(ledger, now, query=query)
        with ledger.writing() as connection:
            [found] = topics.list_all(connection)
            personal_data.delete_data(connection, ADA)
        assert found.id not in seen
        seen.add(found.id)
    assert count_rows(ledger)[0] == 0


def test_a_topic_that_ends_while_it_is_caught_up_gets_no_match(
    ledger: Ledger, now: datetime
) -> None:
    record(ledger, now, 1)
    add(ledger, now)
    leave(ledger, now)
    clear(ledger)
    matcher = TopicMatcher(ledger)
    assert matcher.match_new_changes() == 0
    add(ledger, now, query="trees")
    assert matcher.match_new_changes() == 1
    record(ledger, now, 2)
    assert matcher.match_new_changes() == 1


def test_what_a_waiting_message_is_about_stays_until_it_is_sent(
    ledger: Ledger, now: datetime
) -> None:
    add(ledger, now)
    record(ledger, now, 1)
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), now) == 1
    leave(ledger, now)
    assert clear(ledger) == 0
    with ledger.writing() as connection:
        connection.execute(message.update().values(phase="sent"))
    assert clear(ledger) == 1


def test_a_suspended_subscriber_keeps_their_topics(ledger: Ledger, now: datetime) -> None:
    """Their alerts go on when they are sent to again."""
    add(ledger, now)
    with ledger.writing() as connection:
        [alert] = subscriptions.list_active(connection)
        publication.release(connection)
        subscriptions.pause(connection, alert.subscriber_id, None, now)
        publication.release(connection)
    assert list_titles(ledger) == ["benches"]


def test_undoing_the_end_of_an_alert_brings_its_topic_back(ledger: Ledger, now: datetime) -> None:
    """Public if it was, with all its matches, also those of the time between."""
    record(ledger, now, 1)
    add(ledger, now, origin="command", publishes=True)
    matcher = TopicMatcher(ledger)
    matcher.match_new_changes()
    leave(ledger, now)
    clear(ledger)
    record(ledger, now, 2)
    matcher.match_new_changes()
    assert list_titles(ledger) == []
    with ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        assert restore_alerts(connection, person, now) == 1
    assert list_public(ledger) == ["benches"]
    matcher.match_new_changes()
    assert count_rows(ledger) == (1, 2)
    assert compose_due_digests(ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), now) == 1

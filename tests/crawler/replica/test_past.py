"""The two years before the script of the demo."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from crawler.replica import ReplicaWorld, build_demo_world

START = datetime(2026, 11, 17, 5, tzinfo=UTC)


def build() -> ReplicaWorld:
    return build_demo_world(START, with_past=True)


def test_two_years_are_there_from_the_start_and_the_script_is_unchanged() -> None:
    script, whole = build_demo_world(START), build()
    added = whole.questions[: -len(script.questions)]
    assert whole.questions[len(added) :] == script.questions
    assert 150 < len(added) < 300
    days = sorted(question.meeting.date for question in added)
    assert timedelta(days=690) < days[-1] - days[0] < timedelta(days=735)
    assert {question.after for question in added} == {timedelta(0)}
    assert set(whole.meetings) >= {question.meeting for question in added}


def test_addresses_and_references_are_unique() -> None:
    questions = build().questions
    for values in ([one.slug for one in questions], [one.reference for one in questions]):
        known = [value for value in values if value]
        assert [value for value, times in Counter(known).items() if times > 1] == []


def test_only_of_the_newest_some_wait() -> None:
    script = {one.slug for one in build_demo_world(START).questions}
    waiting = [one for one in build().questions if not one.answers and one.slug not in script]
    assert waiting
    assert all(START.date() - one.meeting.date < timedelta(days=130) for one in waiting)


def test_the_same_seed_brings_the_same_past() -> None:
    assert build() == build()

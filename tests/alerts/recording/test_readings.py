"""What is counted and stored of a reading, and readings of the archive. On SQLite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.ledger import Ledger, changes, questions
from alerts.recording import (
    QuestionReading,
    RecordingRules,
    UnknownQuestion,
    record_readings,
    replace_reading,
    take_down,
)
from alerts.recording.replacement import RereadResult
from crawler.records import Meeting, Question
from tests.support.empty_ledger import open_empty_ledger
from tests.support.samples import make_answer, make_question

HOUR = timedelta(hours=1)
TEXT = "The works at Marl are finished. The benches are in place, and the gate is open."
WORDS = "What is being done about the benches in the park at Marl, and when will it be finished?"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on SQLite alone."""
    opened = open_empty_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.engine.dispose()


def read(
    ledger: Ledger,
    now: datetime,
    *found: Question,
    rules: RecordingRules | None = None,
    **page: Any,
) -> Counter[str]:
    readings = [QuestionReading(one, **page) for one in found]
    with ledger.writing() as connection:
        return +record_readings(connection, readings, now, rules or RecordingRules(as_new=True))


def find(ledger: Ledger, number: int) -> questions.StoredQuestion:
    with ledger.reading() as connection:
        stored = questions.find(connection, f"london:/questions/{number}")
    assert stored is not None
    return stored


def list_silent(ledger: Ledger) -> list[tuple[str, str | None]]:
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, 10**6, 1000)
    return [(one.change.kind, one.silence_reason) for one in found]


def test_what_is_counted_of_readings(ledger: Ledger, now: datetime) -> None:
    both = (make_question(1), make_question(2, make_answer(TEXT)))
    assert read(ledger, now, *both) == Counter(new=2, asked=2, answered=1)
    assert read(ledger, now, *both) == Counter()
    assert read(ledger, now, make_question(1, make_answer(TEXT))) == Counter(answered=1)
    assert read(ledger, now, make_question(2, make_answer(TEXT[:31]))) == Counter(doubted=1)
    assert find(ledger, 2).record.answers == both[1].answers
    assert find(ledger, 2).doubted_at == now


def test_a_suspect_page_is_kept_and_replaces_no_good_one(ledger: Ledger, now: datetime) -> None:
    suspect = make_question(1, suspect=("no asker",))
    assert read(ledger, now, suspect) == Counter(new=1, suspect=1)
    assert read(ledger, now, make_question(1)) == Counter(asked=1)
    assert read(ledger, now, suspect) == Counter(suspect=1)
    assert find(ledger, 1).record == make_question(1)


@pytest.mark.parametrize(
    ("rules", "days", "reason"),
    [
        (RecordingRules(), 30, None),
        (RecordingRules(), 31, "old"),
        (RecordingRules(guard_days=40), 40, None),
        (RecordingRules(as_new=True, baseline=True), 400, None),
        (RecordingRules(baseline=True), 0, "baseline"),
        (RecordingRules(is_backfill=True, baseline=True), 0, "old"),
    ],
)
def test_which_new_questions_alert(
    ledger: Ledger, now: datetime, rules: RecordingRules, days: int, reason: str | None
) -> None:
    meeting = Meeting("MQT", (now - timedelta(days=days)).date())
    counted = read(ledger, now, make_question(1, meeting=meeting), rules=rules)
    assert list_silent(ledger) == [("asked", reason)]
    assert counted["silent"] == (reason is not None)


def test_what_the_server_said_is_kept_of_pages_that_are_believed(
    ledger: Ledger, now: datetime
) -> None:
    whole, cut = make_question(1, make_answer(TEXT)), make_question(1, make_answer(TEXT[:31]))
    read(ledger, now, whole, etag="whole", last_modified="today", capture="a:1")
    read(ledger, now + HOUR, cut, etag="cut", last_modified="later", capture="a:2")
    read(ledger, now + HOUR, make_question(2, suspect=("no asker",)), etag="suspect")
    with ledger.reading() as connection:
        known = questions.list_revisit_candidates(connection, "london", now - 24 * HOUR)
    assert [(one.etag, one.last_modified) for one in known if one.url[-1] == "1"] == [
        ("whole", "today")
    ]
    assert [one.etag for one in known if one.url[-1] == "2"] == [None]
    assert find(ledger, 1).capture == "a:2"


def test_both_addresses_of_a_page_lead_to_its_question(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(1), requested_id="london:/questions/9")
    assert find(ledger, 9).record.id == "london:/questions/1"


@pytest.mark.parametrize("first", [0, 1], ids=["the parent first", "the supplementary first"])
def test_a_supplementary_is_linked_to_its_parent(ledger: Ledger, now: datetime, first: int) -> None:
    parent = make_question(1, title="Benches at Marl")
    supplementary = make_question(2, title="Benches at Marl [1]", kind="supplementary")
    other = make_question(3, title="Benches at Marl", meeting=Meeting("MQT", date(2026, 6, 1)))
    both = [parent, supplementary]
    read(ledger, now, other, both[first], both[1 - first])
    assert find(ledger, 2).record.parent == parent.id
    assert find(ledger, 1).record.parent is None


def test_a_question_that_is_taken_down_is_not_recorded_again(ledger: Ledger, now: datetime) -> None:
    asked = make_question(1, make_answer(TEXT), words=WORDS)
    read(ledger, now, asked, make_question(2, words=WORDS + " Really?", title="Other"))
    with ledger.writing() as connection:
        taken = take_down(connection, asked.id, "a court order", now)
    assert (taken.record, taken.identities) == (asked, (asked.id,))
    assert (taken.recalled, taken.being_sent) == (0, 0)
    assert taken.takedown.reason == "a court order"
    assert read(ledger, now, asked, requested_id="london:/questions/8") == Counter(taken_down=1)
    assert find(ledger, 8).record.id == asked.id
    elsewhere = make_question(7, make_answer(TEXT), words=WORDS, reference=asked.reference,
                              title=asked.title)  # fmt: skip
    assert read(ledger, now, elsewhere, elsewhere) == Counter(taken_down=2)
    assert find(ledger, 7).record.is_taken_down
    assert not find(ledger, 2).record.is_taken_down


def test_a_question_that_nobody_knows_cannot_be_taken_down(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection, pytest.raises(UnknownQuestion, match="london:/x"):
        take_down(connection, "london:/x", "a court order", now)


def reread(ledger: Ledger, at: datetime, found: Question, *, dry_run: bool = False) -> RereadResult:
    with ledger.writing() as connection:
        return replace_reading(connection, found, at, dry_run=dry_run)


def test_an_archived_page_that_is_read_otherwise_replaces_what_was_read(
    ledger: Ledger, now: datetime
) -> None:
    read(ledger, now, make_question(1, make_answer("Garbled.")))
    better = make_question(1, make_answer(TEXT))
    changed = RereadResult("changed", ("answers", "digest"))
    assert reread(ledger, now, better, dry_run=True) == changed
    assert find(ledger, 1).record != better
    with ledger.writing() as connection:
        assert replace_reading(connection, better, now) == changed
    assert find(ledger, 1).record == better
    assert reread(ledger, now, better) == RereadResult("same")
    assert list_silent(ledger) == [("asked", None), ("answered", None)]


def test_an_archived_page_of_a_lost_question_is_added_without_an_alert(
    ledger: Ledger, now: datetime
) -> None:
    assert reread(ledger, now, make_question(1), dry_run=True) == RereadResult("added")
    with ledger.reading() as connection:
        assert questions.count(connection) == 0
    assert reread(ledger, now, make_question(1)) == RereadResult("added")
    assert list_silent(ledger) == [("asked", "old")]


@pytest.mark.parametrize(("minutes", "outcome"), [(-6, "older"), (-5, "changed"), (5, "changed")])
def test_an_older_version_of_a_page_replaces_no_newer_one(
    ledger: Ledger, now: datetime, minutes: int, outcome: str
) -> None:
    read(ledger, now, make_question(1, make_answer(TEXT)))
    at = now + timedelta(minutes=minutes)
    assert reread(ledger, at, make_question(1)).outcome == outcome
    same = make_question(1) if outcome == "changed" else make_question(1, make_answer(TEXT))
    assert reread(ledger, now - 24 * HOUR, same).outcome == "same"


def test_a_suspect_reading_of_the_archive_replaces_only_a_suspect_one(
    ledger: Ledger, now: datetime
) -> None:
    suspect = make_question(1, suspect=("no asker",))
    read(ledger, now, make_question(1))
    assert reread(ledger, now, suspect) == RereadResult("suspect")
    read(ledger, now, make_question(2, suspect=("no asker",)))
    worse = make_question(2, suspect=("no title",))
    assert reread(ledger, now - 24 * HOUR, worse).outcome == "changed"


def test_a_question_taken_down_is_not_read_again_from_the_archive(
    ledger: Ledger, now: datetime
) -> None:
    read(ledger, now, make_question(1))
    with ledger.writing() as connection:
        take_down(connection, "london:/questions/1", "a court order", now)
    assert reread(ledger, now, make_question(1)) == RereadResult("taken down")


def test_a_page_at_a_new_address_is_of_the_question_that_was_asked_for(
    ledger: Ledger, now: datetime
) -> None:
    read(ledger, now, make_question(1))
    moved = make_question(5, make_answer(TEXT), title="Another title", reference=None)
    assert read(ledger, now, moved, requested_id="london:/questions/1")["answered"] == 1
    assert find(ledger, 5).record.id == "london:/questions/1"

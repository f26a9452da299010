"""Questions that wait for an answer: counted and listed like one by one, from their own indexes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from alerts.ledger import Ledger, open_ledger, unanswered
from alerts.ledger.unanswered import WaitingFilter
from alerts.ledger.word_index import DatedQuestion
from alerts.recording import QuestionReading, RecordingRules, record_readings
from crawler.records import Addressee, Meeting
from tests.support.empty_ledger import place_empty_ledger
from tests.support.samples import make_answer, make_question

NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)
FIRST_DAY_IN_TIME = date(2026, 7, 4)
TFL, POLICE = Addressee("TfL", "TfL"), Addressee("Police", "Police")


def fill_ledger(ledger: Ledger) -> None:
    """Record 13 questions to two bodies, every third but the first answered; that has no day."""
    read = [
        QuestionReading(
            make_question(
                number,
                *([make_answer("Yes.")] if number and number % 3 == 0 else []),
                meeting=Meeting(None, date(2026, 7, 1) + timedelta(number % 6)) if number else None,
                asked_of=(
                    Addressee("TfL", "TfL") if number % 2 else Addressee("Police", "Police"),
                ),
            )
        )
        for number in range(13)
    ]
    with ledger.writing() as connection:
        record_readings(connection, read, NOW, RecordingRules())


@pytest.fixture(scope="module")
def filled(shared_ledger: Ledger) -> Ledger:
    """The ledger, filled once for all tests of the module."""
    fill_ledger(shared_ledger)
    return shared_ledger


def test_counts_are_those_of_the_lists(filled: Ledger) -> None:
    with filled.reading() as connection:
        counts = unanswered.count_all(connection, FIRST_DAY_IN_TIME)
        assert sorted(one.id or "" for one in counts.group_by("body")) == ["police", "tfl"]
        for body in (None, "tfl", "police"):
            for before in (None, FIRST_DAY_IN_TIME):
                wanted = WaitingFilter(before=before, body=body)
                listed = unanswered.list_longest(connection, wanted, 100)
                mine = counts.select(body=body, is_overdue=before is not None)
                assert mine.total == len(listed) == unanswered.count(connection, wanted) > 0
                assert [one.day for one in listed] == sorted(one.day for one in listed)


@pytest.mark.parametrize("body", [None, "police"])
def test_pages_are_slices_of_one_list(filled: Ledger, body: str | None) -> None:
    wanted = WaitingFilter(body=body)
    with filled.reading() as connection:
        every = unanswered.list_longest(connection, wanted, 100)
        assert every[-1].day == date.max
        found: list[DatedQuestion] = []
        while more := unanswered.list_longest(connection, wanted, 2, found[-1] if found else None):
            found += more
    assert found == every


@pytest.mark.parametrize("before", [None, FIRST_DAY_IN_TIME])
@pytest.mark.parametrize("body", [None, "tfl"])
def test_sqlite_reads_a_list_in_the_order_of_an_index(
    tmp_path: Path, body: str | None, before: date | None
) -> None:
    ledger = open_ledger(place_empty_ledger(tmp_path / "ledger.sqlite3"))
    plan: list[str] = []
    with ledger.reading() as connection:

        def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plan.extend(row[3] for row in rows)

        event.listen(connection, "before_cursor_execute", explain)
        unanswered.list_longest(connection, WaitingFilter(before=before, body=body), 5)
    ledger.engine.dispose()
    assert len(plan) == 1  # nothing is sorted
    assert "ix_question_waiting" in plan[0]

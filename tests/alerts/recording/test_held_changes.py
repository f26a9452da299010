"""Held changes: until their crawl ends, or until the operator decides. On both databases."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.ledger import Ledger, changes, crawl_runs, held_changes
from alerts.ledger.crawl_runs import CrawlResult
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.recording.approval import CrawlChanges, FloodLimits, explain_flood, publish_or_hold
from crawler.records import Meeting, Question
from tests.support.samples import make_answer, make_question

HOLD = RecordingRules(hold=True)


def read(ledger: Ledger, now: datetime, *readings: Question, rules: RecordingRules = HOLD) -> None:
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(r) for r in readings], now, rules)


def end(
    ledger: Ledger, now: datetime, *, doubt: bool = False, flood_from: int = 500
) -> CrawlChanges:
    """End a crawl."""
    with ledger.writing() as connection:
        run = crawl_runs.start_run(connection, "london", now)
        limits = FloodLimits(flood_from, visited=20)
        settled = publish_or_hold(connection, "london", now, is_doubtful=doubt, limits=limits)
        judged = CrawlResult(
            "ok", "", "null", is_complete=True, change_counts=settled.alerting_counts
        )
        crawl_runs.finish_run(connection, run, judged, now)
    return settled


def numbered(ledger: Ledger) -> list[tuple[str, str, str | None]]:
    """Return question, kind and silence reason of every numbered change, in order."""
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, 10**6, 1000)
    return [(n.change.after.id[-1], n.change.kind, n.silence_reason) for n in found]


def waiting(ledger: Ledger) -> list[tuple[str, str, int]]:
    with ledger.reading() as connection:
        return [
            (h.reason, h.kind, h.changes) for h in held_changes.list_awaiting_approval(connection)
        ]


def release(ledger: Ledger, *, silently: bool = False) -> int:
    with ledger.writing() as connection:
        return held_changes.promote(connection, "london", ("flood", "drift"), is_silent=silently)


def test_nothing_is_numbered_before_the_crawl_is_judged(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(2, make_answer("Yes.")), make_question(1))
    assert numbered(ledger) == []
    assert waiting(ledger) == []  # for the crawl's end, not for anybody's word
    assert end(ledger, now) == CrawlChanges({"asked": 2, "answered": 1})
    assert numbered(ledger) == [("2", "asked", None), ("2", "answered", None), ("1", "asked", None)]
    assert end(ledger, now) == CrawlChanges({})


def test_a_change_that_is_known_is_not_held_again(ledger: Ledger, now: datetime) -> None:
    for _ in range(2):  # a crawl that was cut off, and the next
        read(ledger, now, make_question(1))
    end(ledger, now)
    read(ledger, now, make_question(1, make_answer("A.")))
    end(ledger, now)
    assert [kind for _, kind, _ in numbered(ledger)] == ["asked", "answered"]


def test_a_doubtful_crawl_waits_and_can_be_released(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(1))
    assert end(ledger, now, doubt=True) == CrawlChanges({}, held_count=1)
    assert waiting(ledger) == [("drift", "asked", 1)]
    read(ledger, now, make_question(2))
    end(ledger, now)  # what comes later of other questions does not wait for it
    assert release(ledger) == 1
    assert [(q, kind) for q, kind, _ in numbered(ledger)] == [("2", "asked"), ("1", "asked")]
    assert waiting(ledger) == []


def test_a_release_can_be_silent(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(1), rules=RecordingRules(hold=True, baseline=True))
    read(ledger, now, make_question(2))
    end(ledger, now, doubt=True)
    assert release(ledger, silently=True) == 2
    assert numbered(ledger) == [("1", "asked", "baseline"), ("2", "asked", "drift")]


def test_a_first_crawl_is_numbered_by_its_meetings(ledger: Ledger, now: datetime) -> None:
    """So a list of the newest changes begins with the newest meeting, whatever was read first."""
    days = {4: 3, 1: 9, 3: 5, 2: 5}  # question: day of its meeting
    questions = [
        make_question(n, make_answer("A."), meeting=Meeting(None, date(2026, 7, day)))
        for n, day in days.items()
    ]
    unknown = make_question(5, meeting=None)
    read(ledger, now, *questions, unknown, rules=RecordingRules(hold=True, baseline=True))
    end(ledger, now)
    order = list(dict.fromkeys(question for question, _, _ in numbered(ledger)))
    assert order == ["5", "4", "3", "2", "1"]
    kinds = [kind for question, kind, _ in numbered(ledger) if question == "3"]
    assert kinds == ["asked", "answered"]


def test_later_changes_of_a_question_wait_behind_a_held_one(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(1))
    end(ledger, now, doubt=True)
    read(ledger, now, make_question(1, make_answer("Yes.")))
    assert end(ledger, now) == CrawlChanges({})
    assert numbered(ledger) == []
    release(ledger)
    assert [kind for _, kind, _ in numbered(ledger)] == ["asked", "answered"]


def test_a_flood_waits_and_the_next_crawl_does_not(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, *(make_question(n) for n in range(1, 5)))
    settled = end(ledger, now, flood_from=3)
    assert settled.held_count == 4
    assert settled.flood_reason
    assert "4 questions asked in one crawl" in settled.flood_reason
    read(ledger, now, make_question(5))
    assert end(ledger, now, flood_from=3) == CrawlChanges({"asked": 1})
    assert waiting(ledger) == [("flood", "asked", 4)]


def test_a_silent_baseline_is_no_flood(ledger: Ledger, now: datetime) -> None:
    first = RecordingRules(hold=True, baseline=True)
    read(ledger, now, *(make_question(n) for n in range(1, 9)), rules=first)
    assert end(ledger, now, flood_from=3) == CrawlChanges({})
    assert len(numbered(ledger)) == 8


def test_a_flood_is_judged_by_recent_crawls(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(1), make_question(2), make_question(3))
    end(ledger, now)
    read(ledger, now, *(make_question(n) for n in range(4, 10)))
    assert (
        end(ledger, now + timedelta(days=1), flood_from=1).flood_reason is None
    )  # 6 is not over 3 * 3
    late = now + timedelta(days=90)
    recent = Meeting("MQT", late.date())
    read(ledger, late, *(make_question(n, meeting=recent) for n in (10, 11, 12)))
    assert end(ledger, late, flood_from=1).flood_reason


COMMON_KINDS = st.sampled_from(["asked", "holding", "answered"])
KINDS = st.sampled_from(["asked", "holding", "answered", "corrected", "withdrawn", "returned"])
COMMON_COUNTS = st.dictionaries(COMMON_KINDS, st.integers(0, 5000))
COUNTS = st.dictionaries(KINDS, st.integers(0, 5000))


@given(COMMON_COUNTS, st.integers(1, 1000))
def test_as_many_as_lately_is_never_a_flood(found: dict[str, int], at_least: int) -> None:
    assert explain_flood(found, found, FloodLimits(at_least)) is None


@pytest.mark.slow
@given(COUNTS, COUNTS, st.integers(10, 1000), KINDS)
def test_ten_thousand_times_the_most_always_is(
    found: dict[str, int], most: dict[str, int], at_least: int, kind: str
) -> None:
    assert explain_flood(found | {kind: 50_000}, most, FloodLimits(at_least, visited=50_000))


def test_more_than_five_hundred_new_questions_are_a_flood() -> None:
    assert explain_flood({"asked": 500}, {}, FloodLimits(500)) is None
    assert explain_flood({"asked": 501}, {}, FloodLimits(500))


@pytest.mark.parametrize("kind", ["corrected", "withdrawn", "returned"])
@pytest.mark.parametrize(("fine", "visited"), [(3, 0), (3, 15), (4, 20), (60, 300)])
def test_rare_changes_are_a_flood_by_their_share_of_the_pages_visited(
    kind: str, fine: int, visited: int
) -> None:
    limits = FloodLimits(500, visited)
    assert explain_flood({kind: fine}, {kind: 1000}, limits) is None
    assert explain_flood({kind: fine + 1}, {kind: 1000}, limits)

"""A crawl run, line by line: what is recorded, counted, judged, held and raised. On SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.ledger import Ledger, alarms, changes, crawl_runs, held_changes, notices
from alerts.recording import (
    CrawlOutcome,
    CrawlPolicy,
    CrawlRecorder,
    find_backoff_end,
    plan_crawl,
    update_source_alarms,
)
from crawler.plan import CrawlPlan, KnownPage, ListingWindow, PolitenessSettings
from crawler.records import Meeting, Question
from crawler.report import (
    CrawlFailure,
    CrawlLine,
    CrawlReport,
    PageGone,
    PageRefused,
    PageUnchanged,
    PageUnreadable,
    QuestionRead,
    QuestionsListed,
)
from tests.support.empty_ledger import open_empty_ledger
from tests.support.samples import make_answer, make_question

PLAN = CrawlPlan(
    source="london", base_url="https://replica.example", politeness=PolitenessSettings("tests")
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXT = "The works at Marl are finished. The benches are in place, and the gate is open."


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on SQLite alone."""
    opened = open_empty_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.engine.dispose()


def report(now: datetime, **fields: Any) -> CrawlReport:
    good = {"requests": 12, "listing_pages": 2, "listed": 10, "fetched": 10, "read": 10}
    times = {"started_at": now, "finished_at": now, "finish_reason": "finished"}
    return CrawlReport(**{**times, **good, **fields})


def crawl(
    ledger: Ledger,
    now: datetime,
    *lines: CrawlLine,
    policy: CrawlPolicy | None = None,
    ended: bool = True,
    **fields: Any,
) -> CrawlOutcome:
    """A crawl that prints some lines and, unless it died, a report."""
    recorder = CrawlRecorder(ledger, "london", lambda: now, policy or CrawlPolicy())
    for line in (*lines, *([report(now, **fields)] if ended else [])):
        recorder.record(line)
    return recorder.finish("it was killed")


def read(*questions: Question) -> list[QuestionRead]:
    return [QuestionRead(one) for one in questions]


def list_changes(ledger: Ledger) -> list[tuple[str, str, str | None]]:
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, 10**6, 1000)
    return [(one.change.after.id[-1], one.change.kind, one.silence_reason) for one in found]


def list_alarms(ledger: Ledger) -> dict[str, str]:
    with ledger.reading() as connection:
        return {one.kind: one.reason for one in alarms.list_open(connection)}


def test_what_the_first_crawl_finds_is_no_news_and_what_the_next_finds_is(
    ledger: Ledger, now: datetime
) -> None:
    first = crawl(ledger, now, *read(make_question(1)))
    assert (first.verdict, first.reason) == ("ok", "10 questions read")
    assert first.counts == {"read": 10, "new": 1, "asked": 1, "silent": 1}
    assert first.held_changes == 0
    assert first.is_complete
    second = crawl(ledger, now + HOUR, *read(make_question(2), make_question(1)), read=1)
    assert second.reason == "1 question read"
    assert list_changes(ledger) == [("1", "asked", "baseline"), ("2", "asked", None)]
    with ledger.reading() as connection:
        runs = crawl_runs.list_recent(connection, "london", 5)
    assert [(run.verdict, run.reason) for run in runs] == [
        ("ok", "1 question read"),
        ("ok", "10 questions read"),
    ]


def test_a_crawl_without_a_report_is_partial_and_holds_its_changes(
    ledger: Ledger, now: datetime
) -> None:
    crawl(ledger, now)
    dead = crawl(ledger, now + HOUR, *read(make_question(1)), ended=False)
    assert (dead.verdict, dead.reason) == ("partial", "it was killed")
    assert not dead.is_complete
    assert dead.counts == {"new": 1, "asked": 1}
    assert list_changes(ledger) == []
    crawl(ledger, now + 2 * HOUR)
    assert list_changes(ledger) == [("1", "asked", None)]


def test_every_kind_of_line_is_counted(ledger: Ledger, now: datetime) -> None:
    crawl(ledger, now, *read(*(make_question(n, make_answer(TEXT)) for n in range(1, 10))))
    outcome = crawl(
        ledger,
        now + HOUR,
        PageUnchanged("london:/questions/1"),
        PageRefused("london:/questions/2", "https://replica.example/questions/2", 403),
        PageGone("london:/questions/3", 404),
        PageUnreadable("https://replica.example/x", "no title", "london:/questions/4"),
        PageUnreadable("https://replica.example/y", "no title"),
        *read(*(make_question(n, make_answer(TEXT)) for n in (5, 6, 7, 8))),
    )
    wanted = {"unchanged": 1, "refused": 1, "gone": 1, "unreadable": 2, "read": 10}
    assert {name: outcome.counts.get(name) for name in wanted} == wanted
    assert {"visited", "missing", "withdrawn"}.isdisjoint(outcome.counts)


def test_a_listing_and_a_report_are_no_lines_of_a_page(ledger: Ledger, now: datetime) -> None:
    listed = QuestionsListed(date(2026, 7, 1), date(2026, 7, 31), ("london:/questions/1",))
    assert crawl(ledger, now, listed).counts == {"read": 10}


@pytest.mark.slow
def test_a_page_that_stays_away_is_withdrawn_and_a_return_is_a_change(
    ledger: Ledger, now: datetime
) -> None:
    """Ten pages, of which one may be missing without a doubt in the crawl."""
    known = [make_question(n) for n in range(1, 10)]
    crawl(ledger, now, *read(*known))
    gone = PageGone("london:/questions/1", 404)
    later = now + DAY + 20 * HOUR
    for moment in (now + DAY, later - timedelta(seconds=1)):
        outcome = crawl(ledger, moment, gone, *read(*known[1:]))
        assert outcome.verdict == "ok"
        assert "withdrawn" not in outcome.counts
    listed = QuestionsListed(date(2026, 7, 1), date(2026, 7, 31), tuple(q.id for q in known[1:]))
    outcome = crawl(ledger, later, listed, gone, *read(*known[1:]))
    assert outcome.counts["withdrawn"] == 1
    assert ("1", "withdrawn", None) in list_changes(ledger)
    crawl(ledger, later + HOUR, PageUnchanged("london:/questions/1"), *read(*known[1:]))
    assert list_changes(ledger)[-1][:2] == ("1", "returned")


@pytest.mark.slow
def test_a_crawl_whose_known_pages_are_gone_is_not_believed(ledger: Ledger, now: datetime) -> None:
    known = [make_question(n) for n in range(1, 10)]
    crawl(ledger, now, *read(*known))
    lost = [PageGone(one.id, 404) for one in known]
    outcome = crawl(ledger, now + HOUR, *read(make_question(10)), *lost)
    assert outcome.verdict == "changed"
    assert outcome.held_changes == 1
    assert not outcome.is_complete
    assert list_alarms(ledger) == {"changed": outcome.reason}
    crawl(ledger, now + 2 * HOUR, *read(*known))
    assert list_alarms(ledger) == {}


def test_a_listing_that_names_nothing_known_is_not_believed(ledger: Ledger, now: datetime) -> None:
    known = [make_question(n) for n in range(1, 5)]
    crawl(ledger, now, *read(*known))
    month = (date(2026, 7, 1), date(2026, 7, 31))
    outcome = crawl(ledger, now + HOUR, QuestionsListed(*month, (known[0].id,)))
    assert outcome.verdict == "changed"
    assert "name 1 of the 4 questions known for 2026-07-01 to 2026-07-31" in outcome.reason
    named = tuple(one.id for one in known[:2])
    assert crawl(ledger, now + 2 * HOUR, QuestionsListed(*month, named)).verdict == "ok"


def test_a_design_in_which_a_field_is_lost_is_seen_by_earlier_crawls(
    ledger: Ledger, now: datetime
) -> None:
    crawl(ledger, now, filled={"meeting": (50, 50)})
    lost = {"meeting": (30, 40)}
    assert crawl(ledger, now + HOUR, filled=lost).verdict == "changed"
    backfill = CrawlPolicy(purpose="backfill")
    assert crawl(ledger, now + 2 * HOUR, filled=lost, policy=backfill).verdict == "ok"


def test_a_backfill_alerts_of_nothing_and_raises_no_alarm(ledger: Ledger, now: datetime) -> None:
    crawl(ledger, now)
    backfill = CrawlPolicy(purpose="backfill")
    outcome = crawl(ledger, now + HOUR, *read(make_question(1)), policy=backfill, suspect=9)
    assert outcome.verdict == "changed"
    assert list_alarms(ledger) == {}
    crawl(ledger, now + 2 * HOUR, *read(make_question(2)), policy=backfill)
    assert ("2", "asked", "old") in list_changes(ledger)


@pytest.mark.parametrize(
    ("fields", "raised"),
    [
        ({"missing": ("/x (HTTP 500)", "/y (HTTP 500)")},
         {"missing": "listed but not read: /x (HTTP 500), /y (HTTP 500)"}),
        ({"listings_short": 1},
         {"missing": "listed but not read: a listing showed more questions than it linked to"}),
        ({"redirects_refused": 1}, {"redirect_refused": "answers led away from the source"}),
        ({"redirects_refused": 2, "failures": (
            CrawlFailure("http", "HTTP 500"),
            CrawlFailure("redirect_refused", "to evil.example", "/a"),
            CrawlFailure("redirect_refused", "to evil.example", "/b"))},
         {"redirect_refused": "/a: to evil.example; /b: to evil.example"}),
        ({"captures_lost": 2}, {"archive": "2 captures could not be kept: no reason is known"}),
        ({"captures_lost": 1, "failures": (CrawlFailure("archive", "disk full", "/a"),)},
         {"archive": "1 captures could not be kept: disk full"}),
        ({"refused": 12},
         {"blocked": "the source refused 12 of 12 requests"}),
        ({"failed": 1}, {}),
    ],
)  # fmt: skip
def test_alarms_of_a_crawl(
    ledger: Ledger, now: datetime, fields: dict[str, Any], raised: dict[str, str]
) -> None:
    crawl(ledger, now, **fields)
    assert list_alarms(ledger) == raised
    crawl(ledger, now + HOUR)
    assert list_alarms(ledger) == {}


def test_short_failures_raise_an_alarm_when_they_come_in_a_row(
    ledger: Ledger, now: datetime
) -> None:
    policy = CrawlPolicy(alarm_after=2)
    for number, failed in enumerate((1, 0, 1)):
        crawl(ledger, now + number * HOUR, policy=policy, failed=failed)
        assert list_alarms(ledger) == {}
    crawl(ledger, now + 3 * HOUR, policy=policy, ended=False)
    assert list_alarms(ledger) == {"partial": "it was killed (2 crawls in a row)"}


def test_a_source_that_refuses_is_left_alone_for_longer_each_time(
    ledger: Ledger, now: datetime
) -> None:
    def find_end() -> datetime | None:
        with ledger.reading() as connection:
            return find_backoff_end(connection, "london", now + 12 * HOUR)

    assert find_end() is None
    crawl(ledger, now + 10 * HOUR, refused=12)
    assert find_end() == now + 13 * HOUR
    crawl(ledger, now + 11 * HOUR, refused=12)
    assert find_end() == now + 17 * HOUR
    for _ in range(2):
        crawl(ledger, now + 11 * HOUR, refused=12)
        assert find_end() == now + 23 * HOUR
    crawl(ledger, now + 11 * HOUR)
    assert find_end() is None


def test_the_end_of_a_wait_is_no_wait(ledger: Ledger, now: datetime) -> None:
    crawl(ledger, now, refused=12)
    with ledger.reading() as connection:
        assert find_backoff_end(connection, "london", now + 3 * HOUR) is None
        just_before = now + 3 * HOUR - timedelta(seconds=1)
        assert find_backoff_end(connection, "london", just_before) == now + 3 * HOUR


def test_a_plan_lists_a_wide_window_and_visits_what_is_due(ledger: Ledger, now: datetime) -> None:
    answered = make_question(2, make_answer(TEXT))
    lines: list[CrawlLine] = [
        QuestionRead(make_question(1), etag='"1"', last_modified="yesterday"),
        QuestionRead(answered),
        PageRefused("london:/questions/3", "https://replica.example/questions/3", 403),
    ]
    crawl(ledger, now, *lines)
    policy = CrawlPolicy(days_back=10, days_ahead=20, max_revisits=5)
    with ledger.reading() as connection:
        early = plan_crawl(connection, PLAN, policy, now + 6 * HOUR - timedelta(seconds=1))
        due = plan_crawl(connection, PLAN, policy, now + 6 * HOUR)
        week = plan_crawl(connection, PLAN, policy, now + 7 * DAY)
    assert early.windows == (ListingWindow(date(2026, 7, 6), date(2026, 8, 5)),)
    assert set(early.known_ids) == {f"london:/questions/{n}" for n in (1, 2, 3)}
    assert early.revisits == ()
    first = KnownPage("https://replica.example/questions/1", '"1"', "yesterday")
    assert due.revisits == (first,)
    assert [page.url[-1] for page in week.revisits] == ["1", "2"]
    assert set(week.known_ids) == {"london:/questions/1", "london:/questions/2"}


def test_what_a_doubtful_crawl_has_read_is_read_again_whole(ledger: Ledger, now: datetime) -> None:
    crawl(ledger, now)
    crawl(ledger, now + HOUR, *read(make_question(1)), suspect=6)
    with ledger.reading() as connection:
        plan = plan_crawl(connection, PLAN, CrawlPolicy(), now + 2 * DAY)
    assert plan.revisits == (KnownPage("https://replica.example/questions/1"),)


def update(ledger: Ledger, now: datetime, silent_hours: float = 24) -> dict[str, str]:
    with ledger.writing() as connection:
        update_source_alarms(connection, "london", "replica.example", silent_hours, now)
    return list_alarms(ledger)


def list_notices(ledger: Ledger) -> list[tuple[str, datetime]]:
    with ledger.reading() as connection:
        return [(one.kind, one.since) for one in notices.list_since(connection, None, 10)]


def test_a_source_that_is_silent_is_an_alarm_and_a_notice_until_it_is_read(
    ledger: Ledger, now: datetime
) -> None:
    assert update(ledger, now) == {}
    crawl(ledger, now)
    crawl(ledger, now + DAY, refused=12)
    assert "unavailable" not in update(ledger, now + DAY)
    late = now + DAY + timedelta(seconds=1)
    assert update(ledger, late)["unavailable"] == "no good crawl since 2026-07-16 12:00 UTC"
    update(ledger, late + HOUR)
    assert list_notices(ledger) == [("unavailable", now)]
    crawl(ledger, late + 2 * HOUR)
    assert update(ledger, late + 3 * HOUR) == {}
    update(ledger, late + 4 * HOUR)
    assert sorted(list_notices(ledger)) == [("restored", now), ("unavailable", now)]


def test_a_service_that_was_off_has_no_silent_source(ledger: Ledger, now: datetime) -> None:
    crawl(ledger, now)
    assert update(ledger, now + 5 * DAY) == {}
    assert list_notices(ledger) == []


def test_a_source_that_was_never_read_is_silent_since_its_first_crawl(
    ledger: Ledger, now: datetime
) -> None:
    for hours in (0, 13):
        crawl(ledger, now + hours * HOUR, ended=False)
    assert update(ledger, now + 13 * HOUR, 12)["unavailable"].endswith("2026-07-16 12:00 UTC")


def test_changes_that_wait_for_the_operator_are_an_alarm(ledger: Ledger, now: datetime) -> None:
    crawl(ledger, now)
    crawl(ledger, now + HOUR, *read(make_question(1)), suspect=6)
    waiting = update(ledger, now + 2 * HOUR)["awaiting_approval"]
    assert waiting.startswith("1 change waits for approval (drift)")
    crawl(ledger, now + 3 * HOUR, *read(*(make_question(n) for n in range(2, 6))), suspect=6)
    assert update(ledger, now + 4 * HOUR)["awaiting_approval"].startswith("5 changes wait")
    with ledger.writing() as connection:
        held_changes.promote(connection, "london", ("drift",), is_silent=False)
    assert "awaiting_approval" not in update(ledger, now + 5 * HOUR)


def test_what_a_doubtful_crawl_has_read_alerts_once_a_good_one_reads_the_same(
    ledger: Ledger, now: datetime
) -> None:
    crawl(ledger, now)
    asked = read(*(make_question(n) for n in range(1, 3)))
    assert crawl(ledger, now + HOUR, *asked, suspect=6).held_changes == 2
    backfill = CrawlPolicy(purpose="backfill")
    crawl(ledger, now + 2 * HOUR, *asked, policy=backfill)
    crawl(ledger, now + 3 * HOUR, *asked, suspect=6)
    assert list_changes(ledger) == []
    crawl(ledger, now + 4 * HOUR, asked[0])
    assert list_changes(ledger) == [("1", "asked", None)]


def make_corrected(number: int) -> Question:
    return make_question(number, words="Another question altogether, is it not?")


@pytest.mark.slow
@pytest.mark.parametrize(("corrected", "held"), [(6, 0), (7, 7)])
def test_corrections_are_a_flood_from_a_fifth_of_the_pages_on(
    ledger: Ledger, now: datetime, corrected: int, held: int
) -> None:
    crawl(ledger, now, *read(*(make_question(n) for n in range(1, 31))))
    lines = read(*(make_corrected(n) for n in range(1, corrected + 1)))
    rest = read(*(make_question(n) for n in range(corrected + 1, 31)))
    outcome = crawl(ledger, now + HOUR, *lines, *rest)
    assert outcome.held_changes == held
    assert outcome.counts["corrected"] == corrected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pages", "missing", "verdict"),
    [(15, 3, "ok"), (15, 4, "changed"), (25, 5, "ok"), (25, 6, "changed")],
)
@pytest.mark.parametrize("is_unreadable", [False, True])
def test_how_many_known_pages_may_be_missing(
    ledger: Ledger, now: datetime, pages: int, missing: int, verdict: str, *, is_unreadable: bool
) -> None:
    """More than a fifth of the pages visited, and more than three."""
    known = [make_question(n) for n in range(1, pages + 1)]
    crawl(ledger, now, *read(*known))
    lost = [
        PageUnreadable(PLAN.base_url, "no title", one.id)
        if is_unreadable
        else PageGone(one.id, 404)
        for one in known[:missing]
    ]
    outcome = crawl(ledger, now + HOUR, *lost, *read(*known[missing:]))
    assert outcome.verdict == verdict


@pytest.mark.parametrize(("cut", "verdict"), [(2, "ok"), (3, "changed")])
def test_answers_that_end_earlier_than_before_are_not_believed(
    ledger: Ledger, now: datetime, cut: int, verdict: str
) -> None:
    """From three on, and more than a fifth of the answers that were read again."""
    whole = [make_question(n, make_answer(TEXT)) for n in range(1, 11)]
    crawl(ledger, now, *read(*whole))
    lines = read(*(make_question(n, make_answer(TEXT[:31])) for n in range(1, cut + 1)))
    outcome = crawl(ledger, now + HOUR, *lines, *read(*whole[cut:]))
    assert (outcome.verdict, outcome.counts["doubted"]) == (verdict, cut)


def test_a_page_that_has_moved_counts_as_the_one_that_was_asked_for(
    ledger: Ledger, now: datetime
) -> None:
    whole = [make_question(n, make_answer(TEXT)) for n in range(1, 5)]
    crawl(ledger, now, *read(*whole))
    moved = []
    for one in whole:
        number = int(one.id[-1])
        cut = make_question(
            number + 10, make_answer(TEXT[:31]), title=one.title, reference=one.reference
        )
        moved.append(QuestionRead(cut, visited=one.id))
    outcome = crawl(ledger, now + HOUR, *moved)
    assert outcome.verdict == "changed"
    assert "4 say less than before" in outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize(("late", "held"), [(4, 0), (5, 5)])
def test_many_questions_that_the_first_crawl_missed_wait_for_the_operator(
    ledger: Ledger, now: datetime, late: int, held: int
) -> None:
    """More than a fifth of those that it found."""
    crawl(ledger, now, *read(*(make_question(n) for n in range(1, 21))))
    before = Meeting("MQT", now.date() - 2 * DAY)
    missed = (make_question(n, meeting=before) for n in range(30, 30 + late))
    outcome = crawl(ledger, now + HOUR, *read(*missed))
    assert (outcome.verdict, outcome.held_changes) == ("ok", held)


@pytest.mark.slow
def test_a_withdrawal_of_a_question_that_a_listing_names_waits_for_the_operator(
    ledger: Ledger, now: datetime
) -> None:
    known = [make_question(n) for n in range(1, 10)]
    crawl(ledger, now, *read(*known))
    gone = PageGone(known[0].id, 404)
    crawl(ledger, now + HOUR, gone, *read(*known[1:]))
    listed = QuestionsListed(date(2026, 7, 1), date(2026, 7, 31), tuple(q.id for q in known))
    outcome = crawl(ledger, now + DAY, listed, gone, *read(*known[1:]))
    assert outcome.held_changes == 1
    assert all(kind == "asked" for _, kind, _ in list_changes(ledger))

"""The past of a source, month by month, the newest first; nobody is alerted of any of it.

Each month is a crawl of its own. One that was read to its end is noted in the ledger, so whatever
stops a backfill, the next one goes on where it was; what a month that was cut off has brought
stays, and its pages are not fetched again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial

import msgspec

from alerts.ledger import backfill_months, questions
from alerts.ledger.backfill_months import BackfillMonth
from crawler.fetching.crawl_plan import CrawlLine, CrawlPlan, ListingWindow, QuestionRead
from scheduler.crawls.crawl import CrawlOutcome, CrawlPolicy, crawl_source
from scheduler.jobs import find_backoff_end, get_archive_folder, get_politeness
from scheduler.service import Service

#: Days before and after a month that are listed with it: a meeting that is put off moves.
_OVERLAP = timedelta(days=3)
#: The estimate goes by so many months, the last ones read.
_ESTIMATE_MONTHS = 6
_HOUR_SECONDS = 3600.0


class BackfillProgress(msgspec.Struct, frozen=True):
    """How far a backfill has come."""

    done: int  #: months
    total: int
    label: str  #: source and month that is being read
    month_seconds: Sequence[float]  #: seconds that the months read so far have taken
    questions: int = 0  #: read of this month so far

    @property
    def description(self) -> str:
        """In words, with an estimate as soon as there is anything to go by."""
        left = estimate_time_left(self.month_seconds, self.total - self.done)
        return f"{self.label}: {self.questions} questions; {left}"


class BackfillResult(msgspec.Struct, frozen=True):
    """How a backfill ended."""

    done: int
    total: int
    summary: str
    problem: str | None = None  #: why it stopped before its end


def backfill_source(
    service: Service,
    name: str,
    since: date,
    max_months: int | None,
    on_progress: Callable[[BackfillProgress], None],
    *,
    include_finished: bool = False,
) -> BackfillResult:
    """Read the months of the source ``name`` back to ``since`` (the first of a month).

    ``max_months`` is how many months to read now, ``include_finished`` reads those that are done
    too. ``on_progress`` is
    told of the progress. The service must have the ledger to itself.
    """
    every = list(iterate_months_backwards(service.clock().date().replace(day=1), since))
    with service.ledger.reading() as connection:
        finished = (
            () if include_finished else tuple(backfill_months.list_finished(connection, name))
        )
    done = {month.first_day for month in finished}
    ahead = [begins for begins in every if begins not in done]
    pace = [month.seconds for month in sorted(finished, key=lambda m: m.finished_at)]
    problem: str | None = None
    read = short = 0
    for begins in ahead[:max_months]:
        at = BackfillProgress(
            len(every) - len(ahead) + read, len(every), f"{name} {begins:%Y-%m}", pace
        )
        on_progress(at)
        outcome, month = _read_month(
            service, name, begins, partial(_report_questions, on_progress, at)
        )
        if not outcome.is_complete:
            problem = f"{begins:%Y-%m}: {outcome.verdict}, {outcome.reason}"
            break
        read += 1
        pace.append(month.seconds)
        short += not _mark_finished(service, outcome, month)
    whole = len(every) - len(ahead) + read - short
    told = f"{name}: {whole} of {len(every)} months are read"
    if short:
        told += f", {short} more not in full: run it again"
    return BackfillResult(whole, len(every), told, problem)


def iterate_months_backwards(first: date, since: date) -> Iterator[date]:
    """The first days of the months from ``first`` back to ``since``. Pure."""
    while first >= since:
        yield first
        first = (first - timedelta(days=1)).replace(day=1)


def build_month_window(begins: date) -> ListingWindow:
    """The days to list for the month that ``begins`` then. Pure."""
    following = (begins + timedelta(days=31)).replace(day=1)
    return ListingWindow(begins - _OVERLAP, following - timedelta(days=1) + _OVERLAP)


def estimate_time_left(month_seconds: Sequence[float], left: int) -> str:
    """What ``left`` months may take, going by the seconds of those that were read. Pure.

    A range, from the fastest and the slowest of the last few: months differ by a factor of ten,
    and one number would be a lie.
    """
    last = month_seconds[-_ESTIMATE_MONTHS:]
    if len(last) < 2 or not left:
        return "no estimate yet" if left else "done"
    low, high = (_format_duration(left * seconds) for seconds in (min(last), max(last)))
    span = low if low == high else f"{low} to {high}"
    return f"{span} left, going by the last {len(last)} months read"


def _format_duration(seconds: float) -> str:
    if seconds < _HOUR_SECONDS:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / _HOUR_SECONDS:.1f} h"


def _report_questions(
    step: Callable[[BackfillProgress], None], at: BackfillProgress, questions: int
) -> None:
    step(msgspec.structs.replace(at, questions=questions))


def _read_month(
    service: Service, name: str, begins: date, on_read: Callable[[int], None]
) -> tuple[CrawlOutcome, BackfillMonth]:
    """One month, crawled and recorded."""
    source = service.config.sources[name]
    started = service.clock()
    if until := find_backoff_end(service, name):
        reason = f"the source refused us; it is left alone until {until:%Y-%m-%d %H:%M} UTC"
        return CrawlOutcome(name, "blocked", reason, {}), BackfillMonth(
            name, begins, started, 0, 0.0
        )
    window = build_month_window(begins)
    with service.ledger.reading() as connection:
        known = questions.list_identities(connection, name, window.since, window.until)
    plan = CrawlPlan(
        source=name,
        base_url=source.url.rstrip("/"),
        politeness=get_politeness(service, name),
        windows=(window,),
        known_ids=known,
        max_seconds=source.max_minutes * 60,
        archive_folder=get_archive_folder(service),
    )
    terms = CrawlPolicy(max_minutes=source.max_minutes, purpose="backfill")
    read = 0

    def count(line: CrawlLine) -> None:
        nonlocal read
        read += isinstance(line, QuestionRead)
        on_read(read)

    outcome = crawl_source(service.ledger, plan, service.clock, terms, count, service.stop)
    seconds = (service.clock() - started).total_seconds()
    listed = outcome.report.listed if outcome.report else 0
    return outcome, BackfillMonth(name, begins, service.clock(), listed, seconds)


def _mark_finished(service: Service, outcome: CrawlOutcome, month: BackfillMonth) -> bool:
    """Note a month as done; False when pages of it are still missing."""
    report = outcome.report
    if report is None or report.missing or report.failed:
        return False
    with service.ledger.writing() as connection:
        backfill_months.save_finished(connection, month)
    return True

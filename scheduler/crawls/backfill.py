"""The past of a source, read month by month, newest first; it alerts nobody.

Each month is a crawl of its own. A month that was read to its end is recorded in the ledger, so an
interrupted backfill goes on where it stopped. What an interrupted month has brought stays, and its
pages are not fetched again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial

import msgspec

from alerts.ledger import backfill_months, questions
from alerts.ledger.backfill_months import BackfillMonth
from alerts.recording import CrawlOutcome, CrawlPolicy
from crawler.plan import CrawlPlan, ListingWindow
from crawler.report import CrawlLine, QuestionRead
from scheduler.crawl_process import build_crawl_target
from scheduler.crawls.crawl import crawl_source
from scheduler.crawls.source_crawl import get_backoff_end
from scheduler.service import Service

#: Days listed before and after a month: meetings are postponed while we list.
_WINDOW_OVERLAP = timedelta(days=3)
#: Half a year holds slow and fast months, and still follows a trend.
_ESTIMATE_MONTHS = 6
_HOUR_SECONDS = 3600.0


class BackfillProgress(msgspec.Struct, frozen=True):
    """How far a backfill has come."""

    done: int  #: months
    total: int  #: months
    label: str  #: source and month that is being read: ``london 2018-12``
    month_seconds: Sequence[float]  #: how long each month read so far took
    questions: int = 0  #: read in this month so far

    @property
    def description(self) -> str:
        """One line, with an estimate once two months are read."""
        left = estimate_time_left(self.month_seconds, self.total - self.done)
        noun = "question" if self.questions == 1 else "questions"
        return f"{self.label}: {self.questions:,} {noun}; {left}"


class BackfillResult(msgspec.Struct, frozen=True):
    """How a backfill ended."""

    done: int  #: months
    total: int  #: months
    summary: str
    problem: str | None = None  #: why it stopped early; None if it did not


def backfill_source(
    service: Service,
    name: str,
    since: date,
    max_months: int | None,
    on_progress: Callable[[BackfillProgress], None],
    *,
    include_finished: bool = False,
) -> BackfillResult:
    """Read the months of a source from this one back to ``since``.

    Args:
        service: The service. No other process may work on its ledger.
        name: The source: ``london``.
        since: The first day of the oldest month.
        max_months: How many months to read now; None reads all.
        on_progress: Called with the progress as questions are read.
        include_finished: Read months again that were read before.
    """
    months = list(iterate_months_backwards(service.clock().date().replace(day=1), since))
    finished = () if include_finished else _list_finished(service, name)
    finished_starts = {month.first_day for month in finished}
    ahead = [begins for begins in months if begins not in finished_starts]
    pace = [month.seconds for month in sorted(finished, key=lambda month: month.finished_at)]
    complete, incomplete = len(months) - len(ahead), 0
    problem: str | None = None
    for begins in ahead[:max_months]:
        label = f"{name} {begins:%Y-%m}"
        progress = BackfillProgress(complete + incomplete, len(months), label, pace)
        on_progress(progress)
        outcome, month = _read_month(service, name, begins, partial(_report, on_progress, progress))
        if not outcome.is_complete:
            problem = f"{begins:%Y-%m}: {outcome.verdict}, {outcome.reason}"
            break
        pace.append(month.seconds)
        if _mark_finished(service, outcome, month):
            complete += 1
        else:
            incomplete += 1
    summary = f"{name}: months read: {complete} of {len(months)}"
    if incomplete:
        summary += f"; months with missing pages: {incomplete}; run it again"
    return BackfillResult(complete, len(months), summary, problem)


def iterate_months_backwards(first: date, since: date) -> Iterator[date]:
    """Yield the first days of the months from ``first`` back to ``since``. Pure."""
    while first >= since:
        yield first
        first = (first - timedelta(days=1)).replace(day=1)


def build_month_window(begins: date) -> ListingWindow:
    """Return the days to list for the month that starts on ``begins``. Pure."""
    following = (begins + timedelta(days=31)).replace(day=1)
    return ListingWindow(begins - _WINDOW_OVERLAP, following - timedelta(days=1) + _WINDOW_OVERLAP)


def estimate_time_left(month_seconds: Sequence[float], left: int) -> str:
    """Return an estimate of the time that ``left`` more months take. Pure.

    A range, from the fastest to the slowest of the last months: they differ by a factor of ten, so
    one number would mislead.
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


def _report(
    on_progress: Callable[[BackfillProgress], None], progress: BackfillProgress, questions: int
) -> None:
    on_progress(msgspec.structs.replace(progress, questions=questions))


def _list_finished(service: Service, name: str) -> tuple[BackfillMonth, ...]:
    with service.ledger.reading() as connection:
        return tuple(backfill_months.list_finished(connection, name))


def _read_month(
    service: Service, name: str, begins: date, on_read: Callable[[int], None]
) -> tuple[CrawlOutcome, BackfillMonth]:
    """Crawl and record one month; ``on_read`` is called with the questions read so far."""
    started = service.clock()
    if until := get_backoff_end(service, name):
        reason = f"the source refuses us; it is left alone until {until:%Y-%m-%d %H:%M} UTC"
        return CrawlOutcome(name, "blocked", reason, {}), BackfillMonth(
            name, begins, started, 0, 0.0
        )
    read = 0

    def count(line: CrawlLine) -> None:
        nonlocal read
        read += isinstance(line, QuestionRead)
        on_read(read)

    outcome = crawl_source(
        service.ledger,
        _plan_month(service, name, begins),
        service.clock,
        CrawlPolicy(purpose="backfill"),
        on_line=count,
        stop=service.stop,
    )
    seconds = (service.clock() - started).total_seconds()
    listed = outcome.report.listed if outcome.report else 0
    return outcome, BackfillMonth(name, begins, service.clock(), listed, seconds)


def _plan_month(service: Service, name: str, begins: date) -> CrawlPlan:
    window = build_month_window(begins)
    with service.ledger.reading() as connection:
        known = questions.list_identities(connection, name, window.since, window.until)
    target = build_crawl_target(service.config, name)
    return msgspec.structs.replace(target, windows=(window,), known_ids=known)


def _mark_finished(service: Service, outcome: CrawlOutcome, month: BackfillMonth) -> bool:
    """Record a month as finished; return False if some of its pages are missing."""
    report = outcome.report
    if report is None or report.missing or report.failed:
        return False
    with service.ledger.writing() as connection:
        backfill_months.save_finished(connection, month)
    return True

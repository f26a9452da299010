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

from alerts.ledger import backfill_months as months
from alerts.ledger import questions
from alerts.ledger.backfill_months import Month
from crawler.fetching.plan import Line, Plan, Read, Window
from scheduler.crawls.crawl import Outcome, Terms, crawl_source
from scheduler.jobs import archive_of, manners_of, resting
from scheduler.service import Service

#: Days before and after a month that are listed with it: a meeting that is put off moves.
_OVERLAP = timedelta(days=3)
#: The estimate goes by so many months, the last ones read.
_PACE = 6
_HOUR = 3600.0


class Progress(msgspec.Struct, frozen=True):
    """How far a backfill has come."""

    done: int  #: months
    total: int
    place: str  #: source and month that is being read
    pace: Sequence[float]  #: seconds that the months read so far have taken
    questions: int = 0  #: read of this month so far

    @property
    def told(self) -> str:
        """In words, with an estimate as soon as there is anything to go by."""
        left = estimate(self.pace, self.total - self.done)
        return f"{self.place}: {self.questions} questions; {left}"


class Ended(msgspec.Struct, frozen=True):
    """How a backfill ended."""

    done: int
    total: int
    told: str
    problem: str | None = None  #: why it stopped before its end


def backfill(
    service: Service,
    name: str,
    since: date,
    limit: int | None,
    step: Callable[[Progress], None],
    *,
    again: bool = False,
) -> Ended:
    """Read the months of the source ``name`` back to ``since`` (the first of a month).

    ``limit`` is how many months to read now, ``again`` reads those that are done too. ``step`` is
    told of the progress. The service must have the ledger to itself.
    """
    every = list(backwards(service.clock().date().replace(day=1), since))
    with service.ledger.reading() as connection:
        finished = () if again else tuple(months.finished(connection, name))
    done = {month.begins for month in finished}
    ahead = [begins for begins in every if begins not in done]
    pace = [month.seconds for month in sorted(finished, key=lambda m: m.finished_at)]
    problem: str | None = None
    read = short = 0
    for begins in ahead[:limit]:
        at = Progress(len(every) - len(ahead) + read, len(every), f"{name} {begins:%Y-%m}", pace)
        step(at)
        outcome, month = _read_month(service, name, begins, partial(_told, step, at))
        if not outcome.is_whole:
            problem = f"{begins:%Y-%m}: {outcome.verdict}, {outcome.reason}"
            break
        read += 1
        pace.append(month.seconds)
        short += not _finish(service, outcome, month)
    whole = len(every) - len(ahead) + read - short
    told = f"{name}: {whole} of {len(every)} months are read"
    if short:
        told += f", {short} more not in full: run it again"
    return Ended(whole, len(every), told, problem)


def backwards(first: date, since: date) -> Iterator[date]:
    """The first days of the months from ``first`` back to ``since``. Pure."""
    while first >= since:
        yield first
        first = (first - timedelta(days=1)).replace(day=1)


def window_of(begins: date) -> Window:
    """The days to list for the month that ``begins`` then. Pure."""
    following = (begins + timedelta(days=31)).replace(day=1)
    return Window(begins - _OVERLAP, following - timedelta(days=1) + _OVERLAP)


def estimate(pace: Sequence[float], left: int) -> str:
    """What ``left`` months may take, going by the seconds of those that were read. Pure.

    A range, from the fastest and the slowest of the last few: months differ by a factor of ten,
    and one number would be a lie.
    """
    last = pace[-_PACE:]
    if len(last) < 2 or not left:
        return "no estimate yet" if left else "done"
    low, high = (_in_words(left * seconds) for seconds in (min(last), max(last)))
    span = low if low == high else f"{low} to {high}"
    return f"{span} left, going by the last {len(last)} months read"


def _in_words(seconds: float) -> str:
    if seconds < _HOUR:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / _HOUR:.1f} h"


def _told(step: Callable[[Progress], None], at: Progress, questions: int) -> None:
    step(msgspec.structs.replace(at, questions=questions))


def _read_month(
    service: Service, name: str, begins: date, on_read: Callable[[int], None]
) -> tuple[Outcome, Month]:
    """One month, crawled and recorded."""
    source = service.config.sources[name]
    started = service.clock()
    if until := resting(service, name):
        reason = f"the source refused us; it is left alone until {until:%Y-%m-%d %H:%M} UTC"
        return Outcome(name, "blocked", reason, {}), Month(name, begins, started, 0, 0.0)
    window = window_of(begins)
    with service.ledger.reading() as connection:
        known = questions.identities(connection, name, window.since, window.until)
    plan = Plan(
        source=name,
        base_url=source.url.rstrip("/"),
        manners=manners_of(service, name),
        windows=(window,),
        known=known,
        max_seconds=source.max_minutes * 60,
        archive=archive_of(service),
    )
    terms = Terms(max_minutes=source.max_minutes, purpose="backfill")
    read = 0

    def count(line: Line) -> None:
        nonlocal read
        read += isinstance(line, Read)
        on_read(read)

    outcome = crawl_source(service.ledger, plan, service.clock, terms, count, service.stop)
    seconds = (service.clock() - started).total_seconds()
    listed = outcome.report.listed if outcome.report else 0
    return outcome, Month(name, begins, service.clock(), listed, seconds)


def _finish(service: Service, outcome: Outcome, month: Month) -> bool:
    """Note a month as done; False when pages of it are still missing."""
    report = outcome.report
    if report is None or report.missing or report.failed:
        return False
    with service.ledger.writing() as connection:
        months.finish(connection, month)
    return True

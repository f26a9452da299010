"""The step from source to ledger: a crawl in a child process, recorded line by line as it comes.

What was recorded stays whatever happens to the child or to us. Whether everything that the
listings named was read is known only from the report at the end, so until a run has ended well,
the next one lists the same window again. And only then is it known whether the pages were read
right, so the changes that a crawl finds are held until it is judged.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import Ledger, runs
from alerts.ledger.runs import Judged, Purpose
from alerts.recording.record import (
    Reading,
    Rules,
    record,
    record_gone,
    record_refused,
    record_unchanged,
)
from alerts.recording.release import Settled, settle
from crawler.fetching.plan import Gone, Line, Plan, Read, Refused, Report, Unchanged, Unreadable
from crawler.fetching.verdict import Verdict, drift, judge
from crawler.records import encode
from scheduler.alarms import after_crawl
from scheduler.clock import Clock
from scheduler.crawls.process import child_of

log = logging.getLogger("watchword.crawl")

#: So many good runs make the norm that a run's fill rates are held against.
_NORM = 30
#: A page that still has no answer, and one whose answer is gone, look the same; so many of the
#: latter in one run mean that answers are no longer read.
_DOUBTED = 3


#: Seconds that a crawl whose time is over gets to end in good order, with a report.
_GRACE = 120


class Terms(msgspec.Struct, frozen=True):
    """What the config says on how a crawl is recorded and judged."""

    guard_days: int = 30
    max_minutes: float = 120
    flood_from: int = 500
    alarm_after: int = 3
    purpose: Purpose = "watch"


class Outcome(msgspec.Struct, frozen=True):
    """What came of one crawl."""

    source: str
    verdict: Verdict
    reason: str
    counts: dict[str, int]
    held: int = 0  #: changes that wait for the operator
    report: Report | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the listings were read to their end, so that what is new from now on is news."""
        return (
            self.report is not None
            and self.verdict in {"ok", "empty", "partial"}
            and self.report.finish_reason == "finished"
            and not self.report.listings_failed
            and not self.report.listings_cut
        )


class Heard(msgspec.Struct, frozen=True):
    """What a child said until its end."""

    report: Report | None
    counts: Counter[str]
    end: str  #: why there is no report, when there is none


def crawl_source(
    ledger: Ledger,
    plan: Plan,
    clock: Clock,
    terms: Terms,
    on_line: Callable[[Line], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Outcome:
    """Carry out ``plan`` and record what it brings; the run's row is closed with a verdict."""
    with ledger.writing() as connection:
        baseline = not runs.has_baseline(connection, plan.source)
        run = runs.begin(connection, plan.source, clock(), terms.purpose)
    past = terms.purpose == "backfill"
    rules = Rules(baseline=baseline, past=past, guard_days=terms.guard_days, hold=True)
    counts: Counter[str] = Counter()
    report: Report | None = None
    with child_of(plan, terms.max_minutes * 60 + _GRACE, stop) as child:
        for line in child.lines:
            on_line(line)
            if isinstance(line, Report):
                report = line
            else:
                counts.update(_record(ledger, plan.source, line, clock, rules))
    stopped = stop is not None and stop.is_set()
    end = "it was stopped" if stopped else f"it ended without a report ({child.last_words})"
    with ledger.writing() as connection:
        return _close(connection, run, plan.source, Heard(report, counts, end), terms, clock())


def _close(
    connection: Connection, run: int, source: str, heard: Heard, terms: Terms, now: datetime
) -> Outcome:
    """Judge a run, number or hold its changes, raise or clear its alarms: one transaction."""
    report, counts = heard.report, heard.counts
    verdict: Verdict = "partial"
    reason = heard.end
    settled = Settled({})
    if report is not None:
        verdict, reason = _judge(connection, source, report, counts, terms.purpose)
        doubt = verdict == "changed"
        settled = settle(connection, source, now, doubt=doubt, flood_from=terms.flood_from)
        counts["read"] = report.read
    did = {name: number for name, number in counts.items() if number}
    outcome = Outcome(source, verdict, reason, did, settled.held, report)
    printed = encode(report).decode()
    judged = Judged(verdict, reason, printed, outcome.is_whole, settled.news)
    runs.finish(connection, run, judged, now)
    if terms.purpose == "watch":
        after_crawl(connection, source, outcome.report, verdict, reason, terms.alarm_after, now)
    return outcome


def _judge(
    connection: Connection, source: str, report: Report, counts: Counter[str], purpose: Purpose
) -> tuple[Verdict, str]:
    """The verdict on a run, by itself and against the runs before it.

    Only news is held against the news of before: the past was printed in other designs.
    """
    verdict, reason = judge(report)
    if verdict not in {"ok", "empty", "partial"}:
        return verdict, reason
    before = runs.recent(connection, source, _NORM, ("ok",)) if purpose == "watch" else []
    norm = [msgspec.json.decode(run.report, type=Report) for run in before if run.report]
    drifted = [*drift(report, norm)]
    doubted = counts["doubted"]
    if doubted >= _DOUBTED and doubted * 5 > report.read:
        drifted.append(f"{doubted} of {report.read} pages have lost the answer that they had")
    return ("changed", "; ".join(drifted)) if drifted else (verdict, reason)


def _record(ledger: Ledger, source: str, line: Line, clock: Clock, rules: Rules) -> Counter[str]:
    """One line of the crawl, in a transaction of its own."""
    with ledger.writing() as connection:
        match line:
            case Read(question, visited, etag, last_modified, capture):
                reading = Reading(question, visited, etag, last_modified, capture)
                return record(connection, [reading], clock(), rules)
            case Unchanged(identity):
                record_unchanged(connection, identity, clock())
                return Counter(unchanged=1)
            case Refused(identity, url, status):
                record_refused(connection, identity, source, url, status, clock())
                return Counter(refused=1)
            case Gone(identity):
                gone = record_gone(connection, identity, clock(), rules)
                return Counter(gone=1, withdrawn=int(gone is not None))
            case Unreadable(url, why):
                log.warning("%s: %s", url, why)
                return Counter(unreadable=1)
    raise TypeError(f"nothing is known of {line!r}")

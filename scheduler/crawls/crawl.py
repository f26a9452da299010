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

from alerts.ledger import Ledger, crawl_runs
from alerts.ledger.crawl_runs import CrawlPurpose, CrawlResult
from alerts.recording.approval import CrawlChanges, publish_or_hold
from alerts.recording.readings import (
    QuestionReading,
    RecordingRules,
    record_missing_page,
    record_readings,
    record_refusal,
    record_unchanged_page,
)
from crawler.fetching.crawl_plan import (
    CrawlLine,
    CrawlPlan,
    CrawlReport,
    PageGone,
    PageRefused,
    PageUnchanged,
    PageUnreadable,
    QuestionRead,
)
from crawler.fetching.verdict import Verdict, decide_verdict, find_drift
from crawler.records import encode_record
from scheduler.alarms import update_crawl_alarms
from scheduler.clock import Clock
from scheduler.crawls.process import start_crawl

log = logging.getLogger("watchword.crawl")

#: So many good runs make the norm that a run's fill rates are held against.
_COMPARED_RUNS = 30
#: A page that still has no answer, and one whose answer is gone, look the same; so many of the
#: latter in one run mean that answers are no longer read.
_MIN_LOST_ANSWERS = 3


#: Seconds that a crawl whose time is over gets to end in good order, with a report.
_SHUTDOWN_SECONDS = 120


class CrawlPolicy(msgspec.Struct, frozen=True):
    """What the config says on how a crawl is recorded and judged."""

    guard_days: int = 30
    max_minutes: float = 120
    flood_from: int = 500
    alarm_after: int = 3
    purpose: CrawlPurpose = "regular"


class CrawlOutcome(msgspec.Struct, frozen=True):
    """What came of one crawl."""

    source: str
    verdict: Verdict
    reason: str
    counts: dict[str, int]
    held_changes: int = 0  #: changes that wait for the operator
    report: CrawlReport | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the listings were read to their end, so that what is new from now on is news."""
        return (
            self.report is not None
            and self.verdict in {"ok", "empty", "partial"}
            and self.report.finish_reason == "finished"
            and not self.report.listings_failed
            and not self.report.listings_cut
        )


class CrawlOutput(msgspec.Struct, frozen=True):
    """What a child said until its end."""

    report: CrawlReport | None
    counts: Counter[str]
    missing_report_reason: str  #: why there is no report, when there is none


def crawl_source(
    ledger: Ledger,
    plan: CrawlPlan,
    clock: Clock,
    policy: CrawlPolicy,
    on_line: Callable[[CrawlLine], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> CrawlOutcome:
    """Carry out ``plan`` and record what it brings; the run's row is closed with a verdict."""
    with ledger.writing() as connection:
        baseline = not crawl_runs.has_baseline(connection, plan.source)
        run = crawl_runs.start_run(connection, plan.source, clock(), policy.purpose)
    past = policy.purpose == "backfill"
    rules = RecordingRules(
        baseline=baseline, is_backfill=past, guard_days=policy.guard_days, hold=True
    )
    counts: Counter[str] = Counter()
    report: CrawlReport | None = None
    with start_crawl(plan, policy.max_minutes * 60 + _SHUTDOWN_SECONDS, stop) as child:
        for line in child.lines:
            on_line(line)
            if isinstance(line, CrawlReport):
                report = line
            else:
                counts.update(_record_line(ledger, plan.source, line, clock, rules))
    stopped = stop is not None and stop.is_set()
    end = "it was stopped" if stopped else f"it ended without a report ({child.exit_summary})"
    with ledger.writing() as connection:
        return _finish_run(
            connection, run, plan.source, CrawlOutput(report, counts, end), policy, clock()
        )


def _finish_run(
    connection: Connection,
    run: int,
    source: str,
    heard: CrawlOutput,
    terms: CrawlPolicy,
    now: datetime,
) -> CrawlOutcome:
    """Judge a run, number or hold its changes, raise or clear its alarms: one transaction."""
    report, counts = heard.report, heard.counts
    verdict: Verdict = "partial"
    reason = heard.missing_report_reason
    settled = CrawlChanges({})
    if report is not None:
        verdict, reason = _judge_run(connection, source, report, counts, terms.purpose)
        doubt = verdict == "changed"
        settled = publish_or_hold(
            connection, source, now, is_doubtful=doubt, flood_from=terms.flood_from
        )
        counts["read"] = report.read
    did = {name: number for name, number in counts.items() if number}
    outcome = CrawlOutcome(source, verdict, reason, did, settled.held_count, report)
    printed = encode_record(report).decode()
    judged = CrawlResult(verdict, reason, printed, outcome.is_complete, settled.alerting_counts)
    crawl_runs.finish_run(connection, run, judged, now)
    if terms.purpose == "regular":
        update_crawl_alarms(
            connection, source, outcome.report, verdict, reason, terms.alarm_after, now
        )
    return outcome


def _judge_run(
    connection: Connection,
    source: str,
    report: CrawlReport,
    counts: Counter[str],
    purpose: CrawlPurpose,
) -> tuple[Verdict, str]:
    """The verdict on a run, by itself and against the runs before it.

    Only news is held against the news of before: the past was printed in other designs.
    """
    verdict, reason = decide_verdict(report)
    if verdict not in {"ok", "empty", "partial"}:
        return verdict, reason
    before = (
        crawl_runs.list_recent(connection, source, _COMPARED_RUNS, ("ok",))
        if purpose == "regular"
        else []
    )
    norm = [msgspec.json.decode(run.report, type=CrawlReport) for run in before if run.report]
    drifted = [*find_drift(report, norm)]
    doubted = counts["doubted"]
    if doubted >= _MIN_LOST_ANSWERS and doubted * 5 > report.read:
        drifted.append(f"{doubted} of {report.read} pages have lost the answer that they had")
    return ("changed", "; ".join(drifted)) if drifted else (verdict, reason)


def _record_line(
    ledger: Ledger, source: str, line: CrawlLine, clock: Clock, rules: RecordingRules
) -> Counter[str]:
    """One line of the crawl, in a transaction of its own."""
    with ledger.writing() as connection:
        match line:
            case QuestionRead(question, visited, etag, last_modified, capture):
                reading = QuestionReading(question, visited, etag, last_modified, capture)
                return record_readings(connection, [reading], clock(), rules)
            case PageUnchanged(identity):
                record_unchanged_page(connection, identity, clock())
                return Counter(unchanged=1)
            case PageRefused(identity, url, status):
                record_refusal(connection, identity, source, url, status, clock())
                return Counter(refused=1)
            case PageGone(identity):
                gone = record_missing_page(connection, identity, clock(), rules)
                return Counter(gone=1, withdrawn=int(gone is not None))
            case PageUnreadable(url, why):
                log.warning("%s: %s", url, why)
                return Counter(unreadable=1)
    raise TypeError(f"nothing is known of {line!r}")

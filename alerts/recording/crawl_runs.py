"""A crawl run: recorded line by line as it comes, judged when it ends.

What was recorded stays, whatever happens to the crawl or to us. Only the report at the end says
whether everything that the listings name was read, so until a run has ended well the next run
lists the same window again. Only then is it known whether the pages were read right, so the
changes that a crawl finds are held until the crawl is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import Ledger, crawl_runs, held_changes, questions
from alerts.ledger.crawl_runs import CrawlResult
from alerts.recording.alarms import update_crawl_alarms
from alerts.recording.approval import CrawlChanges, FloodLimits, publish_or_hold
from alerts.recording.listings import ListedQuestions
from alerts.recording.losses import PageLosses
from alerts.recording.page_states import (
    count_known_page,
    count_lost_page,
    record_missing_page,
    record_refusal,
    record_unchanged_page,
)
from alerts.recording.readings import QuestionReading, record_readings
from alerts.recording.rules import CrawlPolicy, RecordingRules
from alerts.recording.verdict import CrawlOutcome, Verdict, judge_crawl
from alerts.recording.withdrawals import hold_doubtful_withdrawals
from crawler.event_log import get_logger
from crawler.records import encode_record
from crawler.report import (
    CrawlLine,
    CrawlReport,
    PageGone,
    PageRefused,
    PageUnchanged,
    PageUnreadable,
    QuestionRead,
    QuestionsListed,
    decode_stored_report,
)

log = get_logger("watchword.crawl")

#: An hourly crawl makes 30 good runs in a day and a quarter: recent, yet several hundred pages.
_BASELINE_RUNS = 30
#: Counts that serve to judge a crawl and say nothing to the operator.
_EVIDENCE = frozenset(("visited", "missing", "disbelieved", "reread_answers", "lost_answers"))


class CrawlRecorder:
    """Records one crawl of one source: its lines one by one, then its end."""

    def __init__(
        self, ledger: Ledger, source: str, clock: Callable[[], datetime], policy: CrawlPolicy
    ) -> None:
        """Open the run. ``clock`` returns the time now, aware, in UTC."""
        self._ledger, self._source = ledger, source
        self._clock, self._policy = clock, policy
        self._report: CrawlReport | None = None
        self._counts: Counter[str] = Counter()
        self._listed = ListedQuestions()
        self._gone: set[str] = set()
        self._read: dict[str, str] = {}  #: digests of the questions that were read, by id
        self._started_at = clock()
        with ledger.writing() as connection:
            is_baseline = not crawl_runs.has_baseline(connection, source)
            self._run_id = crawl_runs.start_run(
                connection, source, self._started_at, policy.purpose
            )
        self._rules = RecordingRules(
            baseline=is_baseline,
            is_backfill=policy.purpose == "backfill",
            guard_days=policy.guard_days,
            hold=True,
        )

    def record(self, line: CrawlLine) -> None:
        """Record one line, in a transaction of its own."""
        if isinstance(line, CrawlReport):
            self._report = line
            return
        if isinstance(line, QuestionsListed):
            self._listed.add(line)
            return
        if isinstance(line, PageGone):
            self._gone.add(line.id)
        if isinstance(line, QuestionRead) and not line.question.suspect:
            self._read[line.question.id] = line.question.digest
        with self._ledger.writing() as connection:
            now = self._clock()
            self._counts.update(record_line(connection, self._source, line, now, self._rules))

    def finish(self, missing_report_reason: str) -> CrawlOutcome:
        """Judge the run, number or hold its changes and update its alarms, in one transaction.

        Args:
            missing_report_reason: Why the crawl ended without a report; used if it has none.
        """
        with self._ledger.writing() as connection:
            now = self._clock()
            verdict, reason = self._judge(connection, missing_report_reason)
            changes = self._publish_or_hold(connection, verdict, now)
            outcome = self._build_outcome(verdict, reason, changes)
            crawl_runs.finish_run(connection, self._run_id, _build_result(outcome, changes), now)
            if self._policy.purpose == "regular":
                update_crawl_alarms(connection, outcome, self._policy.alarm_after, now)
        return outcome

    def _judge(self, connection: Connection, missing_report_reason: str) -> tuple[Verdict, str]:
        if self._report is None:
            return "partial", missing_report_reason
        baseline = self._load_baseline(connection)
        coverage = self._listed.measure_coverage(connection, self._source, self._started_at)
        # A question that is missing at one address was found at another: it has moved.
        moved = questions.count_found(connection, self._gone)
        losses = PageLosses.from_counts(self._counts - Counter(missing=moved))
        return judge_crawl(self._report, baseline, losses, coverage)

    def _load_baseline(self, connection: Connection) -> list[CrawlReport]:
        """Return the reports of recent good crawls.

        A backfill has none: it reads pages of older designs than the crawls for news do.
        """
        if self._policy.purpose == "backfill":
            return []
        runs = crawl_runs.list_recent(connection, self._source, _BASELINE_RUNS, ("ok",))
        reports = [decode_stored_report(run.report) for run in runs]
        return [report for report in reports if report is not None]

    def _publish_or_hold(
        self, connection: Connection, verdict: Verdict, now: datetime
    ) -> CrawlChanges:
        """Leave the changes of a run without a report held: the next run that ends decides."""
        if self._report is None:
            return CrawlChanges({})
        if verdict == "ok" and self._policy.purpose == "regular":
            held_changes.judge_again(connection, self._source, self._read, now)
        doubted = hold_doubtful_withdrawals(
            connection,
            self._source,
            self._listed.resolve(connection),
            now,
            has_whole_listings=(
                self._report.has_whole_listings and not self._report.listings_short
            ),
        )
        changes = publish_or_hold(
            connection,
            self._source,
            now,
            is_doubtful=verdict == "changed",
            limits=FloodLimits(
                self._policy.flood_from,
                self._counts["visited"],
                self._find_baseline_day(connection),
            ),
        )
        return msgspec.structs.replace(changes, held_count=changes.held_count + doubted)

    def _find_baseline_day(self, connection: Connection) -> date | None:
        """Return the day of the first crawl of a source, None once another one has borne it out."""
        if self._policy.purpose == "backfill" or self._rules.baseline:
            return None
        first = crawl_runs.find_unconfirmed_baseline(connection, self._source)
        return first.date() if first else None

    def _build_outcome(self, verdict: Verdict, reason: str, changes: CrawlChanges) -> CrawlOutcome:
        read = {"read": self._report.read} if self._report else {}
        found = {name: n for name, n in self._counts.items() if name not in _EVIDENCE}
        counts = {name: number for name, number in (found | read).items() if number}
        return CrawlOutcome(self._source, verdict, reason, counts, changes.held_count, self._report)


def _build_result(outcome: CrawlOutcome, changes: CrawlChanges) -> CrawlResult:
    return CrawlResult(
        verdict=outcome.verdict,
        reason=outcome.reason,
        report=encode_record(outcome.report).decode(),
        is_complete=outcome.is_complete,
        change_counts=changes.alerting_counts,
    )


def record_line(
    connection: Connection, source: str, line: CrawlLine, now: datetime, rules: RecordingRules
) -> Counter[str]:
    """Record one line of a crawl of ``source``; return what was recorded, counted.

    Raises:
        TypeError: The line is a listing or the report, which belong to the run as a whole.
    """
    match line:
        case QuestionRead(question, visited, etag, last_modified, capture):
            reading = QuestionReading(question, visited, etag, last_modified, capture)
            known = count_known_page(connection, question, visited)
            recorded = record_readings(connection, [reading], now, rules)
            if recorded["doubted"] or recorded["suspect"]:
                known["disbelieved"] = known["visited"]
                known["lost_answers"] = known["reread_answers"]
            return known + recorded
        case PageUnchanged(identity):
            return record_unchanged_page(connection, identity, now, rules)
        case PageRefused():
            record_refusal(connection, source, line, now)
            return Counter(refused=1)
        case PageGone(identity):
            lost = count_lost_page(connection, identity)
            withdrawal = record_missing_page(connection, identity, now, rules)
            return lost + Counter(gone=1, withdrawn=int(withdrawal is not None))
        case PageUnreadable(url, reason, identity):
            log.warning("a page cannot be read", url=url, reason=reason)
            lost = count_lost_page(connection, identity) if identity else Counter()
            return lost + Counter(unreadable=1)
    raise TypeError(f"a {type(line).__name__} cannot be recorded by itself")

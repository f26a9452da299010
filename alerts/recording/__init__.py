"""Recording: from what a crawl printed to numbered changes in the ledger.

This package compares readings with the ledger, judges crawls, holds doubtful changes for the
operator, raises and clears the alarms of a source, and plans the next visits. Its decisions are
pure functions; thin functions beside them read and write the ledger.

It must not know how a crawl is started (:mod:`scheduler.crawls`), how pages are read (it imports
only :mod:`crawler.records`, :mod:`crawler.plan` and :mod:`crawler.report`), or what becomes of a
change: matching, digests and feeds.
"""

from alerts.recording.alarms import update_source_alarms
from alerts.recording.crawl_runs import CrawlRecorder
from alerts.recording.readings import QuestionReading, record_readings
from alerts.recording.replacement import replace_reading
from alerts.recording.rules import CrawlPolicy, RecordingRules
from alerts.recording.takedowns import TakenDown, UnknownQuestion, take_down
from alerts.recording.verdict import CrawlOutcome
from alerts.recording.visits import find_backoff_end, find_early_try, plan_crawl

__all__ = [
    "CrawlOutcome",
    "CrawlPolicy",
    "CrawlRecorder",
    "QuestionReading",
    "RecordingRules",
    "TakenDown",
    "UnknownQuestion",
    "find_backoff_end",
    "find_early_try",
    "plan_crawl",
    "record_readings",
    "replace_reading",
    "take_down",
    "update_source_alarms",
]

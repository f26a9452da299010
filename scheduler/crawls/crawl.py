"""A crawl: start the child process and hand its lines to the recorder."""

from __future__ import annotations

import threading
from collections.abc import Callable

from alerts.ledger import Ledger
from alerts.recording import CrawlOutcome, CrawlPolicy, CrawlRecorder
from crawler.plan import CrawlPlan
from crawler.report import CrawlLine
from scheduler.clock import Clock
from scheduler.crawl_process import start_crawl
from scheduler.crawls.kept_captures import keep_captures

#: A crawl that reaches ``max_seconds`` finishes the request under way and writes its report. Two
#: minutes cover the longest wait that a source may ask for (120 s, crawler.fetching.middlewares).
_SHUTDOWN_SECONDS = 120
#: For a plan without a limit of its own.
_DEFAULT_MAX_SECONDS = 2 * 60 * 60


def crawl_source(
    ledger: Ledger,
    plan: CrawlPlan,
    clock: Clock,
    policy: CrawlPolicy,
    on_line: Callable[[CrawlLine], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> CrawlOutcome:
    """Crawl a source and record what it brings.

    Args:
        ledger: Where the run, its questions and its changes are recorded.
        plan: What to crawl.
        clock: Returns the time now, aware, in UTC.
        policy: How the crawl is recorded and judged.
        on_line: Called with each line before it is recorded, to show progress.
        stop: Ends the crawl when it is set.

    Raises:
        OSError: The captures could not be moved to where they are kept. The crawl is recorded.
    """
    recorder = CrawlRecorder(ledger, plan.source, clock, policy)
    timeout = (plan.max_seconds or _DEFAULT_MAX_SECONDS) + _SHUTDOWN_SECONDS
    with keep_captures(plan) as local_plan:
        with start_crawl(local_plan, timeout, stop) as child:
            for line in child.lines:
                on_line(line)
                recorder.record(line)
        if stop is not None and stop.is_set():
            return recorder.finish("it was stopped")
        return recorder.finish(f"it ended without a report ({child.exit_summary})")

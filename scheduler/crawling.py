"""The step from source to ledger: a crawl in a child process, recorded line by line as it comes.

What was recorded stays whatever happens to the child or to us. Whether everything that the
listings named was read is known only from the report at the end, so until a run has ended well,
the next one lists the same window again.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import msgspec

from alerts.ledger import Ledger, runs
from alerts.recording import Rules, record, record_gone
from crawler.health import Verdict, judge
from crawler.plan import Gone, Line, Plan, Read, Report, Unreadable, decode_line
from crawler.records import encode
from scheduler.clock import Clock

log = logging.getLogger("watchword.crawl")

#: Seconds that a child gets to end by itself.
_PATIENCE = 10


class Outcome(msgspec.Struct, frozen=True):
    """What came of one crawl."""

    source: str
    verdict: Verdict
    reason: str
    counts: dict[str, int]


def crawl_source(
    ledger: Ledger,
    plan: Plan,
    clock: Clock,
    guard_days: int,
    max_minutes: float,
    on_line: Callable[[Line], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Outcome:
    """Carry out ``plan`` and record what it brings; the run's row is closed with a verdict."""
    with ledger.writing() as connection:
        baseline = not runs.has_baseline(connection, plan.source)
        run = runs.begin(connection, plan.source, clock())
    rules = Rules(baseline=baseline, guard_days=guard_days)
    counts: Counter[str] = Counter()
    report: Report | None = None
    with child_of(plan, max_minutes * 60, stop) as child:
        for line in child.lines:
            on_line(line)
            if isinstance(line, Report):
                report = line
            else:
                counts.update(_record(ledger, line, clock, rules))
    if report is None:
        verdict: Verdict = "partial"
        stopped = stop is not None and stop.is_set()
        reason = "it was stopped" if stopped else f"it ended without a report ({child.last_words})"
    else:
        verdict, reason = judge(report)
    whole = report is not None and is_whole(report, verdict)
    with ledger.writing() as connection:
        runs.finish(connection, run, clock(), verdict, reason, encode(report).decode(), whole)
    counts.update(read=report.read if report else 0)
    return Outcome(plan.source, verdict, reason, {k: n for k, n in counts.items() if n})


def is_whole(report: Report, verdict: Verdict) -> bool:
    """Whether the listings were read to their end, so that from now on what is new is news."""
    return (
        verdict in {"ok", "empty", "partial"}
        and report.finish_reason == "finished"
        and not report.listings_failed
        and not report.listings_cut
    )


def _record(ledger: Ledger, line: Line, clock: Clock, rules: Rules) -> Counter[str]:
    """One line of the crawl, in a transaction of its own."""
    if isinstance(line, Read):
        with ledger.writing() as connection:
            return record(connection, [(line.question, line.visited)], clock(), rules)
    if isinstance(line, Gone):
        with ledger.writing() as connection:
            gone = record_gone(connection, line.id, clock())
        return Counter(gone=1, withdrawn=int(gone is not None))
    if isinstance(line, Unreadable):
        log.warning("%s: %s", line.url, line.reason)
        return Counter(unreadable=1)
    raise TypeError(f"nothing is known of {line!r}")


class Child:
    """A running crawl: its lines, and what it said on its deathbed."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr
        self.last_words = ""

    @property
    def lines(self) -> Iterator[Line]:
        """What the crawl prints; a line that is none of ours is logged and passed over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                yield decode_line(line)
            except msgspec.MsgspecError as error:
                log.error("the crawl printed a line that cannot be read: %s", error)

    def end(self) -> None:
        """Let the child go, or make it; note how it ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        self.last_words = f"status {status}" + (f", {said[-1]}" if said else "")


@contextmanager
def child_of(plan: Plan, seconds: float, stop: threading.Event | None = None) -> Iterator[Child]:
    """The crawl of ``plan``, killed when its time is over or when we are told to stop."""
    command = [sys.executable, "-P", "-m", "crawler.run"]
    with (
        tempfile.TemporaryFile() as stderr,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for us; the child ends when its input does
        ) as process,
    ):
        over = threading.Event()

        def watch() -> None:
            waited = 0.0
            while not over.wait(0.2):
                waited += 0.2
                if waited > seconds or (stop is not None and stop.is_set()):
                    process.kill()
                    return

        child = Child(process, stderr)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            assert process.stdin is not None
            try:
                process.stdin.write(encode(plan) + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                pass  # it died at birth; what it said on stderr is the reason
            yield child
        finally:
            over.set()
            child.end()
            watcher.join()

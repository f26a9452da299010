"""A crawl as a child process: its plan, its lines, and its end with ours."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import IO

import msgspec

from crawler.event_log import get_logger
from crawler.plan import CrawlPlan
from crawler.records import encode_record
from crawler.report import CrawlLine, decode_crawl_line
from scheduler.config import Config

log = get_logger("watchword.crawl")

#: Seconds that a child gets to exit once its standard input is closed: the reactor stops in one.
_EXIT_TIMEOUT = 10
#: How the names of variables begin that may hold secrets: of the config, of systemd, of S3, and of
#: PostgreSQL's library.
_SECRET_VARIABLES = ("WATCHWORD_", "CREDENTIALS_DIRECTORY", "AWS_", "PG")
#: Lines on its standard error that are logged: Scrapy's warnings, or the traceback that ended it.
_SHOWN_LINES = 50
#: Seconds between two looks at the clock and at the request to stop.
_WATCH_INTERVAL = 0.2


def build_crawl_target(config: Config, name: str) -> CrawlPlan:
    """Return a plan for the source ``name`` that lists and visits nothing yet."""
    source = config.sources[name]
    archive = config.archive
    return CrawlPlan(
        source=name,
        base_url=source.url.rstrip("/"),
        politeness=source.build_politeness(version("watchword")),
        archive_folder=str(archive.path) if archive.enabled else None,
        max_seconds=source.max_minutes * 60,
    )


class CrawlProcess:
    """A running crawl."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr
        #: How the process ended: exit status and last line on stderr. Empty while it runs.
        self.exit_summary = ""

    @property
    def lines(self) -> Iterator[CrawlLine]:
        """The lines that the crawl prints until it ends; unreadable ones are logged and skipped."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                yield decode_crawl_line(line)
            except msgspec.MsgspecError as error:
                log.error("the crawl printed a line that cannot be read", reason=error)

    def send_plan(self, plan: CrawlPlan) -> None:
        """Write the plan to the child's standard input, which stays open."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(encode_record(plan) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the child could not start: exit_summary will have the reason

    def kill(self) -> None:
        """Kill the process at once; it prints no report."""
        self._process.kill()

    def close(self) -> None:
        """Close the child's standard input, wait for its end and record how it ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            status = self._process.wait(_EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._stderr.seek(0)
        printed = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        self.exit_summary = f"status {status}" + (f", {printed[-1]}" if printed else "")
        # A crawl that ended well has reported what it could not fetch; a crash says why only here.
        level = logging.WARNING if status else logging.DEBUG
        for line in printed[-_SHOWN_LINES:]:
            log.log(level, "the process of a crawl printed a line", line=line)


@contextmanager
def start_crawl(
    plan: CrawlPlan, timeout: float, stop: threading.Event | None = None
) -> Iterator[CrawlProcess]:
    """Start a crawl; end it when the block is left.

    Args:
        plan: What to crawl.
        timeout: Seconds after which the process is killed.
        stop: Kills the process when it is set.
    """
    with (
        tempfile.TemporaryFile() as stderr,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "crawler.fetching"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=_build_environment(),
            start_new_session=True,  # Ctrl-C is for us; the child ends when its input does
        ) as process,
    ):
        child = CrawlProcess(process, stderr)
        ended = threading.Event()
        watcher = threading.Thread(
            target=_kill_when_due, args=(child, timeout, stop, ended), daemon=True
        )
        watcher.start()
        try:
            child.send_plan(plan)
            yield child
        finally:
            ended.set()
            child.close()
            watcher.join()


def _build_environment() -> dict[str, str]:
    """Return our environment without secrets: a crawl reads strangers' pages and needs none."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_SECRET_VARIABLES)
    }


def _kill_when_due(
    child: CrawlProcess, timeout: float, stop: threading.Event | None, ended: threading.Event
) -> None:
    waited = 0.0
    while not ended.wait(_WATCH_INTERVAL):
        waited += _WATCH_INTERVAL
        if waited > timeout or (stop is not None and stop.is_set()):
            child.kill()
            return

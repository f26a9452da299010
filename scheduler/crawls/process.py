"""A crawl as a child process: what it prints is read line by line, and it never outlives us."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import msgspec

from crawler.plan import CrawlPlan
from crawler.records import encode_record
from crawler.report import CrawlLine, decode_crawl_line

log = logging.getLogger("watchword.crawl")

#: Seconds that a child gets to end by itself.
_EXIT_TIMEOUT = 10


class CrawlProcess:
    """A running crawl: its lines, and what it said on its deathbed."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr
        self.exit_summary = ""

    @property
    def lines(self) -> Iterator[CrawlLine]:
        """What the crawl prints; a line that is none of ours is logged and passed over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                yield decode_crawl_line(line)
            except msgspec.MsgspecError as error:
                log.error("the crawl printed a line that cannot be read: %s", error)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """Let the child go, or make it; note how it ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            status = self._process.wait(_EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        self.exit_summary = f"status {status}" + (f", {said[-1]}" if said else "")


@contextmanager
def start_crawl(
    plan: CrawlPlan, timeout: float, stop: threading.Event | None = None
) -> Iterator[CrawlProcess]:
    """The crawl of ``plan``, killed when its time is over or when we are told to stop."""
    command = [sys.executable, "-P", "-m", "crawler.fetching.crawl_process"]
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
                if waited > timeout or (stop is not None and stop.is_set()):
                    process.kill()
                    return

        child = CrawlProcess(process, stderr)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            assert process.stdin is not None
            try:
                process.stdin.write(encode_record(plan) + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                pass  # it died at birth; what it said on stderr is the reason
            yield child
        finally:
            over.set()
            child.close()
            watcher.join()

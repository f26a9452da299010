"""Visitors who ask the web processes for pages, all the time."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from tests.trials.processes import SupervisedProcess

_PATHS = ("/", "/status", "/unanswered", "/search?q=heron", "/topics", "/healthz")
#: Seconds after which an answer is too late.
MAX_SECONDS = 2.0
#: Seconds between two requests of a visitor.
_PAUSE = 0.1
#: Of an answer that never comes.
_TIMEOUT = 20.0


@dataclass
class SiteVisitor:
    """Asks one web process, and notes each answer."""

    process: SupervisedProcess
    port: int
    statuses: Counter[str] = field(default_factory=Counter)
    worst: tuple[float, str] = (0.0, "")  #: seconds, path and status of the slowest answer
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)  #: answers that took longer than `MAX_SECONDS`
    _ready: int = 0  #: the start of the process that has answered

    def visit(self, over: threading.Event) -> None:
        """Ask for one page after another until it is over."""
        for path in itertools.cycle(_PATHS):
            if over.wait(_PAUSE):
                return
            self._ask(path)

    def _ask(self, path: str) -> None:
        start, began = self.process.starts, time.monotonic()
        try:
            status = self._get(path)
        except (OSError, HTTPException) as error:
            time.sleep(_PAUSE)  # the end of a process is seen a moment after its connections end
            if self._still_runs(start):
                self.problems.append(f"{self.process.name} {path}: {error!r}")
            return
        took = time.monotonic() - began
        is_first, self._ready = self._ready != start, start
        self.statuses[str(status)] += 1
        if is_first:  # it has loaded what all others use
            return
        self.worst = max(self.worst, (took, f"{path} {status}"))
        if status not in {200, 503}:
            self.problems.append(f"{self.process.name} {path}: {status}")
        if took > MAX_SECONDS:
            self.late.append(f"{self.process.name} {path}: {status} after {took:.1f} s")

    def _still_runs(self, start: int) -> bool:
        """Whether a start of the process that has answered before still lives."""
        process = self.process.process
        is_alive = process is not None and process.poll() is None
        return is_alive and self._ready == start == self.process.starts

    def _get(self, path: str) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@contextmanager
def visiting(*visitors: SiteVisitor) -> Iterator[None]:
    """Let visitors ask during the block."""
    over = threading.Event()
    threads = [threading.Thread(target=one.visit, args=(over,), daemon=True) for one in visitors]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()

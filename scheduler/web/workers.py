"""Processes that do the heavy work of the web server, so that pages and the daemon need not wait.

Python runs one thread of a process at a time. A search in a thread takes turns with the pages and
with the daemon's transactions, and makes each of their steps wait for up to 5 ms; in a process of
its own, at a lower priority, it takes the processor time that these leave.
"""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar, cast

from starlette.concurrency import run_in_threadpool

from alerts.web import Work, WorkInterrupted, WorkSettings
from crawler.event_log import get_logger
from scheduler.web.work_calls import WorkCall

P = ParamSpec("P")
R = TypeVar("R")

log = get_logger("watchword.web")

#: Seconds that a call may take: an export's first part may use the database for twice ten.
_CALL_SECONDS = 30.0


class WorkerProcesses:
    """Runs heavy work in processes, one call at a time in each; a `alerts.web.Runner`.

    Args:
        settings: what a process opens its context from.
    """

    def __init__(self, settings: WorkSettings) -> None:
        self._settings = settings
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()

    async def run(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``work`` in a process.

        Raises:
            WorkInterrupted: its process ended, or took too long and was ended.
        """
        return cast("R", await run_in_threadpool(self._call, WorkCall(work, args, kwargs)))

    async def start(self, places: int) -> None:
        """Start a process for each place, without waiting until they are ready (one second)."""
        for _ in range(places):
            self._idle.put(self._start_worker())

    async def stop(self) -> None:
        """End the processes; calls that run are broken off."""
        await run_in_threadpool(self._stop_workers)

    def _stop_workers(self) -> None:
        for worker in list(self._workers):
            worker.stop()
        self._workers.clear()

    def _start_worker(self) -> _Worker:
        worker = _Worker(self._settings)
        self._workers.add(worker)
        return worker

    def _call(self, call: WorkCall) -> object:
        try:
            worker = self._idle.get_nowait()
        except queue.Empty:  # the last one ended
            worker = self._start_worker()
        try:
            is_returned, value = worker.call(call)
        except WorkInterrupted as error:
            log.error("a request was answered with 503", reason=error)
            self._workers.discard(worker)
            worker.stop()
            raise
        self._idle.put(worker)
        if is_returned:
            return value
        assert isinstance(value, Exception)
        raise value


class _Worker:
    """One process, and our end of the socket to it."""

    def __init__(self, settings: WorkSettings) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "scheduler.web.worker_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us; the process ends when its socket does
            )
        self._in_use = threading.Lock()
        self._connection = Connection(ours.detach())
        with suppress(OSError):  # it has ended already; the first call will say so
            self._connection.send(settings)

    def call(self, call: WorkCall) -> tuple[bool, object]:
        """Send a call and return its answer.

        Raises:
            WorkInterrupted: there was none, or not in time.
        """
        with self._in_use:
            try:
                self._connection.send(call)
                if not self._connection.poll(_CALL_SECONDS):
                    raise WorkInterrupted(f"heavy work took longer than {_CALL_SECONDS:.0f} s")
                return cast("tuple[bool, object]", self._connection.recv())
            except (EOFError, OSError) as error:
                raise WorkInterrupted("a process of the web server has ended") from error

    def stop(self) -> None:
        """End the process at once: it only reads."""
        self._process.kill()
        self._process.wait()
        with self._in_use:
            self._connection.close()

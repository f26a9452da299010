"""The loop around the engine's worker, which outlives restarts of the database."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from procrastinate import App

from alerts.ledger import Ledger
from crawler.event_log import get_logger
from scheduler.cluster.engine import IDLE_QUEUE, JobFunction, build_app

log = get_logger("watchword.cluster")

#: Seconds before the engine's worker is started again: a server that restarts takes a few.
_PAUSE = 1.0


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker hears of jobs, and shows that it lives."""

    listen: bool  #: by LISTEN, which no pooler in transaction mode knows
    poll_seconds: float
    beat_seconds: float
    stalled_seconds: float  #: without a beat, after which a worker is dead


class WorkerLoop:
    """Runs the engine's worker again and again until it is told to stop.

    The engine's worker ends, with status 0, when the database is restarted, and with an error when
    another one took it for dead.
    """

    def __init__(
        self,
        ledger: Ledger,
        functions: Mapping[str, JobFunction],
        queues: Sequence[str],
        concurrency: int,
        settings: WorkerSettings,
        build: Callable[[Ledger, Mapping[str, JobFunction]], App] = build_app,
    ) -> None:
        """Prepare to work.

        Args:
            ledger: On PostgreSQL, with the engine's tables.
            functions: What the tasks do, by their names.
            queues: From which jobs are taken.
            concurrency: How many jobs are done at a time, in threads.
            settings: How it hears of jobs, and shows that it lives.
            build: Returns the engine's application.
        """
        self._ledger = ledger
        self._functions = functions
        self._queues = [*queues, IDLE_QUEUE]
        self._concurrency = concurrency
        self._settings = settings
        self._build = build
        self._stop = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._on_stop: Callable[[], None] = lambda: None

    async def run(self, on_stop: Callable[[], None] = lambda: None) -> None:
        """Work until SIGTERM or SIGINT; then let the current jobs end, and return.

        Args:
            on_stop: Called when a signal was received.
        """
        self._on_stop = on_stop
        loop = asyncio.get_running_loop()
        # The default has as many threads as cores and four more, whatever the concurrency.
        loop.set_default_executor(ThreadPoolExecutor(self._concurrency, "job"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        while not self._stop.is_set():
            self._work = asyncio.create_task(self._work_once())
            with suppress(asyncio.CancelledError):
                await self._work
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _PAUSE)

    def stop(self) -> None:
        """Take no more jobs. To be called in the loop's thread."""
        self._on_stop()
        self._stop.set()
        if self._work is not None:
            self._work.cancel()  # the engine lets the current jobs end

    async def _work_once(self) -> None:
        """Run the engine's worker until it ends, and say why."""
        settings = self._settings
        app = self._build(self._ledger, self._functions)
        try:
            async with app.open_async():
                await app.run_worker_async(
                    queues=self._queues,
                    concurrency=self._concurrency,
                    fetch_job_polling_interval=settings.poll_seconds,
                    listen_notify=settings.listen,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=settings.beat_seconds,
                    stalled_worker_timeout=settings.stalled_seconds,
                )
        except Exception as error:  # noqa: BLE001  # the boundary of the engine: it starts again
            reason = " ".join(str(error).split()) or type(error).__name__
            log.error("the worker ended; it starts again", reason=reason)
        else:
            log.warning("the worker ended; it starts again")

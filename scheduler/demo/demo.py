"""The demo's parts put together, run once or until Ctrl-C."""

from __future__ import annotations

import errno
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import msgspec
from filelock import FileLock, Timeout

from alerts.rendering import find_shipped_templates
from crawler.replica import (
    Inventor,
    LivingWorld,
    ReplicaFaults,
    build_demo_world,
    create_site,
)
from scheduler.clock import FastClock
from scheduler.crawls import run_crawl
from scheduler.daemon import Daemon
from scheduler.demo.app import create_demo_app
from scheduler.demo.config import build_demo_config, build_live_config
from scheduler.demo.inbox import Inbox, find_free_port, read_inbox, run_mail_server
from scheduler.demo.source import SOURCE, DemoSource
from scheduler.demo.terminal import Reporter, log_to_file
from scheduler.demo.timetable import Timetable
from scheduler.jobs import run_pipeline, sync_config
from scheduler.service import LedgerBusyError, lock_ledger, open_service
from scheduler.web import serve

#: When the last crawl starts, after the start: answered questions are visited again after a week.
_FINAL_CRAWL_DELAY = timedelta(days=8)
#: Days before today on which the script begins where the demo goes on after it: its last crawl is
#: then on the day before today.
_DAYS_OF_SCRIPT = 9
#: Real seconds between two runs of the pipeline. A crawl starts one when it ends.
_PIPELINE_SECONDS = 8.0
#: Of all that is chosen at random.
_SEED = 2026
#: Days before the script that the first crawl lists where the demo goes on: two years.
_DAYS_OF_PAST = 820
#: Real seconds between two looks into the inbox.
_INBOX_SECONDS = 0.5

#: Marks a folder that a demo made, which the next demo may therefore empty.
_MARKER_FILE = ".watchword-demo"
#: Held while a demo runs in its folder.
_LOCK_FILE = ".watchword-demo.lock"
#: The log lines of the service, which would say little on the terminal.
LOG_FILE = "watchword.log"


class Demo:
    """Replica, mail server, service and web pages; a context manager that starts and stops them."""

    def __init__(self, out: Path, port: int, *, is_live: bool = False) -> None:
        """Prepare a demo; :meth:`__enter__` starts it.

        Args:
            out: Folder for the mail, the feeds, the ledger and ``summary.json``.
            port: Port of the web pages on 127.0.0.1, or the first to try; 0 for any free one.
            is_live: Whether :meth:`run` will be called, not :meth:`run_once`. Then the script
                begins nine days ago, and the clock shows the time of the machine when it is over.
        """
        self.out = out.resolve()
        self._port = port
        self._resources = ExitStack()
        morning = datetime.now(UTC).replace(hour=5, minute=0, second=0, microsecond=0)
        start = morning - timedelta(days=_DAYS_OF_SCRIPT) if is_live else morning
        self._world = build_demo_world(start, with_past=is_live)
        self.clock = FastClock(start, rate=1.0)

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._resources.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._resources.close()

    def _set_up(self) -> None:
        self._prepare_folder()
        self._messages = Inbox(self.inbox)
        world = LivingWorld(self._world)
        site = create_site(world, self.clock, find_shipped_templates())
        self.source_url = self._resources.enter_context(serve(site))
        smtp_port = self._resources.enter_context(run_mail_server(self.inbox))
        port = find_free_port(self._port)
        config = build_demo_config(self.out, self.source_url, smtp_port, f"http://127.0.0.1:{port}")
        self.service = open_service(config, self.clock)
        self._resources.callback(self.service.ledger.engine.dispose)
        self.service = self._resources.enter_context(lock_ledger(self.service))
        sync_config(self.service)
        self._set_up_live(world, site.state.faults)
        pages = create_demo_app(
            self.service,
            self._daemon,
            self._source,
            self._timetable,
            self._messages,
            self.source_url,
            self.clock,
        )
        self.pages_url = self._resources.enter_context(serve(pages, port, setting="--port"))

    def _set_up_live(self, world: LivingWorld, faults: ReplicaFaults) -> None:
        """Build what goes on after the script, and start none of it."""
        live = replace(self.service, config=build_live_config(self.service.config))
        inventor = Inventor(self._world.members, _SEED)
        self._daemon = Daemon(live, pipeline_seconds=_PIPELINE_SECONDS)
        self._source = DemoSource(
            live, world, inventor, faults, lambda: self._daemon.crawl_now(SOURCE)
        )
        self._timetable = Timetable(live, self._source, _SEED)

    def _prepare_folder(self) -> None:
        """Create the folder, or empty it if an earlier demo made it.

        Raises:
            FileExistsError: It holds files that are not from a demo.
            LedgerBusyError: A demo runs in it.
        """
        marker = self.out / _MARKER_FILE
        self.out.mkdir(parents=True, exist_ok=True)
        if any(self.out.iterdir()) and not marker.exists():
            raise FileExistsError(
                errno.EEXIST, "is not empty and not from an earlier demo", str(self.out)
            )
        marker.touch()
        lock = self.out / _LOCK_FILE
        try:
            self._resources.enter_context(FileLock(lock, timeout=0))
        except Timeout:
            raise LedgerBusyError(
                f"another demo runs in {self.out}: stop it, or name another folder with --out"
            ) from None
        for path in self.out.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path not in {marker, lock}:
                path.unlink()

    @property
    def inbox(self) -> Path:
        """The Maildir that the mail server fills."""
        return self.out / "mail"

    def run_once(self) -> dict[str, Any]:
        """Go through all stages without waiting.

        Returns:
            The counts of each stage and their totals, as written to ``summary.json``.
        """
        began = time.monotonic()
        steps = [self._run_stage(number, moment) for number, moment in self._list_stages()]
        summary = self._build_summary(steps) | {"seconds": round(time.monotonic() - began, 1)}
        text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
        (self.out / "summary.json").write_bytes(text + b"\n")
        return summary

    def _list_stages(self) -> list[tuple[int, timedelta]]:
        """Return the stages of the script with their times after its start, by number."""
        return list(enumerate((timedelta(), *self._world.stages, _FINAL_CRAWL_DELAY)))

    def _run_stage(self, number: int, moment: timedelta) -> dict[str, Any]:
        """Put the clock forward to ``moment`` after the start, crawl and run the pipeline."""
        self.clock.skip_to(self._world.start + moment)
        outcome = run_crawl(self.service, "london")
        result = run_pipeline(self.service)
        return {
            "stage": "baseline" if number == 0 else f"stage {number}",
            "after_hours": moment.total_seconds() / 3600,
            "verdict": outcome.verdict,
            "crawl": outcome.counts,
            "pipeline": msgspec.to_builtins(result),
        }

    def _build_summary(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        total: Counter[str] = Counter()
        for step in steps:
            total.update(step["crawl"])
            for name in ("matches", "feeds", "digests"):
                total[name] += step["pipeline"][name]
            total["sent"] += step["pipeline"]["deliveries"].get("sent", 0)
        emails = [
            {"to": email.to, "subject": email.subject} for email in reversed(read_inbox(self.inbox))
        ]
        return {"steps": steps, "total": dict(total), "mails": emails}

    def run(self, write_line: Callable[[str], None]) -> None:
        """Play the script, then let the demo go on until Ctrl-C or SIGTERM.

        Args:
            write_line: Called with each line to show: addresses, then events and emails.
        """
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt), log_to_file(self.out / LOG_FILE):
            self._run_until_interrupted(write_line)
        write_line("\nStopped.")

    def _run_until_interrupted(self, write_line: Callable[[str], None]) -> None:
        write_line("The service reads the source, two years of it. This takes some seconds ...")
        self._read_past()
        for number, moment in self._list_stages():
            self._run_stage(number, moment)
        self.clock.skip_to(datetime.now(UTC))
        self._messages.mark_all_opened()
        reporter = Reporter(self._source, self._messages, write_line)
        self._write_addresses(write_line)
        try:
            self._daemon.start()
            self._timetable.start()
            self._stop_on_signals()
            while not self.service.stop.wait(_INBOX_SECONDS):
                reporter.report()
        finally:
            self._daemon.shut_down()
            self._timetable.join()

    def _stop_on_signals(self) -> None:
        """Stop on Ctrl-C and SIGTERM as the daemon does; a second one interrupts at once.

        A KeyboardInterrupt is lost where Python happens to run a finaliser.
        """

        def handle(number: int, _frame: FrameType | None) -> None:
            signal.signal(number, signal.default_int_handler)
            self.service.stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, handle)

    def _read_past(self) -> None:
        """Read the two years before the script. It is the first crawl, which notifies nobody."""
        config = self.service.config
        source = msgspec.structs.replace(config.sources[SOURCE], days_back=_DAYS_OF_PAST)
        whole = msgspec.structs.replace(config, sources={**config.sources, SOURCE: source})
        run_crawl(replace(self.service, config=whole), SOURCE)

    def _write_addresses(self, write_line: Callable[[str], None]) -> None:
        if self._port and not self.pages_url.endswith(f":{self._port}"):
            write_line(f"Port {self._port} is taken, so the pages are at another.")
        write_line(f"\nOpen {self.pages_url}/ and search for VRU.\n")
        write_line(f"  Make something happen  {self.pages_url}/demo")
        write_line(f"  Inbox                  {self.pages_url}/inbox")
        write_line(f"  Feed                   {self.pages_url}/feeds/everything.rss.xml")
        write_line(f"  Source                 {self.source_url}/")
        write_line(f"\nA new question is asked about every 25 seconds. The log is {LOG_FILE} in")
        write_line(f"{self.out}. Press Ctrl-C to stop.\n")

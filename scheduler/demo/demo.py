"""The demo's parts put together, run once or until Ctrl-C."""

from __future__ import annotations

import errno
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from alerts.rendering import find_shipped_templates
from crawler.replica import FAULTS_PATH, build_demo_world, create_site, prolong_world
from scheduler.clock import FastClock
from scheduler.config import parse_config
from scheduler.crawls import run_crawl
from scheduler.daemon import Daemon
from scheduler.demo.app import create_demo_app
from scheduler.demo.inbox import find_free_port, read_inbox, run_mail_server
from scheduler.jobs import run_pipeline, sync_config
from scheduler.service import Service, lock_ledger, open_service
from scheduler.web import serve

#: Seconds on the demo's clock per real second: an hour passes in 3600 / 2160 = 1.7 seconds.
_CLOCK_RATE = 2160.0
#: When the last crawl starts, after the start: answered questions are visited again after a week.
_FINAL_CRAWL_DELAY = timedelta(days=8)
#: Real seconds between two runs of the pipeline, nearly 5 hours on the demo's clock. A crawl starts
#: one when it ends; more often would spread one crawl's changes over several emails.
_PIPELINE_SECONDS = 8.0
#: Real seconds between two looks into the inbox.
_INBOX_SECONDS = 0.5

#: Marks a folder that a demo made, which the next demo may therefore empty.
_MARKER_FILE = ".watchword-demo"

_CONFIG = """
[ledger]
url = "sqlite:///ledger.sqlite3"
[site]
name = "Watchword (demo)"
public_url = "{public_url}"
tag_authority = "watchword.example,2026"
[feeds]
path = "feeds"
[mail]
channel = "smtp"
from_address = "watchword@demo.example"
[channels.smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
[sources.london]
url = "{source}"
delay_seconds = 0.01
every_minutes = 0.05
days_back = 90
[web]
sign_up = true
operator_password = "the demo's operator"
[[topics]]
query = "e-scooters"
[[subscriptions]]
email = "vera@demo.example"
query = 'VRU OR "violence reduction unit"'
every = "immediate"
[[subscriptions]]
email = "dan@demo.example"
query = "VRU"
every = "daily"
[[subscriptions]]
email = "dan@demo.example"
query = "buses"
every = "daily"
"""


class Demo:
    """Replica, mail server, service and web pages; a context manager that starts and stops them."""

    def __init__(self, out: Path, port: int) -> None:
        """Prepare a demo; :meth:`__enter__` starts it.

        Args:
            out: Folder for the mail, the feeds, the ledger and ``summary.json``.
            port: Port of the web pages on 127.0.0.1; 0 for any free one.
        """
        self.out = out.resolve()
        self._port = port
        self._resources = ExitStack()
        morning = datetime.now(UTC).replace(hour=5, minute=0, second=0, microsecond=0)
        self._world = prolong_world(build_demo_world(morning), _FINAL_CRAWL_DELAY.days + 1)
        self.clock = FastClock(morning, rate=1.0)

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
        site = create_site(self._world, self.clock, find_shipped_templates())
        self.source_url = self._resources.enter_context(serve(site))
        smtp_port = self._resources.enter_context(run_mail_server(self.inbox))
        port = self._port or find_free_port()
        self.service = self._open_service(smtp_port, f"http://127.0.0.1:{port}")
        self._resources.callback(self.service.ledger.engine.dispose)
        self.service = self._resources.enter_context(lock_ledger(self.service))
        sync_config(self.service)
        pages = create_demo_app(self.service, self.inbox, self.source_url)
        self.pages_url = self._resources.enter_context(serve(pages, port, setting="--port"))

    def _prepare_folder(self) -> None:
        """Create the folder, or empty it if an earlier demo made it.

        Raises:
            FileExistsError: It holds files that are not from a demo.
        """
        marker = self.out / _MARKER_FILE
        if self.out.is_dir() and any(self.out.iterdir()):
            if not marker.exists():
                raise FileExistsError(
                    errno.EEXIST, "is not empty and not from an earlier demo", str(self.out)
                )
            shutil.rmtree(self.out)
        self.out.mkdir(parents=True, exist_ok=True)
        marker.touch()

    @property
    def inbox(self) -> Path:
        """The Maildir that the mail server fills."""
        return self.out / "mail"

    def _open_service(self, smtp_port: int, public_url: str) -> Service:
        text = _CONFIG.format(source=self.source_url, smtp_port=smtp_port, public_url=public_url)
        return open_service(parse_config(text, self.out, "the demo's config"), self.clock)

    def run_once(self) -> dict[str, Any]:
        """Go through all stages without waiting.

        Returns:
            The counts of each stage and their totals, as written to ``summary.json``.
        """
        began = time.monotonic()
        moments = (timedelta(), *self._world.stages, _FINAL_CRAWL_DELAY)
        steps = [self._run_stage(number, moment) for number, moment in enumerate(moments)]
        summary = self._build_summary(steps) | {"seconds": round(time.monotonic() - began, 1)}
        text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
        (self.out / "summary.json").write_bytes(text + b"\n")
        return summary

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
        """Run the daemon on the fast clock until Ctrl-C or SIGTERM.

        Args:
            write_line: Called with each line to show: addresses, then emails as they arrive.
        """
        write_line("Reading the replica for the first time. This sends no email ...")
        run_crawl(self.service, "london")
        run_pipeline(self.service)
        self._write_addresses(write_line)
        self.clock.set_rate(_CLOCK_RATE)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        daemon = Daemon(self.service, pipeline_seconds=_PIPELINE_SECONDS)
        daemon.start()
        try:
            self._report_emails(write_line)
        except KeyboardInterrupt:
            write_line("\nStopped.")
        finally:
            daemon.shut_down()

    def _write_addresses(self, write_line: Callable[[str], None]) -> None:
        write_line(f"\nOverview:     {self.pages_url}/demo")
        write_line(f"  service     {self.pages_url}/")
        write_line(f"  inbox       {self.pages_url}/inbox")
        write_line(f"  VRU feed    {self.pages_url}/feeds/VRU.rss.xml")
        write_line(f"  source      {self.source_url}/")
        write_line(f"  its faults  {self.source_url}{FAULTS_PATH}")
        write_line(f"Files are in {self.out}. Press Ctrl-C to stop.\n")

    def _report_emails(self, write_line: Callable[[str], None]) -> None:
        """Write a line for each email that arrives, for ever."""
        seen: set[str] = set()
        while True:
            time.sleep(_INBOX_SECONDS)
            for email in reversed(read_inbox(self.inbox)):
                if email.key not in seen:
                    seen.add(email.key)
                    write_line(f"  {email.date}  to {email.to}: {email.subject}")

"""The demo: the real service, end to end, on a replica of the source and with a fast clock.

Nothing of the service is replaced. The source is a real HTTP server with the site's own markup,
the inbox a real SMTP server; crawl, ledger, digests and feeds are what the daemon always runs.
"""

from __future__ import annotations

import errno
import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from alerts.rendering.templates import find_shipped_templates
from crawler.replica.demo import build_demo_world
from crawler.replica.site import create_site
from scheduler.clock import FastClock
from scheduler.config.loader import parse_config
from scheduler.config.sections import Config
from scheduler.daemon import Daemon
from scheduler.demo.app import create_demo_app, read_inbox
from scheduler.jobs import run_crawl, run_pipeline, sync_config
from scheduler.service import Service, lock_ledger, open_service
from scheduler.web import serve

#: An hour of the demo passes in a second and two thirds.
_CLOCK_RATE = 2160.0

#: After the last stage the demo looks again at what was answered, as it does after a week.
_FINAL_CRAWL_DELAY = timedelta(days=8)

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
    """The stage: replica, mail server, service and pages; ``with`` sets it up and clears it."""

    def __init__(self, out: Path, port: int) -> None:
        self.out = out.resolve()
        self._port = port
        self._resources = ExitStack()
        morning = datetime.now(UTC).replace(hour=5, minute=0, second=0, microsecond=0)
        self._world = build_demo_world(morning)
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
        port = self._port or _find_free_port()
        self.service = self._open_service(self._start_mail_server(), f"http://127.0.0.1:{port}")
        self._resources.callback(self.service.ledger.engine.dispose)
        self._resources.enter_context(lock_ledger(self.service))
        sync_config(self.service)
        pages = create_demo_app(self.service, self.inbox, self.source_url)
        self.pages_url = self._resources.enter_context(serve(pages, port))

    def _prepare_folder(self) -> None:
        """An empty folder to play in: a new one or an earlier demo's, never anybody else's."""
        mark = self.out / _MARKER_FILE
        if self.out.is_dir() and any(self.out.iterdir()):
            if not mark.exists():
                raise FileExistsError(
                    errno.EEXIST, "is not empty and not of an earlier demo", str(self.out)
                )
            shutil.rmtree(self.out)
        self.out.mkdir(parents=True, exist_ok=True)
        mark.touch()

    @property
    def inbox(self) -> Path:
        """The Maildir that the mail server fills."""
        return self.out / "mail"

    def _start_mail_server(self) -> int:
        """Start the mail server; gives its port."""
        port = _find_free_port()
        controller = Controller(Mailbox(self.inbox), hostname="127.0.0.1", port=port)
        controller.start()
        self._resources.callback(controller.stop)
        return port

    def _open_service(self, smtp_port: int, public_url: str) -> Service:
        text = _CONFIG.format(source=self.source_url, smtp_port=smtp_port, public_url=public_url)
        config: Config = parse_config(text, self.out, "the demo's config")
        return open_service(config, self.clock)

    def run_once(self) -> dict[str, Any]:
        """Go through all stages without waiting; writes and gives the counts of each step."""
        began = time.monotonic()
        steps: list[dict[str, Any]] = []
        start = self._world.start
        moments = (timedelta(), *self._world.stages, _FINAL_CRAWL_DELAY)
        for number, moment in enumerate(moments):
            self.clock.skip_to(start + moment)
            outcome = run_crawl(self.service, "london")
            # The daily digest is due in the morning after; the immediate one now.
            done = run_pipeline(self.service)
            steps.append(
                {
                    "stage": "baseline" if number == 0 else f"stage {number}",
                    "after_hours": moment.total_seconds() / 3600,
                    "verdict": outcome.verdict,
                    "crawl": outcome.counts,
                    "pipeline": msgspec.to_builtins(done),
                }
            )
        summary = self._build_summary(steps) | {"seconds": round(time.monotonic() - began, 1)}
        (self.out / "summary.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
        )
        return summary

    def _build_summary(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        total: Counter[str] = Counter()
        for step in steps:
            total.update(step["crawl"])
            for name in ("matches", "feeds", "digests"):
                total[name] += step["pipeline"][name]
            total["sent"] += step["pipeline"]["deliveries"].get("sent", 0)
        return {
            "steps": steps,
            "total": dict(total),
            "mails": [{"to": m.to, "subject": m.subject} for m in reversed(read_inbox(self.inbox))],
        }

    def run(self, say: Callable[[str], None]) -> None:
        """Run the daemon until Ctrl-C, on a clock on which an hour takes less than two seconds."""
        say("Reading the replica: a silent baseline ...")
        run_crawl(self.service, "london")
        run_pipeline(self.service)
        say(f"\nWatch it here:      {self.pages_url}/demo")
        say(f"  the service       {self.pages_url}/")
        say(f"  the inbox         {self.pages_url}/inbox")
        say(f"  the VRU feed      {self.pages_url}/feeds/VRU.rss.xml")
        say(f"  the source        {self.source_url}/")
        say(f"Its files are in {self.out}. Ctrl-C ends it.\n")
        self.clock.set_rate(_CLOCK_RATE)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # A crawl wakes a round when it ends; more often would part its news over several emails.
        daemon = Daemon(self.service, pipeline_seconds=8.0)
        daemon.start()
        seen: set[str] = set()
        try:
            while True:
                time.sleep(0.5)
                for mail in reversed(read_inbox(self.inbox)):
                    if mail.key not in seen:
                        seen.add(mail.key)
                        say(f"  {mail.date}  to {mail.to}: {mail.subject}")
        except KeyboardInterrupt:
            say("\nThe curtain falls.")
        finally:
            daemon.shut_down()


def _find_free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port

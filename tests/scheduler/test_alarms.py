"""Alarms, end to end: the operator and subscribers are told of a failing source once each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from alerts.ledger import alarms
from alerts.web import create_app
from scheduler.config import load_config
from scheduler.crawls import get_backoff_end, run_crawl
from scheduler.jobs import run_pipeline, sync_config
from scheduler.service import Service as Jobs
from scheduler.service import open_service
from scheduler.web import build_web_context, serve
from tests.support.service import (
    RunningReplica,
    ServiceFolder,
    build_config,
    get_plain_text,
    read_emails,
    run_replica,
)

pytestmark = pytest.mark.process

OPERATOR = "op@demo.example"
EXTRA = f'''
silent_hours = 36
flood_from = 5

[operator]
email = "{OPERATOR}"
alarm_after = 3
'''


class FailingSource:
    """The replica, which a test can make give other responses."""

    def __init__(self, source: RunningReplica) -> None:
        self.source = source
        self.answer: Callable[[], Response] | None = None
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += scope["type"] == "http"
        forced = self.answer if scope["type"] == "http" else None
        await (forced() if forced else self.source.site)(scope, receive, send)


class RunningService:
    """A service whose clock the test sets, with a source that can fail."""

    def __init__(self, folder: Path, source: RunningReplica) -> None:
        self.folder = folder
        self.source = source
        self.failing = FailingSource(source)
        self.now = source.now
        self.jobs: Jobs

    def pass_time(self, **hours: float) -> None:
        """Put the clock forward; the source publishes nothing in the meantime."""
        self.now += timedelta(**hours)

    def crawl(self) -> str:
        """Crawl, run the pipeline and return the verdict."""
        verdict = run_crawl(self.jobs, "london").verdict
        run_pipeline(self.jobs)
        return verdict

    def subjects(self, recipient: str) -> list[str]:
        mails = read_emails(self.folder / "var" / "mail")
        return [str(mail["Subject"]) for mail in mails if mail["To"] == recipient]

    def open_alarms(self) -> set[str]:
        with self.jobs.ledger.reading() as connection:
            return {alarm.kind for alarm in alarms.list_open(connection)}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningService]:
    with run_replica() as source:
        made = RunningService(tmp_path, source)
        with serve(made.failing) as url:
            ServiceFolder(tmp_path, build_config(url, extra=EXTRA))
            made.jobs = open_service(load_config(tmp_path / "config.toml"), lambda: made.now)
            sync_config(made.jobs)
            yield made
            made.jobs.ledger.engine.dispose()


def refused() -> Response:
    return PlainTextResponse("no", 403)


def test_subscribers_are_told_once_that_a_source_is_silent_and_once_that_it_is_back(
    running: RunningService,
) -> None:
    reader = "reader0@demo.example"
    assert running.crawl() == "ok"
    running.failing.answer = lambda: PlainTextResponse("", 500)
    for _ in range(4):
        running.pass_time(hours=10)
        assert running.crawl() == "unreachable"
    place = "127.0.0.1"
    assert running.subjects(reader) == [f"We cannot read {place} at present"]
    for _ in range(3):
        running.pass_time(hours=10)
        running.crawl()
    assert len(running.subjects(reader)) == 1
    assert running.open_alarms() == {"unreachable", "unavailable"}
    running.failing.answer = None
    running.pass_time(hours=1)
    assert running.crawl() == "ok"
    notices = running.subjects(reader)
    assert sum("again" in subject for subject in notices) == 1
    assert running.open_alarms() == set()
    running.crawl()
    assert running.subjects(reader) == notices
    assert sorted(running.subjects(OPERATOR)) == sorted(
        [
            "london: the source cannot be reached",
            "london: not read for a long time; subscribers are notified",
            "london: alarm cleared, and 1 more",
        ]
    )


def test_a_refusal_is_an_alarm_at_once_and_stops_requests_for_hours(
    running: RunningService,
) -> None:
    running.crawl()
    running.failing.answer = refused
    assert running.crawl() == "blocked"
    assert running.subjects(OPERATOR) == ["london: the source blocks us"]
    requests = running.failing.requests
    running.pass_time(hours=2)
    assert running.crawl() == "blocked"
    assert running.failing.requests == requests  # not even robots.txt
    running.pass_time(hours=2)
    assert running.crawl() == "blocked"
    assert running.failing.requests > requests
    until = get_backoff_end(running.jobs, "london")
    assert until is not None
    assert until - running.now == timedelta(hours=6)  # twice as long as the first time
    assert len(running.subjects(OPERATOR)) == 1


def test_three_failed_crawls_in_a_row_are_an_alarm_and_fewer_are_not(
    running: RunningService,
) -> None:
    running.crawl()
    running.failing.answer = lambda: PlainTextResponse("", 502)
    for number in (1, 2, 3):
        running.pass_time(hours=1)
        assert running.crawl() == "unreachable"
        assert len(running.subjects(OPERATOR)) == (number == 3)


def test_a_machine_that_was_off_raises_no_alarm(running: RunningService) -> None:
    running.crawl()
    running.pass_time(hours=100)
    run_pipeline(running.jobs)
    assert running.open_alarms() == set()
    assert running.subjects("reader0@demo.example") == []


def test_a_redesigned_site_sends_nothing_false(running: RunningService) -> None:
    """Nobody is notified of changes that come from a new page design."""
    running.crawl()
    running.source.go_to_stage(1)
    running.now = running.source.now

    def redesigned() -> Response:
        return PlainTextResponse("<html><body><h1>Welcome to our new site</h1></body></html>")

    running.failing.answer = redesigned
    assert running.crawl() == "changed"
    assert running.subjects("reader0@demo.example") == []
    assert running.subjects(OPERATOR) == ["london: the pages have changed, and 1 more"]
    running.failing.answer = None
    assert running.crawl() == "ok"


def test_a_flood_waits_for_the_operator(running: RunningService) -> None:
    running.crawl()
    running.source.go_to_stage(1)
    running.now = running.source.now
    running.crawl()
    assert running.subjects("reader0@demo.example") == []
    assert running.open_alarms() == {"awaiting_approval"}
    service = ServiceFolder(running.folder, (running.folder / "config.toml").read_text())
    shown = service.run_json("approvals", "--json")["changes"]
    assert {entry["reason"] for entry in shown} == {"flood"}
    assert service.run("status", expect=1).stdout.count("ALARM") == 1
    assert service.run_json("approve", "--json")["approved"] == sum(e["changes"] for e in shown)
    assert running.subjects("reader0@demo.example") != []
    service.run("approve")  # nothing is left
    run_pipeline(running.jobs)
    assert running.open_alarms() == {"clock"}  # the command's clock is behind the test's


def test_a_rejected_flood_is_recorded_and_nobody_is_notified(running: RunningService) -> None:
    running.crawl()
    running.source.go_to_stage(1)
    running.now = running.source.now
    running.crawl()
    service = ServiceFolder(running.folder, (running.folder / "config.toml").read_text())
    shown = service.run_json("approvals", "--json")["changes"]
    assert service.run_json("reject", "--json")["rejected"] == sum(e["changes"] for e in shown)
    assert running.subjects("reader0@demo.example") == []
    assert service.run("approvals").stdout == "No changes wait for approval.\n"
    service.run("reject")  # nothing is left


def fetch(url: str) -> tuple[int, str]:
    try:
        with urlopen(url) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_status_page_shows_the_alarm(running: RunningService) -> None:
    with serve(create_app(build_web_context(running.jobs))) as url:
        running.crawl()
        status, page = fetch(f"{url}/status")
        assert (status, "All well" in page) == (200, True)
        assert "asked by" in page
        running.failing.answer = refused
        running.crawl()
        status, page = fetch(f"{url}/status")
        assert "the source blocks us" in page
        assert "The site refused our requests. Next attempt" in page
        status, plain = fetch(f"{url}/status.json")
    assert status == 503
    assert json.loads(plain)["sources"][0]["alarms"][0]["kind"] == "blocked"


def test_the_text_of_an_operator_email(running: RunningService) -> None:
    running.crawl()
    running.failing.answer = refused
    running.crawl()
    [email] = [m for m in read_emails(running.folder / "var" / "mail") if m["To"] == OPERATOR]
    text = get_plain_text(email)
    assert text.startswith("LONDON: the source blocks us\n")
    assert "watchword status" in text
    assert email["List-Unsubscribe"] is None
    assert email["Date"].datetime == running.now.replace(microsecond=0)

"""A source in trouble, end to end: the operator and the subscribers hear of it, once each."""

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
from scheduler.config.loader import load_config
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


class Trouble:
    """The replica, which a test can make answer otherwise."""

    def __init__(self, source: RunningReplica) -> None:
        self.source = source
        self.answer: Callable[[], Response] | None = None
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += scope["type"] == "http"
        forced = self.answer if scope["type"] == "http" else None
        await (forced() if forced else self.source.site)(scope, receive, send)


class Running:
    """A service whose clock the test sets, over a source in trouble."""

    def __init__(self, folder: Path, source: RunningReplica) -> None:
        self.folder = folder
        self.source = source
        self.trouble = Trouble(source)
        self.now = source.now
        self.jobs: Jobs

    def pass_time(self, **hours: float) -> None:
        """Time passes, and the source publishes nothing."""
        self.now += timedelta(**hours)

    def crawl(self) -> str:
        """A crawl and a round after it; the verdict."""
        verdict = run_crawl(self.jobs, "london").verdict
        run_pipeline(self.jobs)
        return verdict

    def subjects(self, who: str) -> list[str]:
        mails = read_emails(self.folder / "var" / "mail")
        return [str(mail["Subject"]) for mail in mails if mail["To"] == who]

    def standing(self) -> set[str]:
        with self.jobs.ledger.reading() as connection:
            return {alarm.kind for alarm in alarms.list_open(connection)}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with run_replica() as source:
        made = Running(tmp_path, source)
        with serve(made.trouble) as url:
            ServiceFolder(tmp_path, build_config(url, extra=EXTRA))
            made.jobs = open_service(load_config(tmp_path / "config.toml"), lambda: made.now)
            sync_config(made.jobs)
            yield made
            made.jobs.ledger.engine.dispose()


def refused() -> Response:
    return PlainTextResponse("no", 403)


def test_a_silence_is_told_once_and_taken_back_once(running: Running) -> None:
    reader = "reader0@demo.example"
    assert running.crawl() == "ok"
    running.trouble.answer = lambda: PlainTextResponse("", 500)
    for _ in range(4):
        running.pass_time(hours=10)
        assert running.crawl() == "unreachable"
    place = "127.0.0.1"
    assert running.subjects(reader) == [f"We cannot read {place} at present"]
    for _ in range(3):
        running.pass_time(hours=10)
        running.crawl()
    assert len(running.subjects(reader)) == 1
    assert running.standing() == {"unreachable", "unavailable"}
    running.trouble.answer = None
    running.pass_time(hours=1)
    assert running.crawl() == "ok"
    told = running.subjects(reader)
    assert sum("again" in subject for subject in told) == 1
    assert running.standing() == set()
    running.crawl()
    assert running.subjects(reader) == told
    letters = running.subjects(OPERATOR)
    assert sorted(letters) == sorted(
        [
            "london: the source cannot be reached",
            "london: it has not been read for long, and subscribers are told",
            "london: over, and 1 more",
        ]
    )


def test_a_refusal_is_told_at_once_and_the_source_left_alone(running: Running) -> None:
    running.crawl()
    running.trouble.answer = refused
    assert running.crawl() == "blocked"
    assert running.subjects(OPERATOR) == ["london: the source refuses us"]
    asked = running.trouble.asked
    running.pass_time(hours=2)
    assert running.crawl() == "blocked"
    assert running.trouble.asked == asked  # not even robots.txt
    running.pass_time(hours=2)
    assert running.crawl() == "blocked"
    assert running.trouble.asked > asked
    until = get_backoff_end(running.jobs, "london")
    assert until is not None
    assert until - running.now == timedelta(hours=6)  # twice as long as the first time
    assert len(running.subjects(OPERATOR)) == 1


def test_a_hiccup_is_no_alarm_and_three_are(running: Running) -> None:
    running.crawl()
    running.trouble.answer = lambda: PlainTextResponse("", 502)
    for number in (1, 2, 3):
        running.pass_time(hours=1)
        assert running.crawl() == "unreachable"
        assert len(running.subjects(OPERATOR)) == (number == 3)


def test_a_machine_that_was_off_accuses_nobody(running: Running) -> None:
    running.crawl()
    running.pass_time(hours=100)
    run_pipeline(running.jobs)
    assert running.standing() == set()
    assert running.subjects("reader0@demo.example") == []


def test_a_rebuilt_site_sends_nothing_false(running: Running) -> None:
    """Fields renamed, the title in another tag, the answer gone: nothing is told of any of it."""
    running.crawl()
    running.source.go_to_stage(1)
    running.now = running.source.now

    def rebuilt() -> Response:
        return PlainTextResponse("<html><body><h1>Welcome to our new site</h1></body></html>")

    running.trouble.answer = rebuilt
    assert running.crawl() == "changed"
    assert running.subjects("reader0@demo.example") == []
    assert running.subjects(OPERATOR) == ["london: the pages are not what they were"]
    running.trouble.answer = None
    assert running.crawl() == "ok"


def test_a_flood_waits_for_the_operator(running: Running) -> None:
    running.crawl()
    running.source.go_to_stage(1)
    running.now = running.source.now
    running.crawl()
    assert running.subjects("reader0@demo.example") == []
    assert running.standing() == {"awaiting_approval"}
    service = ServiceFolder(running.folder, (running.folder / "config.toml").read_text())
    shown = service.run_json("approvals", "--json")["changes"]
    assert {entry["reason"] for entry in shown} == {"flood"}
    assert service.run("status", expect=1).stdout.count("ALARM") == 1
    assert service.run_json("approve", "--json")["approved"] == sum(e["changes"] for e in shown)
    assert running.subjects("reader0@demo.example") != []
    service.run("approve", expect=1)  # nothing is left
    run_pipeline(running.jobs)
    assert running.standing() == set()


def test_a_rejected_flood_is_recorded_and_nobody_is_notified(running: Running) -> None:
    running.crawl()
    running.source.go_to_stage(1)
    running.now = running.source.now
    running.crawl()
    service = ServiceFolder(running.folder, (running.folder / "config.toml").read_text())
    shown = service.run_json("approvals", "--json")["changes"]
    assert service.run_json("reject", "--json")["rejected"] == sum(e["changes"] for e in shown)
    assert running.subjects("reader0@demo.example") == []
    assert service.run("approvals").stdout == "No changes wait for approval.\n"
    service.run("reject", expect=1)  # nothing is left


def fetch(url: str) -> tuple[int, str]:
    try:
        with urlopen(url) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_status_page_says_so(running: Running) -> None:
    with serve(create_app(build_web_context(running.jobs))) as url:
        running.crawl()
        status, page = fetch(f"{url}/status")
        assert (status, "Everything is working" in page) == (200, True)
        assert "asked by" in page
        running.trouble.answer = refused
        running.crawl()
        status, page = fetch(f"{url}/status")
        assert "the source refuses us" in page
        assert "It is left alone until" in page
        status, plain = fetch(f"{url}/status.json")
    assert status == 503
    assert json.loads(plain)["sources"][0]["alarms"][0]["kind"] == "blocked"


def test_a_letter_reads_well(running: Running) -> None:
    running.crawl()
    running.trouble.answer = refused
    running.crawl()
    [letter] = [m for m in read_emails(running.folder / "var" / "mail") if m["To"] == OPERATOR]
    text = get_plain_text(letter)
    assert text.startswith("LONDON: the source refuses us\n")
    assert "watchword status" in text
    assert letter["List-Unsubscribe"] is None
    assert letter["Date"].datetime == running.now.replace(microsecond=0)

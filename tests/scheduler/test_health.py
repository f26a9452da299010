"""One truth about health: the command, its exit status, the pages and the word for monitors agree.

Each test breaks something for real and asks every view.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from alerts.ledger import alarms, pauses
from alerts.rendering import ALARM_LABELS
from alerts.web import create_app
from crawler.records import encode_record
from scheduler.config import load_config
from scheduler.jobs import run_pipeline
from scheduler.service import Service, open_service
from scheduler.web import build_web_context, serve
from tests.support.postgres import create_database
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder, build_config, run_replica

pytestmark = pytest.mark.process

PASSWORD = "the operator's own password"
PAGES = f'[web]\noperator_password = "{PASSWORD}"\n'
QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
DEAD_SMTP = (
    '[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
    '[channels.smtp]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\n'
)


class Views:
    """Everything that shows the state of the service."""

    def __init__(self, service: ServiceFolder, url: str) -> None:
        self.service, self.url = service, url
        self._browser: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        form = urlencode({"action": "sign-in", "password": PASSWORD}).encode()
        self._browser.open(f"{url}/operator", form).close()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with self._browser.open(self.url + path) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def check(self, state: str, *says: str, is_operators: bool = True) -> str:
        """Check that every view shows a state, and what is wrong; return what `status` prints."""
        exit_status = {"well": 0, "not yet": 75, "trouble": 1}[state]
        code = 200 if state == "well" else 503
        printed = self.service.run("status", expect=exit_status).stdout
        assert printed.splitlines()[-1] == f"Status: {state}"
        assert self.service.run("status", "--json", expect=exit_status).stdout
        page, values, word = (self.get(path) for path in ("/status", "/status.json", "/healthz"))
        assert (page[0], values[0], word[0]) == (code, code, code)
        assert json.loads(values[1])["state"] == state
        assert word[1].splitlines()[0] == state
        heading, operators_heading = {
            "well": ("All well", "All well</span>"),
            "not yet": ("Not yet", "<h2 id=.alarms.>Not yet</h2>"),
            "trouble": ("Trouble", "<h2 id=.alarms.>[0-9]+ alarms?</h2>"),
        }[state]
        operator = self.get("/operator")[1]
        assert re.search(rf"<h1>.*{heading}.*</h1>", page[1])
        assert re.search(operators_heading, operator)
        for text in says:
            assert all(text in shown for shown in (printed, page[1], values[1], word[1], operator))
        return printed


@contextmanager
def run_views(folder: Path, config: str) -> Iterator[tuple[Views, Service]]:
    service_folder = ServiceFolder(folder, config + PAGES)
    service = open_service(load_config(folder / "config.toml"))
    with serve(create_app(build_web_context(service))) as url:
        yield Views(service_folder, url), service
    service.ledger.engine.dispose()


def test_a_service_that_was_never_run_is_not_yet_at_work(tmp_path: Path) -> None:
    with run_views(tmp_path, QUIET) as (views, service):
        views.check("not yet", "no round has been run yet")
        run_pipeline(service)
        printed = views.check("well")
    ledger = tmp_path / "var" / "ledger.sqlite3"
    assert printed.splitlines()[0] == f"Config: {tmp_path}/config.toml; ledger: {ledger}"


def test_the_status_creates_no_ledger(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET, is_new=True)
    done = service.run("status", expect=75)
    assert "there is no ledger yet" in done.stdout
    assert service.run("status", "--json", expect=75).stdout
    (tmp_path / "config.toml").unlink()
    done = service.run("status", expect=75)
    assert "built-in defaults" in done.stdout.splitlines()[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
def test_the_status_creates_no_tables(tmp_path: Path, postgres_server: str) -> None:
    with create_database(postgres_server, "template1") as url:
        service = ServiceFolder(tmp_path, f'{QUIET}[ledger]\nurl = "{url}"\n')
        for _ in range(2):
            assert "there is no ledger yet" in service.run("status", expect=75).stdout
    done = service.run("status", expect=1)  # the database is gone
    assert "the ledger cannot be read" in done.stdout


@pytest.mark.parametrize("kind", [*ALARM_LABELS, "job publish", "a kind of tomorrow"])
@pytest.mark.parametrize("source", [None, "london"])
def test_every_alarm_is_shown_everywhere(tmp_path: Path, kind: str, source: str | None) -> None:
    with run_views(tmp_path, 'sources.london.url = "http://127.0.0.1:1"\n') as (views, service):
        with service.ledger.writing() as connection:
            alarms.update_open(connection, source, {kind: "why"}, (), service.clock())
        label = ALARM_LABELS.get(kind, kind.removeprefix("job "))
        printed = views.check("trouble", *([] if source else [label]))
        assert "why" in printed
        assert label in views.get("/status")[1]
        assert "why" in views.get("/operator")[1]


def test_messages_that_wait_for_a_dead_mail_server_are_trouble(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_bytes(
        encode_record(make_question(1, make_answer("There are more benches.")))
    )
    with run_views(tmp_path, QUIET + DEAD_SMTP) as (views, service):
        views.service.run("subscribe", "vera@demo.example", "benches", "--every", "immediate")
        views.service.run("ingest", "--as-new", "records.jsonl", expect=69)
        before = datetime.now(UTC) - timedelta(hours=3)
        with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite3")) as database:
            shown = before.strftime("%Y-%m-%d %H:%M:%S.%f")
            database.execute("UPDATE message SET composed_at = ?", (shown,))
            database.commit()
        views.service.run("once", "--no-crawl", expect=69)
        printed = views.check("trouble", "messages are not being delivered")
        assert "127.0.0.1:1 cannot be reached" in printed
        assert "127.0.0.1:1" not in views.get("/status.json")[1]
        assert service.ledger.is_sqlite


def test_a_source_that_could_not_be_read_yet_is_trouble(tmp_path: Path) -> None:
    config = 'sources.london = {url = "http://127.0.0.1:1", delay_seconds = 0.01}\n'
    with run_views(tmp_path, config) as (views, _):
        views.check("not yet", "not read in full yet")
        views.service.run("once", expect=69)
        views.check("trouble", "it could not be read yet")
        status, ready = views.get("/readyz")
        soon = datetime.fromisoformat(json.loads(ready)["next_tries"]["london"]) - datetime.now(UTC)
        assert (status, timedelta(minutes=1) < soon <= timedelta(minutes=2)) == (200, True)


def test_what_the_operator_has_paused_is_not_yet_at_work(tmp_path: Path) -> None:
    with run_replica() as source:
        config = build_config(source.url)
        with run_views(tmp_path, config) as (views, service):
            views.service.run("once")
            views.check("well")
            with service.ledger.writing() as connection:
                pauses.add(connection, "crawl", "london", service.clock())
            views.check("not yet", "crawls are paused")
            views.service.run("once")
            with service.ledger.writing() as connection:
                pauses.add(connection, "delivery", None, service.clock())
            views.check("not yet", "deliveries are paused")


def test_a_job_that_failed_is_trouble_until_it_ends_well(tmp_path: Path) -> None:
    with run_views(tmp_path, QUIET) as (views, _):
        views.service.run("once")
        feeds = tmp_path / "var" / "feeds"
        feeds.rename(tmp_path / "aside")
        feeds.write_text("a file where the folder was")
        for _ in range(2):
            views.service.run("once", expect=1)
            views.check("trouble", "publish")
        feeds.unlink()
        (tmp_path / "aside").rename(feeds)
        views.service.run("once")
        views.service.run("once")
        views.check("well")


def test_rounds_that_come_no_more_are_trouble(tmp_path: Path) -> None:
    with run_views(tmp_path, QUIET) as (views, _):
        views.service.run("once")
        with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite3")) as database:
            before = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S.%f")
            database.execute("UPDATE job SET begun_at = ?, ended_at = ?", (before, before))
            database.commit()
        views.check("trouble", "no round has been run for long")


def test_a_ledger_that_cannot_be_read_is_trouble_and_no_defect(tmp_path: Path) -> None:
    with run_views(tmp_path, QUIET) as (views, service):
        service.ledger.engine.dispose()
        with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite3")) as database:
            database.execute("DROP TABLE alarm")
            database.commit()
        for path in ("/status", "/status.json", "/healthz"):
            code, text = views.get(path)
            assert code == 503
            assert "the ledger cannot be read" in text
            assert "alarm" not in text


def test_the_alarms_of_a_source_that_is_read_no_more_are_cleared(tmp_path: Path) -> None:
    with run_views(tmp_path, QUIET) as (views, service):
        with service.ledger.writing() as connection:
            alarms.update_open(connection, "london", {"blocked": "why"}, (), service.clock())
        views.check("trouble", "the source blocks us")
        views.service.run("once")
        views.check("well")

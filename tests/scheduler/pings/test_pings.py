"""What a dead man's switch is told, by the real command, over a socket."""

from __future__ import annotations

import http.server
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from alerts.ledger import pauses
from alerts.secret import SecretAddress
from scheduler.config import load_config
from scheduler.config.monitor_sections import PingSection
from scheduler.crawls import run_crawl
from scheduler.jobs import prepare_messages, run_delivery
from scheduler.pings import RECENT_LINES, RoundPings
from scheduler.pings.check import build_url
from scheduler.service import Service, open_service
from tests.support.service import ServiceFolder, build_config, run_replica

NOW = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)


class Ping(msgspec.Struct, frozen=True):
    """A request that the switch was sent."""

    path: str
    run_id: str
    body: str


class Switch:
    """A dead man's switch: it records what it is told."""

    def __init__(self) -> None:
        self.pings: list[Ping] = []
        self.status = 200
        self.url = ""

    def take(self) -> list[str]:
        """The paths since the last look."""
        paths = [ping.path for ping in self.pings]
        self.pings.clear()
        return paths


@pytest.fixture
def switch() -> Iterator[Switch]:
    found = Switch()

    class Handler(http.server.BaseHTTPRequestHandler):
        known: ClassVar = found

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            [run_id] = parse_qs(parts.query)["rid"]
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            found.pings.append(Ping(parts.path, run_id, body))
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield found
        server.shutdown()
        thread.join()


def ping_config(switch: Switch) -> str:
    return (
        f'[ping]\nround = "{switch.url}/round-key"\n'
        f'crawl = "{switch.url}/key/crawl-{{source}}?create=1"\n'
    )


@pytest.mark.process
def test_once_says_that_it_begins_and_with_which_status_it_ends(
    switch: Switch, tmp_path: Path
) -> None:
    with run_replica() as replica:
        service = ServiceFolder(tmp_path, build_config(replica.url) + ping_config(switch))
        service.run("once")
        crawl = "/key/crawl-london"
        first, *rest = switch.pings
        assert switch.take() == ["/round-key/start", f"{crawl}/start", crawl, "/round-key/0"]
        assert len({first.run_id, *(one.run_id for one in rest)}) == 2  # of the run, of the crawl
        assert first.run_id == rest[-1].run_id
        assert rest[1].body.startswith("crawl of london: ok, ")
        assert "crawl starts: source=london" in rest[1].body  # which is not shown
        replica.faults.blank_listing = True
        service.run("once", expect=None)
        assert switch.take() == [
            "/round-key/start",
            f"{crawl}/start",
            f"{crawl}/fail",
            "/round-key/1",
        ]
        service.run("pause", "crawl", "london", expect=None)


@contextmanager
def opened(tmp_path: Path, config: str) -> Iterator[Service]:
    ServiceFolder(tmp_path, config)
    service = open_service(load_config(tmp_path / "config.toml"))
    yield service
    service.memory.close()
    service.ledger.close()


@pytest.mark.slow
def test_a_crawl_that_is_not_made_is_noted(switch: Switch, tmp_path: Path) -> None:
    with opened(tmp_path, build_config("http://127.0.0.1:1") + ping_config(switch)) as service:
        with service.ledger.writing() as connection:
            pauses.add(connection, "crawl", "london", service.clock())
        run_crawl(service, "london")
    [ping] = switch.pings
    assert ping.path == "/key/crawl-london/log"
    assert ping.body.startswith("no crawl of london: crawls are paused since ")


@pytest.mark.slow
def test_rounds_ping_at_once_when_something_fails(switch: Switch, tmp_path: Path) -> None:
    config = build_config("http://127.0.0.1:1") + ping_config(switch)
    with opened(tmp_path, config) as service:
        prepare_messages(service)
        assert switch.take() == ["/round-key"]
        prepare_messages(service)
        run_delivery(service)
        assert switch.take() == []  # five minutes have not passed
        service.memory.pings.report(service.config.ping, "round", ["match: no"], service.clock())
        [ping] = switch.pings
        assert (ping.path, ping.body.partition("\n")[0]) == ("/round-key/fail", "match: no")


def test_what_fails_beside_rounds_is_not_hidden_by_a_good_round(switch: Switch) -> None:
    section = PingSection(round=SecretAddress(f"{switch.url}/key"))
    pings = RoundPings()
    pings.report(section, "round", [], NOW)
    pings.report(section, "deliver", ["deliver: no mail server"], NOW + timedelta(seconds=30))
    pings.report(section, "round", [], NOW + timedelta(seconds=60))
    assert switch.take() == ["/key", "/key/fail"]
    pings.report(section, "round", [], NOW + timedelta(minutes=6))
    assert switch.take() == ["/key/fail"]
    pings.report(section, "deliver", [], NOW + timedelta(minutes=6, seconds=1))
    assert switch.take() == ["/key"]
    pings.report(section, "round", [], NOW + timedelta(minutes=11, seconds=1))
    pings.report(section, "round", [], NOW)  # the clock went back
    assert switch.take() == ["/key", "/key"]


@pytest.mark.slow
def test_a_switch_that_does_not_answer_stops_nothing(
    switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "a-secret-key-of-the-check"
    dead = PingSection(round=SecretAddress(f"http://127.0.0.1:1/{secret}"))
    RoundPings().report(dead, "round", [], NOW)
    switch.status = 404
    RoundPings().report(PingSection(round=SecretAddress(f"{switch.url}/{secret}")), "x", [], NOW)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "a ping did not arrive: url=http://127.0.0.1:1/... reason=ConnectionError" in caplog.text
    assert f"a ping was refused: url={switch.url}/... status=404" in caplog.text
    assert secret not in caplog.text


def test_the_last_lines_of_the_log_go_along_as_far_as_there_is_room() -> None:
    handler = type(RECENT_LINES)()
    for number in range(300):
        record = logging.LogRecord("watchword", logging.INFO, "", 0, f"line {number} é", (), None)
        handler.emit(record)
    body = handler.write_body("the summary", 200).decode()
    lines = body.split("\n")
    assert lines[0] == "the summary"
    assert lines[1:] == [f"line {n} é" for n in range(300 - len(lines) + 1, 300)]
    assert 185 < len(body.encode()) <= 200
    assert len(handler.write_body("x" * 500, 200)) == 200
    assert len(handler.write_body("x", 1_000_000).decode().split("\n")) == 201


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://hc-ping.com/uuid", "https://hc-ping.com/uuid/fail?rid=1"),
        (
            "https://hc-ping.com/key/slug?create=1",
            "https://hc-ping.com/key/slug/fail?create=1&rid=1",
        ),
        (
            "https://switch.example:8000/ping/uuid/",
            "https://switch.example:8000/ping/uuid/fail?rid=1",
        ),
    ],
)
def test_where_a_ping_goes(address: str, expected: str) -> None:
    assert build_url(address, "/fail", "1") == expected

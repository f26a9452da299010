"""The daemon: wakes, works, stops cleanly, and is not silenced by a clock set back."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from alerts.ledger import open_ledger, subscriptions
from scheduler.config import parse_config
from scheduler.daemon import Daemon
from scheduler.service import Service as RunningService
from scheduler.service import open_service
from tests.support.service import ServiceFolder, build_config, count_sent_links, run_replica

pytestmark = pytest.mark.process


def until(what: Callable[[], object], seconds: float = 30) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


def test_news_reach_the_inbox_and_the_feed_by_themselves(tmp_path: Path) -> None:
    with run_replica() as source:
        extra = "every_minutes = 0.05\n"
        service = ServiceFolder(tmp_path, build_config(source.url, extra=extra))
        service.run("once")
        source.go_to_stage(1)
        daemon = service.start("run")
        with daemon:
            until(lambda: service.emails)
            until(lambda: "parent champions" in feeds(service))
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=30) == 0
            assert daemon.stderr is not None
            log = daemon.stderr.read()
        assert "SIGTERM: stopping" in log
        assert "Traceback" not in log
        assert set(count_sent_links(service.emails).values()) == {1}
        assert source.requests


def feeds(service: ServiceFolder) -> str:
    folder = service.folder / "var" / "feeds"
    return "".join(path.read_text() for path in folder.glob("*.atom.xml"))


def test_it_serves_leaving_in_one_click(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    extra = f'enabled = false\n[web]\nport = {port}\n[site]\npublic_url = "http://127.0.0.1:{port}"'
    service = ServiceFolder(tmp_path, build_config("http://127.0.0.1:1", extra=extra))
    service.run("subscribe", "vera@demo.example", "VRU")
    token = token_of(tmp_path, "vera@demo.example")
    link = f"http://127.0.0.1:{port}/u/{token}"

    def subscribed() -> bool:
        return "vera@demo.example" in service.run("subscriptions").stdout

    daemon = service.start("run")
    with daemon:
        until(lambda: answers(link))
        for _ in range(5):  # what a link scanner does
            with urlopen(link) as page:
                assert b"Stop all of them" in page.read()
        assert subscribed()
        with pytest.raises(HTTPError) as wrong:
            urlopen(link + "x")
        assert wrong.value.code == 404
        wrong.value.close()
        body = b"List-Unsubscribe=One-Click"
        with urlopen(Request(link, data=body, method="POST")) as page:
            assert page.status == 200
        assert not subscribed()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=30) == 0


def answers(link: str) -> bool:
    try:
        with urlopen(link) as page:
            return bool(page.status == 200)
    except URLError:
        return False


def token_of(folder: Path, email: str) -> str:
    ledger = open_ledger(f"sqlite:///{folder / 'var' / 'ledger.sqlite3'}")
    with ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, email)
    ledger.engine.dispose()
    assert person is not None
    return person.token


@pytest.fixture
def idle(tmp_path: Path) -> RunningService:
    """A service with nothing to crawl."""
    text = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false'
    return open_service(parse_config(text, tmp_path, "config.toml"))


def test_a_clock_set_back_is_no_hour_of_silence(
    idle: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a step of the clock does to APScheduler: every job's next time is an hour away."""
    daemon = Daemon(idle, pipeline_seconds=3600)
    rounds: list[float] = []
    daemon.add_job("probe", lambda: rounds.append(time.monotonic()), 3600)
    daemon.start()
    watcher = threading.Thread(target=daemon.watch_clock)
    try:
        until(lambda: len(rounds) == 1)
        watcher.start()
        time.sleep(1.5)
        assert len(rounds) == 1
        back = time.time
        monkeypatch.setattr(time, "time", lambda: back() - 3600)
        until(lambda: len(rounds) == 2, seconds=5)
    finally:
        idle.stop.set()
        watcher.join()
        daemon.shut_down()
        idle.ledger.engine.dispose()


def test_a_job_that_fails_is_logged_and_the_next_goes_on(
    idle: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = Daemon(idle, pipeline_seconds=3600)
    calls: list[datetime] = []

    def fails() -> None:
        calls.append(datetime.now(UTC))
        raise RuntimeError("out of luck")

    daemon.add_job("unlucky", fails, 0.2)
    daemon.start()
    try:
        until(lambda: len(calls) >= 3)
    finally:
        daemon.shut_down()
        idle.ledger.engine.dispose()
    assert daemon.failures >= 2
    assert "job unlucky failed" in caplog.text
    assert calls[-1] - calls[0] < timedelta(seconds=20)

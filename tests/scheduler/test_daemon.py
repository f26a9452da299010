"""The daemon runs jobs, serves pages, stops cleanly and copes with a clock that is set back."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec
import pytest
import time_machine

from alerts.ledger import messages, open_ledger, subscriptions
from alerts.model import Subscriber
from alerts.subscribers.emails import write_manage_link_email
from crawler.records import encode_record
from scheduler.config import parse_config
from scheduler.daemon import Daemon
from scheduler.service import Service as RunningService
from scheduler.service import open_service
from tests.support.samples import make_question
from tests.support.service import (
    ServiceFolder,
    build_config,
    count_sent_links,
    read_emails,
    run_replica,
)
from tests.support.smtp_server import run_smtp_server

pytestmark = pytest.mark.process


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until a condition holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.05)


def test_new_questions_reach_the_inbox_and_the_feed(tmp_path: Path) -> None:
    with run_replica() as source:
        extra = "every_minutes = 0.05\n"
        service = ServiceFolder(tmp_path, build_config(source.url, extra=extra), is_new=True)
        service.run("once")
        source.go_to_stage(1)
        with service.running("run") as daemon:
            wait_until(lambda: service.emails)
            wait_until(lambda: "parent champions" in read_all_feeds(service))
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=30) == 0
            assert daemon.stderr is not None
            log = daemon.stderr.read()
        assert "stopping: signal=SIGTERM" in log
        assert "Traceback" not in log
        assert set(count_sent_links(service.emails).values()) == {1}
        assert source.requests


@pytest.mark.parametrize("is_ignored", [False, True], ids=["terminal closed", "nohup"])
def test_a_hangup_ends_the_daemon_as_sigterm_does_but_not_under_nohup(
    tmp_path: Path, *, is_ignored: bool
) -> None:
    """The terminal is closed while a message is handed over: it is sent, and recorded, once."""
    with run_replica() as source, run_smtp_server() as server:
        service = ServiceFolder(tmp_path, build_config(source.url, extra=build_smtp(server.port)))
        service.run("once")
        dots: list[float] = []

        def accept_slowly() -> None:
            dots.append(time.monotonic())
            time.sleep(2)

        server.on_dot = accept_slowly
        source.go_to_stage(1)
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
        try:
            daemon = service.start("run")
        finally:
            signal.signal(signal.SIGHUP, before)
        with daemon:
            wait_until(lambda: dots)
            daemon.send_signal(signal.SIGHUP)
            if is_ignored:
                time.sleep(3)
                assert daemon.poll() is None
                daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=30) == 0
            assert daemon.stderr is not None
            log = daemon.stderr.read()
        assert "Traceback" not in log
        assert ("stopping: signal=SIGHUP" in log) is not is_ignored
        service.run("once", "--no-crawl")
        ids = Counter(str(mail["Message-ID"]) for mail in server.parsed_messages)
        assert set(ids.values()) == {1}
        assert "in_doubt" not in service.run("status", "--json").stdout.partition("messages")[2]


def build_smtp(port: int) -> str:
    """Crawls back to back, and messages that go to a server on a port of this host."""
    return (
        'every_minutes = 0.05\n[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
        f'[channels.smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    )


def test_a_mail_server_that_drips_holds_up_no_feed_and_no_stop(tmp_path: Path) -> None:
    with run_replica() as source, run_smtp_server() as server:
        service = ServiceFolder(tmp_path, build_config(source.url, extra=build_smtp(server.port)))
        service.run("once")
        server.script = {"banner": "421 closed"}
        record = make_question(1, words="VRU.")
        (tmp_path / "records.jsonl").write_bytes(encode_record(record))
        service.run("ingest", "--as-new", "records.jsonl", expect=69)
        server.script = {"dot": "drip"}  # a byte a tenth of a second; the deadline is a minute
        dots: list[float] = []
        server.on_dot = lambda: dots.append(time.monotonic())
        with service.running("run") as daemon:
            wait_until(lambda: dots)
            source.go_to_stage(1)
            wait_until(lambda: "parent champions" in read_all_feeds(service))
            assert len(dots) == 1
            begun = time.monotonic()
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=30) == 0
            assert time.monotonic() - begun < 10
            assert daemon.stderr is not None
            assert "Traceback" not in daemon.stderr.read()
        server.script = {}
        service.run("once", "--no-crawl")
        sent = Counter(str(mail["To"]) for mail in server.parsed_messages)
        assert sent["reader0@demo.example"] >= 1


def read_all_feeds(service: ServiceFolder) -> str:
    folder = service.folder / "var" / "feeds"
    return "".join(path.read_text() for path in folder.glob("*.atom.xml"))


def test_one_click_unsubscribe_is_served(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    extra = f'enabled = false\n[web]\nport = {port}\n[site]\npublic_url = "http://127.0.0.1:{port}"'
    service = ServiceFolder(tmp_path, build_config("http://127.0.0.1:1", extra=extra))
    service.run("subscribe", "vera@demo.example", "VRU")
    token = find_token(tmp_path, "vera@demo.example")
    link = f"http://127.0.0.1:{port}/u/{token}"

    def is_subscribed() -> bool:
        return "vera@demo.example" in service.run("subscriptions").stdout

    with service.running("run") as daemon:
        wait_until(lambda: is_served(link))
        for _ in range(5):  # what a link scanner does
            with urlopen(link) as page:
                assert b"Unsubscribe from all alerts" in page.read()
        assert is_subscribed()
        with pytest.raises(HTTPError) as wrong:
            urlopen(link + "x")
        assert wrong.value.code == 404
        wrong.value.close()
        body = b"List-Unsubscribe=One-Click"
        with urlopen(Request(link, data=body, method="POST")) as page:
            assert page.status == 200
        assert not is_subscribed()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=30) == 0


def is_served(link: str) -> bool:
    try:
        with urlopen(link) as page:
            return bool(page.status == 200)
    except URLError:
        return False


def find_token(folder: Path, email: str) -> str:
    ledger = open_ledger(f"sqlite:///{folder / 'var' / 'ledger.sqlite3'}")
    with ledger.reading() as connection:
        subscriber = subscriptions.find_subscriber_by_email(connection, email)
    ledger.engine.dispose()
    assert subscriber is not None
    return subscriber.token


@pytest.fixture
def idle(tmp_path: Path) -> RunningService:
    """A service without an enabled source."""
    text = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false'
    return open_service(parse_config(text, tmp_path, "config.toml"))


def test_jobs_run_at_once_when_the_clock_is_set_back(
    idle: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """APScheduler alone would wait for an hour: it computed the next times on the old clock."""
    daemon = Daemon(idle, pipeline_seconds=3600)
    runs: list[float] = []
    daemon.add_job("probe", lambda: runs.append(time.monotonic()), 3600)
    daemon.start()
    watcher = threading.Thread(target=daemon.watch_clock)
    try:
        wait_until(lambda: len(runs) == 1)
        watcher.start()
        time.sleep(1.5)
        assert len(runs) == 1
        real_time = time.time
        monkeypatch.setattr(time, "time", lambda: real_time() - 3600)
        wait_until(lambda: len(runs) == 2, seconds=5)
    finally:
        idle.stop.set()
        watcher.join()
        daemon.shut_down()
        idle.ledger.engine.dispose()


@pytest.mark.timeout(30)
def test_a_clock_that_is_set_decades_ahead_holds_up_no_job(idle: RunningService) -> None:
    """APScheduler's own trigger would be asked for each of a billion missed runs."""
    daemon = Daemon(idle, pipeline_seconds=3600)
    runs: list[datetime] = []
    daemon.add_job("probe", lambda: runs.append(datetime.now(UTC)), 0.2)
    daemon.start()
    try:
        wait_until(lambda: len(runs) >= 2)
        with time_machine.travel(datetime(2076, 1, 1, tzinfo=UTC)):
            wait_until(lambda: runs[-2].year == 2076, seconds=10)
        assert len(runs) < 100
    finally:
        daemon.shut_down()
        idle.ledger.engine.dispose()


def test_a_job_that_fails_is_logged_and_runs_again(
    idle: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = Daemon(idle, pipeline_seconds=3600)
    calls: list[datetime] = []

    def fails() -> None:
        calls.append(datetime.now(UTC))
        raise RuntimeError("failed on purpose")

    daemon.add_job("failing", fails, 0.2)
    daemon.start()
    try:
        wait_until(lambda: len(calls) >= 3)
    finally:
        daemon.shut_down()
        idle.ledger.engine.dispose()
    assert daemon.failures >= 2
    assert "a job failed and will run again at its next time: job=failing" in caplog.text
    assert calls[-1] - calls[0] < timedelta(seconds=20)


class LateStop(threading.Event):
    """Says in a thread of a job that nothing stops, and lets the stop come before it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    def is_set(self) -> bool:
        answer = super().is_set()
        if not answer and threading.current_thread().name.startswith("ThreadPoolExecutor"):
            self.asked.set()
            time.sleep(1)  # the stop begins meanwhile
        return answer


def test_a_job_that_starts_another_as_the_daemon_stops_does_not_hold_it_up(
    idle: RunningService,
) -> None:
    """APScheduler waits for running jobs with the lock that starting a job needs."""
    stop = LateStop()
    daemon = Daemon(replace(idle, stop=stop), pipeline_seconds=3600)
    daemon.add_job("probe", lambda: daemon.run_soon("probe"), 3600)
    daemon.start()
    assert stop.asked.wait(10)
    stopping = threading.Thread(target=daemon.shut_down, daemon=True)
    stopping.start()
    stopping.join(20)
    assert not stopping.is_alive()
    idle.ledger.engine.dispose()


def test_a_message_is_delivered_at_once_also_during_a_round(tmp_path: Path) -> None:
    """A confirmation email waits neither for the next round nor for one that missed it."""
    text = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false'
    service = open_service(parse_config(text, tmp_path, "config.toml"))
    daemon = Daemon(service, pipeline_seconds=3600)
    person = Subscriber(1, "ada@demo.example", "token", "Europe/London", 7)

    def count_emails() -> int:
        return len(read_emails(tmp_path / "var" / "mail"))

    def queue_email(token: str) -> None:
        context = service.create_message_context()
        with service.ledger.writing() as connection:
            found = subscriptions.ensure_subscriber(
                connection, person.email, person.zone, person.hour, service.clock()
            )
            email = write_manage_link_email(context, msgspec.structs.replace(found, token=token))
            messages.queue(connection, email, service.clock())

    daemon.start()
    try:
        queue_email("first")
        daemon.deliver_soon()
        wait_until(lambda: count_emails() == 1, seconds=10)
        for number in range(2, 5):  # while rounds run
            queue_email(str(number))
            daemon.deliver_soon()
            daemon.deliver_soon()
        wait_until(lambda: count_emails() == 4, seconds=10)
    finally:
        daemon.shut_down()
        service.ledger.engine.dispose()

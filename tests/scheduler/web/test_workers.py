"""The web server of `watchword run`: processes for heavy work, and connections of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from alerts.ledger import open_ledger
from alerts.web import PAGE_THREADS, create_app
from scheduler.config import load_config
from scheduler.demo.inbox import find_free_port
from scheduler.service import Service, open_service
from scheduler.web import build_web_context, serve
from tests.support.samples import make_question
from tests.support.service import ServiceFolder
from tests.support.web_client import run_web_client


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        return response


ANY_STATUS = urllib.request.build_opener(_AnyStatus)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CONFIG = """
[web]
port = {port}
[sources.london]
url = "https://replica.example"
enabled = false
"""


def get(url: str, path: str) -> tuple[int, str]:
    request = urllib.request.Request(url + path)
    with ANY_STATUS.open(request, timeout=30) as response:
        assert response.status != 503 or response.headers["Retry-After"]
        return response.status, response.read().decode()


def list_workers(parent: int) -> list[int]:
    """Return the processes that ``parent`` has started for the web server."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
            if int(stat[1]) == parent and b"scheduler.web.worker_process" in command:
                found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.05)


def fill(folder: Path) -> None:
    """Make a ledger with 250 questions, all of which match ``fares``."""
    ledger = open_ledger(f"sqlite:///{folder / 'var' / 'ledger.sqlite3'}")
    with run_web_client(ledger, NOW, folder / "feeds") as pages:
        pages.publish_questions(*(make_question(n, words="The fares.") for n in range(1, 251)))
    ledger.close()


@contextmanager
def run_service(folder: Path) -> Iterator[tuple[str, int]]:
    """Run the command with web pages; yield their address and the id of its process."""
    port = find_free_port()
    fill(folder)
    service = ServiceFolder(folder, CONFIG.format(port=port))
    url = f"http://127.0.0.1:{port}"
    with service.running("run") as daemon:

        def is_up() -> bool:
            with contextlib.suppress(OSError):
                return get(url, "/robots.txt")[0] == 200
            return False

        wait_until(is_up)
        yield url, daemon.pid
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=30) == 0
        assert daemon.stderr is not None
        assert "Traceback" not in daemon.stderr.read()


@pytest.mark.process
@pytest.mark.usefixtures("new_python")  # its processes are told by their command lines
def test_searches_feeds_and_exports_are_made_in_processes_that_end_with_the_daemon(
    tmp_path: Path,
) -> None:
    with run_service(tmp_path) as (url, daemon):
        workers = list_workers(daemon)
        assert len(workers) == 2
        status, page = get(url, "/search?q=fares")
        assert status == 200
        assert "250" in page
        assert get(url, "/search?q=%22half")[0] == 400
        assert get(url, "/api/v1/questions?q=fares")[1].startswith('{"questions":[')
        assert get(url, "/api/v1/questions?q=%22half")[0] == 400
        assert get(url, "/api/v1/questions?q=%00")[0] == 400
        assert get(url, "/api/v1/export.jsonl?q=fares")[1].count("\n") == 250
        assert get(url, "/api/v1/export.csv?q=fares")[1].count("\n") == 251
        for name in ("queries/feed.atom.xml?q=fares", "members/ada-brook.json"):
            assert get(url, f"/feeds/{name}")[0] == 200
            assert get(url, f"/feeds/{name}")[0] == 200
        assert get(url, "/feeds/members/nobody.json")[0] == 404
        assert get(url, "/feeds/queries/feed.atom.xml?q=%22half")[0] == 400
        assert {os.getpriority(os.PRIO_PROCESS, worker) for worker in workers} == {10}
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


@pytest.mark.process
@pytest.mark.usefixtures("new_python")  # its processes are told by their command lines
def test_a_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with run_service(tmp_path) as (url, daemon):
        assert get(url, "/search?q=fares")[0] == 200
        killed = list_workers(daemon)
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        statuses = [get(url, "/search?q=fares")[0] for _ in range(4)]
        assert set(statuses) <= {200, 503}
        assert statuses[-1] == 200
        wait_until(lambda: set(list_workers(daemon)) - set(killed))


@pytest.mark.process
@pytest.mark.usefixtures("new_python")  # its processes are told by their command lines
def test_the_processes_end_when_the_daemon_is_killed(tmp_path: Path) -> None:
    port = find_free_port()
    fill(tmp_path)
    service = ServiceFolder(tmp_path, CONFIG.format(port=port))
    with service.running("run") as daemon:
        wait_until(lambda: list_workers(daemon.pid))
        workers = list_workers(daemon.pid)
        daemon.kill()
        wait_until(lambda: not any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers))


# ------------------------------------------------------------------ connections to the ledger


@contextmanager
def opened_service(folder: Path) -> Iterator[Service]:
    fill(folder)
    ServiceFolder(folder, CONFIG.format(port=8000))
    service = open_service(load_config(folder / "config.toml"))
    yield service
    service.ledger.close()


@pytest.mark.slow
def test_pages_are_answered_while_the_daemon_uses_all_of_its_connections(tmp_path: Path) -> None:
    with (
        opened_service(tmp_path) as service,
        serve(create_app(build_web_context(service))) as url,
        ExitStack() as in_use,
    ):
        for _ in range(15):
            in_use.enter_context(service.ledger.reading())
        for path in ("/members", "/search?q=fares", "/unanswered"):
            assert get(url, path)[0] == 200, "it waited for a connection of the daemon's"


@pytest.mark.slow
def test_pages_wait_for_each_other_at_most_and_never_the_daemon(tmp_path: Path) -> None:
    with opened_service(tmp_path) as service, ExitStack() as in_use:
        context = build_web_context(service)
        for _ in range(PAGE_THREADS):
            in_use.enter_context(context.ledger.reading())
        with serve(create_app(context)) as url, ThreadPoolExecutor(5) as threads:
            answers = [threads.submit(get, url, "/members") for _ in range(5)]
            began = time.monotonic()
            with service.ledger.writing() as connection:
                connection.execute(text("UPDATE question SET visited_at = visited_at"))
            assert time.monotonic() - began < 4  # a page waits for five seconds
            for answer in answers:
                status, page = answer.result()
                assert status == 503
                assert "The service is busy" in page
            in_use.close()
            assert get(url, "/members")[0] == 200


@pytest.mark.slow
def test_connections_of_pages_that_only_read_cannot_write(tmp_path: Path) -> None:
    with opened_service(tmp_path) as service:
        ledger = build_web_context(service).ledger
        with pytest.raises(Exception, match="readonly"), ledger.reading() as connection:
            connection.execute(text("DELETE FROM question"))
        with ledger.writing() as connection:
            connection.execute(text("UPDATE question SET visited_at = visited_at"))
        ledger.close()

"""An attack on the web server: what pages and the daemon's transactions take meanwhile.

A server process serves 5,000 questions, as ``watchword run`` does, and a thread of it writes into
the ledger as the daemon does. A second process attacks: 60 exports and 120 searches of the API at
once, from changing networks, and 400 connections that ask for an export and read nothing. A visitor
asks for pages, one after the other, before and during the attack.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import select, update

from alerts.feeds import publish_feeds
from alerts.ledger.schema import question
from alerts.web import create_app
from benchmarks.sample_ledger import NOW, build_ledger, select_valid_queries
from benchmarks.sample_queries import SyntheticLanguage, draw_queries
from crawler.storage import LocalFolder
from scheduler.config import parse_config
from scheduler.service import Service, open_service
from scheduler.web import build_web_context, serve

_RECORDS = int(os.environ.get("WATCHWORD_RECORDS", "5000"))
_SECONDS = float(os.environ.get("WATCHWORD_SECONDS", "30"))
_EXPORTS, _SEARCHES, _SILENT = 60, 120, 400
_TOPICS = 50
#: Seconds between two transactions of the daemon.
_PAUSE = 0.05
#: Addresses of this machine: a trusted proxy, by which the attackers seem to have many networks,
#: somebody who reads nothing, and the visitor.
_PROXY, _READS_NOTHING, _VISITOR = "127.0.0.5", "127.0.0.4", "127.0.0.1"
_CONFIG = """
[ledger]
url = "sqlite:///ledger.sqlite3"
[feeds]
path = "feeds"
[web]
port = 8000
[sources.london]
url = "https://x.example"
"""


class _Controls:
    """The daemon's controls: nobody uses them here."""

    def crawl_now(self, source: str) -> bool:
        return bool(source) and False

    def find_next_crawl(self, source: str) -> datetime | None:
        return None

    def deliver_soon(self) -> None:
        return


def run_server(folder: Path) -> None:
    """Serve the ledger in ``folder`` until standard input ends.

    Prints the base address, then for each line of input the milliseconds of the transactions since
    the last one, as JSON.
    """
    service = _open(folder)
    taken: list[float] = []
    threading.Thread(target=_write_for_ever, args=(service, taken), daemon=True).start()
    app = create_app(build_web_context(service, _Controls()))
    with serve(app, trusted_proxies=[_PROXY]) as url:
        print(url, flush=True)
        for _ in sys.stdin:
            found, taken[:] = list(taken), []
            print(json.dumps(found), flush=True)


def _open(folder: Path) -> Service:
    return open_service(parse_config(_CONFIG, folder, "the benchmark's config"))


def _write_for_ever(service: Service, taken: list[float]) -> None:
    """Read and write ten questions a transaction, as recording a crawl does."""
    with service.ledger.reading() as connection:
        ids = connection.execute(select(question.c.id).limit(1000)).scalars().all()
    for number in range(10**9):
        began = time.perf_counter()
        with service.ledger.writing() as connection:
            for place in range(10):
                mine = question.c.id == ids[(10 * number + place) % len(ids)]
                connection.execute(select(question.c.record).where(mine)).scalar()
                connection.execute(update(question).where(mine).values(visited_at=NOW))
        taken.append(1000 * (time.perf_counter() - began))
        time.sleep(_PAUSE)


# ------------------------------------------------------------------ the attack


def run_attack(url: str) -> None:
    """Attack ``url`` until standard input ends; then print how requests ended, as JSON."""
    ended: Counter[str] = Counter()
    drawn = select_valid_queries(draw_queries(SyntheticLanguage(3), 99, popular=True))
    export = f"/api/v1/export.jsonl?q={next(q for q in drawn if q.isalpha())}"
    queries = [quote(q) for q in select_valid_queries(draw_queries(SyntheticLanguage(5), 300))]
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 0

    def attack(name: str, number: int, build_path: Callable[[int], str]) -> None:
        for turn in range(10**9):
            network = f"10.{number}.{turn % 250}.1"
            ended[f"{name} {_request(host, port, build_path(turn), network)}"] += 1

    def ask_and_not_read() -> None:
        while True:
            with suppress(OSError), socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.bind((_READS_NOTHING, 0))
                connection.connect((host, port))
                connection.sendall(b"GET /feeds/everything.json HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
                time.sleep(5)
                while not connection.send(b" ") < 0:
                    time.sleep(1)
            ended["connections that were closed"] += 1
            time.sleep(1)

    jobs: list[tuple[Any, ...]] = [
        *((attack, "export", n, lambda _: export) for n in range(_EXPORTS)),
        *(
            (attack, "search", n, lambda turn: f"/api/v1/questions?q={queries[turn % 100]}")
            for n in range(100, 100 + _SEARCHES)
        ),
        *((ask_and_not_read,) for _ in range(_SILENT)),
    ]
    for job, *arguments in jobs:
        threading.Thread(target=job, args=arguments, daemon=True).start()
    sys.stdin.read()
    print(json.dumps(dict(sorted(ended.items()))), flush=True)


def _request(host: str, port: int, path: str, network: str = "") -> str:
    """Return the status of a request whose answer is read, or the name of an error."""
    connection = http.client.HTTPConnection(
        host, port, timeout=120, source_address=(_PROXY if network else _VISITOR, 0)
    )
    try:
        headers = {"X-Forwarded-For": network} if network else {}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        return str(response.status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


# ------------------------------------------------------------------ what it costs


class _Process:
    """This module in a process of its own, with a mode and an argument."""

    def __init__(self, mode: str, argument: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.attack", mode, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def read_line(self) -> str:
        """Return the next line that it prints."""
        return self._output.readline().strip()

    def ask(self) -> Any:
        """Send a line and return what it prints then."""
        self._input.write("\n")
        self._input.flush()
        return json.loads(self.read_line())

    def end(self) -> str:
        """End its input, and return what it prints then."""
        self._input.close()
        printed = self._output.read()
        self._process.wait()
        return printed.strip()


def visit_pages(url: str, paths: list[str], seconds: float) -> tuple[list[float], Counter[str]]:
    """Ask for pages in turn; return the milliseconds of each, and how often each status came."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 0
    taken: list[float] = []
    statuses: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path = paths[len(taken) % len(paths)]
        began = time.perf_counter()
        statuses[_request(host, port, path)] += 1
        taken.append(1000 * (time.perf_counter() - began))
        time.sleep(0.02)
    return taken, statuses


def _describe(label: str, idle: list[float], attacked: list[float], wanted: float) -> str:
    before, during = (statistics.quantiles(one, n=20)[18] for one in (idle, attacked))
    return (
        f"{label:24}95th percentile {during:6.1f} ms, wanted: under {wanted:.0f}; {len(attacked)}: "
        f"median {statistics.median(attacked):6.1f} ms, longest {max(attacked):6.1f} ms; "
        f"before the attack {before:6.1f} ms: {during / before:.1f} times"
    )


def main() -> None:
    """Build a ledger, serve it, measure before and during the attack, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger, slugs = build_ledger(folder, _RECORDS, _TOPICS)
        ledger.close()
        service = _open(folder)
        publish_feeds(service.ledger, LocalFolder(folder / "feeds"), service.feed_context)
        service.ledger.close()
        server = _Process("serve", name)
        url = server.read_line()
        paths = ["/", "/members", "/feeds/everything.atom.xml", f"/topic/{slugs[0]}"]
        with suppress(IndexError):
            paths += re.findall(r'/question/[^"]+', _read(url, f"/topic/{slugs[0]}"))[:2]
        visit_pages(url, paths, 2)
        server.ask()
        idle, _ = visit_pages(url, paths, _SECONDS / 2)
        idle_transactions = server.ask()
        attack = _Process("attack", url)
        time.sleep(3)
        server.ask()
        attacked, statuses = visit_pages(url, paths, _SECONDS)
        transactions = server.ask()
        print(f"{_EXPORTS} exports, {_SEARCHES} searches, {_SILENT} that read nothing:")
        print(_describe("pages", idle, attacked, 300))
        print(_describe("daemon's transactions", idle_transactions, transactions, 50))
        print(f"pages were answered with {dict(statuses)}")
        print(f"the attackers were answered with {attack.end()}")
        server.end()


def _read(url: str, path: str) -> str:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 0, timeout=20)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", argument]:
            run_server(Path(argument))
        case ["attack", argument]:
            run_attack(argument)
        case _:
            main()

"""What the pages and feeds cost: cached feeds and 304s, previews and topics over 100,000 records.

The server is a process of its own, held to one core; who asks is another. Requests a second are
given twice: by the clock, where both processes share a machine, and by the server's processor
time, which is what one core can do.
"""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from alerts.feeds.json_feed import Imprint
from alerts.feeds.publish import publish
from alerts.ledger import open_ledger
from alerts.mail.message import Letterhead
from alerts.operator.status import ServiceStatus
from alerts.rendering.templates import Templates
from alerts.subscribers.subscribe import Habits
from alerts.web.app import create_app
from alerts.web.context import Site
from benchmarks.library import NOW, build, readable
from benchmarks.questions import Language, queries
from scheduler.web.serve import serve

RECORDS = int(os.environ.get("WATCHWORD_RECORDS", "100000"))
_TOPICS, _ASKED, _REQUESTS = 300, 300, 6000
_IMPRINT = Imprint("Watchword", "watch.example,2026", "https://x.example", "https://w.example")
_HEAD = Letterhead("Watchword", "w@demo.example", "l@demo.example", "https://w.example")


def server(folder: Path) -> None:
    """Serve the ledger in ``folder`` until standard input ends; a line brings the time used."""
    os.sched_setaffinity(0, {0})
    site = Site(
        name="Watchword",
        domain="demo.example",
        habits=Habits("Europe/London", 7),
        ledger=open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}"),
        templates=Templates(),
        feeds=folder / "feeds",
        clock=lambda: NOW,
        status=lambda: ServiceStatus(now=NOW, sources=(), messages={}),
        letterhead=_HEAD,
        imprint=_IMPRINT,
        sign_up=True,
    )
    with serve(create_app(site)) as url:
        print(url, flush=True)
        for _ in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, flush=True)


class Server:
    """The process that serves."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.serving", str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        where = urlsplit(self.url)
        self._socket = socket.create_connection((where.hostname or "", where.port or 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def used(self) -> tuple[float, int]:
        """Processor time so far in seconds, and the peak of memory in MB."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds, megabytes = self._process.stdout.readline().split()
        return float(seconds), int(megabytes)

    def ask(self, path: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection that is kept."""
        lines = "".join(f"{line}\r\n" for line in ("Host: x", *headers))
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        head, _, body = self._read(b"").partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        found = {k.lower(): v for k, _, v in (field.partition(": ") for field in fields)}
        length = int(found.get("content-length", 0))
        while len(body) < length:
            body += self._socket.recv(65536)
        return int(status.split()[1]), found, body

    def _read(self, so_far: bytes) -> bytes:
        while b"\r\n\r\n" not in so_far:
            so_far += self._socket.recv(65536)
        return so_far

    def stop(self) -> None:
        """Let it end."""
        self._socket.close()
        self._process.terminate()
        self._process.wait()


def repeated(server: Server, path: str, expected: int, *headers: str) -> None:
    """Ask for the same again and again, and print how often in a second."""
    for _ in range(200):
        server.ask(path, *headers)
    before, began = server.used()[0], time.perf_counter()
    for _ in range(_REQUESTS):
        status, _, _ = server.ask(path, *headers)
        assert status == expected
    took, used = time.perf_counter() - began, server.used()[0] - before
    what = "304" if expected == 304 else "packed" if headers else ""
    label = f"{path.rpartition('/')[2]} {what}"
    print(
        f"{label:32}{_REQUESTS / took:9.0f} a second by the clock, one at a time"
        f"{_REQUESTS / used:9.0f} a second of processor, {1000 * used / _REQUESTS:6.3f} ms"
    )


def once_each(server: Server, label: str, paths: list[str]) -> None:
    """Ask for each path once, and print how long the answers took."""
    times: list[float] = []
    for path in paths:
        began = time.perf_counter()
        status, _, _ = server.ask(path)
        times.append(1000 * (time.perf_counter() - began))
        assert status in {200, 400}, (status, path)
    cuts = statistics.quantiles(times, n=20)
    print(
        f"{label:30}{len(paths):5} asked once each: median {statistics.median(times):7.1f} ms, "
        f"95th percentile {cuts[18]:7.1f} ms, longest {max(times):7.1f} ms"
    )


def main() -> None:
    """Build, serve, ask, print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        ledger, slugs = build(folder, RECORDS, _TOPICS)
        print(
            f"{RECORDS} records, {len(slugs)} topics, made in {time.perf_counter() - began:.0f} s"
        )
        publish(ledger, folder / "feeds", _IMPRINT, Templates())
        ledger.engine.dispose()
        os.sched_setaffinity(0, set(os.sched_getaffinity(0)) - {0} or {0})
        running = Server(folder)
        try:
            measure(running, slugs)
        finally:
            running.stop()


def measure(running: Server, slugs: list[str]) -> None:
    """Everything, against a server that runs."""
    everything = "/feeds/everything.atom.xml"
    person = re.findall(r'href="/member/([^"]+)"', running.ask("/members")[2].decode())[0]
    for path in (everything, f"/feeds/members/{person}.rss.xml"):
        tag = running.ask(path)[1]["etag"]
        repeated(running, path, 304, f"If-None-Match: {tag}")
        repeated(running, path, 200)
        repeated(running, path, 200, "Accept-Encoding: gzip")
    drawn = list(readable(queries(Language(5), _ASKED)))
    typed = [f"/?q={quote(form)}" for form in drawn]
    once_each(running, "preview, any query", typed)
    popular = [f"/?q={quote(q)}" for q in readable(queries(Language(6), _ASKED, popular=True))]
    once_each(running, "preview, popular words", popular)
    once_each(running, "topic page", [f"/topic/{slug}" for slug in slugs])
    once_each(
        running,
        "feed of a query, first time",
        [f"/feeds/queries/feed.atom.xml?q={quote(form)}" for form in drawn[:100]],
    )
    found = json.loads(running.ask("/api/v1/changes?limit=100")[2])
    once_each(
        running, "question page", [f"/question/{one['question']['id']}" for one in found["changes"]]
    )
    print(f"peak memory of the server {running.used()[1]} MB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server(Path(sys.argv[1]))
    else:
        main()

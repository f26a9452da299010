"""Speed of pages and feeds over 100,000 records: cached feeds, 304s, previews, topics.

The server runs in a process of its own, bound to one core, and the client in another. Requests a
second are printed twice: by the clock, where both processes share the machine, and by the server's
processor time, which is what one core can do.
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

from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.ledger import open_ledger
from alerts.mail import MailIdentity
from alerts.operator import ServiceStatus
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults
from alerts.web import WebContext, create_app
from benchmarks.memory import read_peak_megabytes
from benchmarks.sample_ledger import NOW, build_ledger, select_valid_queries
from benchmarks.sample_queries import SyntheticLanguage, draw_queries
from crawler.storage import LocalFolder
from scheduler.web import serve

RECORDS = int(os.environ.get("WATCHWORD_RECORDS", "100000"))
_TOPICS, _QUERIES, _REQUESTS = 300, 300, 6000
#: Requests after which the client seems to come from another network: fewer than any limit.
_REQUESTS_OF_NETWORK = 250
_FEED_IDENTITY = FeedIdentity(
    "Watchword", "watch.example,2026", "https://x.example", "https://w.example"
)
_MAIL_IDENTITY = MailIdentity("Watchword", "w@demo.example", "l@demo.example", "https://w.example")


def create_context(folder: Path) -> WebContext:
    """Return what pages over the ledger in ``folder`` are made with."""
    return WebContext(
        name="Watchword",
        domain="demo.example",
        subscriber_defaults=SubscriberDefaults("Europe/London", 7),
        ledger=open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}"),
        templates=Templates(),
        feeds_folder=LocalFolder(folder / "feeds"),
        clock=lambda: NOW,
        read_status=lambda: ServiceStatus(now=NOW, sources=(), messages={}),
        mail_identity=_MAIL_IDENTITY,
        feed_identity=_FEED_IDENTITY,
        is_sign_up_enabled=True,
    )


def run_server(folder: Path) -> None:
    """Serve the ledger in ``folder`` until standard input ends.

    Prints the base address, then for each line of input the processor time in seconds and the peak
    of memory in MB.
    """
    os.sched_setaffinity(0, {0})
    site = create_context(folder)
    # The client names others, so that no limit for a network holds it up.
    with serve(create_app(site), trusted_proxies=("127.0.0.1",)) as url:
        print(url, flush=True)
        for _ in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(used.ru_utime + used.ru_stime, read_peak_megabytes(), flush=True)


class ServerProcess:
    """A server in a process of its own, and one connection to it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.web", str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        self._requests = 0
        where = urlsplit(self.url)
        self._socket = socket.create_connection((where.hostname or "", where.port or 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read_usage(self) -> tuple[float, int]:
        """Return the processor time so far in seconds, and the peak of memory in MB."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds, megabytes = self._process.stdout.readline().split()
        return float(seconds), int(megabytes)

    def get(self, path: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send one request on the kept-alive connection; return status, headers and body."""
        self._requests += 1
        network = self._requests // _REQUESTS_OF_NETWORK
        client = f"X-Forwarded-For: 10.{network // 256 % 256}.{network % 256}.1"
        lines = "".join(f"{line}\r\n" for line in ("Host: x", client, *headers))
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
        """End the process."""
        self._socket.close()
        self._process.terminate()
        self._process.wait()


def measure_repeated(server: ServerProcess, path: str, expected: int, *headers: str) -> None:
    """Request ``path`` 6000 times, and print how many requests a second are answered."""
    for _ in range(200):
        server.get(path, *headers)
    before, began = server.read_usage()[0], time.perf_counter()
    for _ in range(_REQUESTS):
        status, _, _ = server.get(path, *headers)
        assert status == expected
    took, used = time.perf_counter() - began, server.read_usage()[0] - before
    what = "304" if expected == 304 else "gzip" if headers else ""
    label = f"{path.rpartition('/')[2]} {what}"
    print(
        f"{label:32}{_REQUESTS / took:9.0f} a second by the clock, one at a time"
        f"{_REQUESTS / used:9.0f} a second of processor, {1000 * used / _REQUESTS:6.3f} ms"
    )


def measure_once_each(server: ServerProcess, label: str, paths: list[str]) -> None:
    """Request each path once, and print how long the responses took."""
    times: list[float] = []
    for path in paths:
        began = time.perf_counter()
        status, _, _ = server.get(path)
        times.append(1000 * (time.perf_counter() - began))
        assert status in {200, 400}, (status, path)
    cuts = statistics.quantiles(times, n=20)
    print(
        f"{label:30}{len(paths):5} requested once each: median {statistics.median(times):7.1f} ms, "
        f"95th percentile {cuts[18]:7.1f} ms, longest {max(times):7.1f} ms"
    )


def main() -> None:
    """Build a ledger, serve it, measure, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        ledger, slugs = build_ledger(folder, RECORDS, _TOPICS)
        print(
            f"{RECORDS} records, {len(slugs)} topics, made in {time.perf_counter() - began:.0f} s"
        )
        publish_feeds(
            ledger, LocalFolder(folder / "feeds"), FeedContext(_FEED_IDENTITY, Templates())
        )
        ledger.engine.dispose()
        os.sched_setaffinity(0, set(os.sched_getaffinity(0)) - {0} or {0})
        running = ServerProcess(folder)
        try:
            measure_server(running, slugs)
        finally:
            running.stop()


def measure_server(running: ServerProcess, slugs: list[str]) -> None:
    """Run all measurements against a running server."""
    everything = "/feeds/everything.atom.xml"
    person = re.findall(r'href="/member/([^"]+)"', running.get("/members")[2].decode())[0]
    for path in (everything, f"/feeds/members/{person}.rss.xml"):
        tag = running.get(path)[1]["etag"]
        measure_repeated(running, path, 304, f"If-None-Match: {tag}")
        measure_repeated(running, path, 200)
        measure_repeated(running, path, 200, "Accept-Encoding: gzip")
    drawn = list(select_valid_queries(draw_queries(SyntheticLanguage(5), _QUERIES)))
    typed = [f"/search?q={quote(form)}" for form in drawn]
    measure_once_each(running, "preview, any query", typed)
    popular = [
        f"/search?q={quote(q)}"
        for q in select_valid_queries(draw_queries(SyntheticLanguage(6), _QUERIES, popular=True))
    ]
    measure_once_each(running, "preview, popular words", popular)
    measure_once_each(running, "topic page", [f"/topic/{slug}" for slug in slugs])
    measure_once_each(
        running,
        "feed of a query, first time",
        [f"/feeds/queries/feed.atom.xml?q={quote(form)}" for form in drawn[:100]],
    )
    found = json.loads(running.get("/api/v1/changes?limit=100")[2])
    measure_once_each(
        running, "question page", [f"/question/{one['question']['id']}" for one in found["changes"]]
    )
    for path in (
        "/",
        "/topics",
        "/members",
        "/bodies",
        "/bodies/the-mayor",
        "/unanswered",
        f"/member/{person}",
    ):
        measure_once_each(running, f"{path}", [path] * 20)
    measure_once_each(
        running, "chart as PNG", [f"/charts/search.png?q={quote(form)}" for form in drawn[:20]]
    )
    print(f"peak memory of the server {running.read_usage()[1]} MB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_server(Path(sys.argv[1]))
    else:
        main()

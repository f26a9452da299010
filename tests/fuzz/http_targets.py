"""What the service answers over HTTP: its pages, feeds and API, and what a monitor asks for."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import msgspec

from alerts.ledger import jobs, open_ledger
from alerts.secret import Secret
from alerts.web import MetricsAccess
from tests.fuzz.formats import check_html, check_openmetrics, check_text_format, check_xml
from tests.fuzz.mutations import HOSTILE_PIECES, draw_text, mutate
from tests.fuzz.runner import CaseFailedError, FuzzTarget
from tests.support.query_strategies import HOSTILE_PIECE_LIST
from tests.support.samples import make_answer, make_question
from tests.support.web_client import run_web_client

_METRICS_TOKEN = "token"


@contextmanager
def open_http_targets(folder: Path) -> Iterator[list[FuzzTarget]]:
    """Yield the targets; the pages are served while the block runs."""
    ledger = open_ledger(f"sqlite:///{folder / 'pages.sqlite3'}")
    now = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
    with ledger.writing() as connection:
        jobs.begin(connection, "round", now)
        jobs.end_well(connection, "round", now)
    access = MetricsAccess(Secret(_METRICS_TOKEN))
    with run_web_client(
        ledger, now, folder / "feeds", metrics_access=access, max_idle=timedelta.max
    ) as client:
        client.publish_questions(
            *[
                make_question(n, make_answer("Knife crime on trams."), words=f"Of trams {n}?")
                for n in range(1, 30)
            ]
        )
        host, _, port = client.url.removeprefix("http://").partition(":")

        def send(data: bytes) -> str:
            client.now += timedelta(minutes=1)  # else the limits would soon refuse everything
            return _send(host, int(port), data)

        yield [
            FuzzTarget("http", _draw_request, send),
            FuzzTarget("monitor", _draw_monitor_request, send),
        ]
    ledger.engine.dispose()


_PATHS = (
    *(
        "/",
        "/search?q={}",
        "/search?q=knife&page={}",
        "/search?q=tram&after={}",
        "/sign-up",
        "/your-alerts",
    ),
    *("/topic/{}", "/member/{}", "/member/ada-brook", "/members", "/unanswered", "/m/{}"),
    *("/members?q={}", "/members?letter={}", "/unanswered?body={}", "/unanswered?member={}"),
    *("/bodies/{}", "/q/{}", "/q/london/{}", "/cite/{}", "/versions/london:/questions/3?change={}"),
    *("/question/{}", "/question/london:/questions/{}", "/question/london:/questions/3"),
    *("/akoma-ntoso/london:/questions/3", "/capture/{}", "/m/{}/data.json", "/m/{}/topics.opml"),
    *("/feeds/{}", "/feeds/everything.atom.xml", "/feeds/queries/feed.atom.xml?q={}"),
    *("/feeds/queries/feed.rss.xml?q={}", "/feeds/queries/feed.json?q={}", "/feeds/topics.opml"),
    *(
        "/api/v1/changes?limit={}",
        "/api/v1/changes?q={}",
        "/api/v1/questions?q={}",
        "/api/v1/topics",
        "/api/{}",
    ),
    *("/api/v1/export.csv?q={}", "/api/v1/export.json?q={}", "/api/openapi.json", "/status"),
    *(
        "/status.json",
        "/healthz",
        "/u/{}",
        "/c/{}",
        "/n/{}",
        "/d/{}",
        "/static/{}",
        "/operator",
        "/privacy",
    ),
    *("/robots.txt", "/sitemap.xml", "/{}", "/search?q={}", "/search?q={}&source={}&status={}"),
)


#: What a monitor asks for. ``round`` is the name of a check.
_MONITOR_PATHS = (
    *("/metrics", "/metrics", "/metrics?{}", "/readyz", "/readyz?exclude=round&exclude={}"),
    *("/readyz?{}", "/livez", "/healthz"),
)
_AUTHORIZATIONS = (
    *(f"Bearer {_METRICS_TOKEN}".encode() for _ in range(9)),
    *(b"Bearer \xff", b"bearer token", b"Bearer ", b"Basic dG9rZW4=", b""),
)
#: Parts of an Accept header, which chooses the format of the metrics.
_ACCEPT_PIECES = (
    *("application/openmetrics-text", "text/plain", "text/html", "*/*", ",", ",", ";", ";q=0.5"),
    *(";version=1.0.0", ";version=0.0.4", ";version=1", ";version=", ";version=2.x", ";version=x"),
    *(";escaping=allow-utf-8", ";escaping=dots", ";escaping=x", ";charset=utf-16", "=", "\xff"),
)


def _draw_monitor_request(chance: random.Random) -> bytes:
    """A request as Prometheus or a load balancer makes it, with odd values."""
    value = chance.choice(HOSTILE_PIECES)[:200]
    path = chance.choice(_MONITOR_PATHS).replace("{}", quote(value, safe=chance.choice(("", "=&"))))
    headers = [
        f"{chance.choice(('GET', 'GET', 'GET', 'HEAD', 'POST'))} {path} HTTP/1.1".encode(),
        *(b"Host: x.example", b"Connection: close"),
        b"Authorization: " + chance.choice(_AUTHORIZATIONS),
        b"Accept: " + draw_text(chance, _ACCEPT_PIECES, 5).encode("latin-1"),
    ]
    request = b"\r\n".join([*headers, b"", b""])
    return mutate(chance, request) if chance.random() < 0.1 else request


def _draw_request(chance: random.Random) -> bytes:
    """A request whose parts are odd, and sometimes bytes that are no request."""
    pieces = [*HOSTILE_PIECE_LIST, *(p.decode("utf-8", "replace") for p in HOSTILE_PIECES)]
    value = draw_text(chance, pieces, 4)[:2000]
    path = chance.choice(_PATHS).replace("{}", quote(value, safe=chance.choice(("", "/?=&"))))
    method = chance.choice(("GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS"))
    headers = [b"Host: x.example", b"Connection: close"]
    for name in ("Cookie", "If-None-Match", "Accept", "Range", "X-Forwarded-For", "Origin"):
        if chance.random() < 0.2:
            odd = chance.choice(HOSTILE_PIECES).replace(b"\r", b"").replace(b"\n", b"")
            headers.append(name.encode() + b": " + odd)
    body = b""
    if method == "POST":
        body = f"q={quote(value)}&email={quote(value[:60])}&csrf=x".encode()
        headers += [b"Content-Type: application/x-www-form-urlencoded"]
        headers += [b"Content-Length: %d" % len(body)]
    request = b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *headers, b"", body])
    return mutate(chance, request) if chance.random() < 0.2 else request


def _send(host: str, port: int, data: bytes) -> str:
    """Send one request; check the response by its kind."""
    answer = _exchange(host, port, data)
    if not answer:
        return "closed"
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(None, 2)[1])
    if status >= 500 and status != 501:
        raise CaseFailedError(f"status {status}: {answer[:600]!r}")
    if body and b"transfer-encoding: chunked" not in head.lower():
        _check_body(head.lower(), body[: _find_length(head.lower())])
    return "429" if status == 429 else f"{status // 100}xx"


def _find_length(head: bytes) -> int | None:
    """Return the length of a body; another response follows where the request was mutated twice."""
    found = re.search(rb"^content-length: (\d+)", head, re.MULTILINE)
    return int(found[1]) if found else None


def _exchange(host: str, port: int, data: bytes) -> bytes:
    """Send bytes; return all that comes back. Where nothing comes, say that no more is sent."""
    parts = []
    with (
        socket.create_connection((host, port), timeout=0.2) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(data)
        while part := _receive(connection):
            parts.append(part)
    return b"".join(parts)  # nothing where the server hangs up on what is no request


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except TimeoutError:
        connection.shutdown(socket.SHUT_WR)  # an incomplete request: the server waits for the rest
        connection.settimeout(10)
        return connection.recv(65536)


def _check_body(head: bytes, body: bytes) -> None:
    checks: dict[bytes, Callable[[bytes], object]] = {
        b"text/html": check_html,
        b"xml": check_xml,
        b"json": msgspec.json.decode,
        b"openmetrics": check_openmetrics,
        b"text/plain; version=": check_text_format,
    }
    kind = next((h for h in head.split(b"\r\n") if h.startswith(b"content-type:")), b"")
    for name, check in checks.items():
        if name in kind and b"content-encoding" not in head:
            check(body)
            return

"""Who may read the metrics, and what they count of requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from alerts.ledger import Ledger
from alerts.secret import Secret
from alerts.web import MetricsAccess
from tests.support.marked_site import MARK, METRICS_TOKEN, READER, run_marked_site
from tests.support.web_client import WebClient, run_web_client

TOKEN = "a token of the monitor"
HERE, ELSEWHERE = ip_network("127.0.0.0/8"), ip_network("192.0.2.0/24")
RIGHT, WRONG = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"Bearer {TOKEN}x"}
FORWARDED = {"X-Forwarded-For": "192.0.2.7"}


def serve(
    ledger: Ledger,
    now: datetime,
    folder: Path,
    access: MetricsAccess | None,
    proxies: tuple[str, ...] = (),
) -> AbstractContextManager[WebClient]:
    return run_web_client(ledger, now, folder, metrics_access=access, proxies=proxies)


@pytest.mark.parametrize(
    ("access", "headers", "expected"),
    [
        (None, RIGHT, 404),
        (MetricsAccess(Secret(TOKEN)), RIGHT, 200),
        (MetricsAccess(Secret(TOKEN)), WRONG, 404),
        (MetricsAccess(Secret(TOKEN)), {}, 404),
        (MetricsAccess(networks=(HERE,)), {}, 200),
        (MetricsAccess(networks=(ELSEWHERE, HERE)), {}, 200),
        (MetricsAccess(networks=(ELSEWHERE,)), {}, 404),
        (MetricsAccess(networks=(ELSEWHERE,)), FORWARDED, 404),
        # A proxy on this machine that we do not trust asks for somebody else.
        (MetricsAccess(networks=(HERE,)), FORWARDED, 404),
        (MetricsAccess(Secret(TOKEN), (HERE,)), RIGHT, 200),
        (MetricsAccess(Secret(TOKEN), (HERE,)), {}, 404),
        (MetricsAccess(Secret(TOKEN), (ELSEWHERE,)), RIGHT, 404),
    ],
)
def test_who_may_read_them(
    access: MetricsAccess | None,
    headers: dict[str, str],
    expected: int,
    shared_ledger: Ledger,
    now: datetime,
    tmp_path: Path,
) -> None:
    with serve(shared_ledger, now, tmp_path, access) as client:
        status, answered, body = client.request("GET", "/metrics", headers=headers)
        nowhere = client.request("GET", "/nowhere")
    assert status == expected
    if expected == 404:
        assert body == nowhere[2]
    else:
        assert answered["Cache-Control"] == "no-store"


def test_a_trusted_proxy_names_the_client(
    shared_ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    access = MetricsAccess(networks=(ELSEWHERE,))
    with serve(shared_ledger, now, tmp_path, access, ("127.0.0.1",)) as client:
        assert client.request("GET", "/metrics", headers=FORWARDED)[0] == 200
        for other in ("198.51.100.1", "2002:c000:0207::1", "192.0.2.7, 198.51.100.1"):
            headers = {"X-Forwarded-For": other}
            assert client.request("GET", "/metrics", headers=headers)[0] == 404, other


@pytest.mark.parametrize(
    ("accept", "format_name"),
    [
        ("text/html", "text/plain; version=0.0.4"),
        ("text/plain;version=x", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=x;escaping=dots", "application/openmetrics-text"),
    ],
)
def test_a_format_in_an_odd_version_is_given_in_the_usual_one(
    accept: str, format_name: str, shared_ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    with serve(shared_ledger, now, tmp_path, MetricsAccess(networks=(HERE,))) as client:
        status, headers, body = client.request("GET", "/metrics", headers={"Accept": accept})
    assert status == 200
    assert headers["Content-Type"].startswith(format_name)
    assert b"\n# TYPE watchword_http_requests" in body


def test_requests_are_counted_by_pattern_and_class(
    shared_ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    with serve(shared_ledger, now, tmp_path, MetricsAccess(networks=(HERE,))) as client:
        for path in ("/", "/about", "/topic/ada@x.example", "/topic/b", "/ada@x.example"):
            client.request("GET", path)
        client.request("GET", "/feeds/everything.atom.xml")
        client.request("POST", "/your-alerts", headers={"Origin": "https://other.example"})
        lines = list(read_lines(client, "watchword_http_requests_total"))
        durations = list(read_lines(client, "watchword_http_request_duration_seconds_count"))
    assert sorted(lines) == [
        '{route="/",status="2xx"} 1.0',
        '{route="/about",status="2xx"} 1.0',
        '{route="/feeds/{path}",status="2xx"} 1.0',
        '{route="/topic/{slug}",status="4xx"} 2.0',
        '{route="other",status="4xx"} 2.0',
    ]
    assert '{route="/topic/{slug}"} 2.0' in durations


def read_lines(client: WebClient, name: str) -> Iterator[str]:
    text = client.request_text("GET", "/metrics")[1]
    yield from (x.removeprefix(name) for x in text.splitlines() if x.startswith(f"{name}{{"))


@pytest.mark.slow
def test_they_hold_nothing_of_a_person(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    with run_marked_site(ledger, now, tmp_path / "feeds") as site:
        for path in (*site.private_paths.values(), f"/topic/{MARK}", f"/{READER}"):
            site.pages.request("GET", path)
        status, text = site.pages.request_text("GET", "/metrics", headers=headers)
    assert status == 200
    assert 'watchword_alarms_open{kind="blocked",source="london"} 1.0' in text
    assert MARK not in text.casefold()
    assert not [secret for secret in site.secrets if secret in text]

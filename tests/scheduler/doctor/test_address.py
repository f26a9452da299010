"""The public address: whether it leads to this service, and what a proxy passes on."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from alerts.web import create_app
from scheduler.config import load_config
from scheduler.doctor import CheckResult, CheckState
from scheduler.service import open_service
from scheduler.web import build_web_context, serve
from tests.scheduler.doctor.conftest import ExaminedService

pytestmark = pytest.mark.process

#: From which the proxy reaches the service: another address of this machine than the doctor's.
PROXY_IP = "127.0.0.2"


@contextmanager
def served(folder: Path, *proxies: str) -> Iterator[str]:
    """The pages of the service in a folder."""
    service = open_service(load_config(folder / "config.toml"))
    with serve(create_app(build_web_context(service)), trusted_proxies=proxies) as url:
        yield url
    service.ledger.engine.dispose()


@contextmanager
def proxy(target: str, **headers: str | None) -> Iterator[str]:
    """A web server that passes requests on with these headers set; None leaves one as it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            for name, value in headers.items():
                if value is not None:
                    sent[name.replace("_", "-")] = value
            place = target.removeprefix("http://")
            there = http.client.HTTPConnection(place, timeout=5, source_address=(PROXY_IP, 0))
            there.request("GET", self.path, headers=sent)
            answer = there.getresponse()
            body = answer.read()
            there.close()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def examine(examined: ExaminedService, url: str, *proxies: str) -> dict[str, CheckResult]:
    config = examined.service.folder / "config.toml"
    before = config.read_text()
    config.write_text(
        f'{before}[site]\npublic_url = "{url}"\n[web]\ntrusted_proxies = {list(proxies)}\n'
    )
    try:
        return {one.check: one for one in examined.examine("address.reached")}
    finally:
        config.write_text(before)


@pytest.mark.parametrize(
    ("headers", "trusted", "check", "state", "detail"),
    [
        ({"X_Forwarded_For": "127.0.0.1"}, True, "client", "ok", "this machine is 127.0.0.1"),
        ({"X_Forwarded_For": None}, True, "client", "failed", "believes whatever address"),
        ({"X_Forwarded_For": "127.0.0.1"}, False, "client", "failed", "takes the proxy 127.0.0.2"),
        (
            {"X_Forwarded_For": "127.0.0.1", "X_Forwarded_Proto": "https"},
            True,
            "scheme",
            "failed",
            "the service takes http for https",
        ),
        ({"X_Forwarded_Proto": "https"}, False, "scheme", "ok", "arrive as http"),
    ],
)
def test_what_a_proxy_passes_on(
    examined: ExaminedService,
    headers: dict[str, str | None],
    *,
    trusted: bool,
    check: str,
    state: str,
    detail: str,
) -> None:
    proxies = [PROXY_IP] if trusted else []
    with served(examined.service.folder, *proxies) as url, proxy(url, **headers) as front:
        found = examine(examined, front, *proxies)
    assert found["address.reached"].state is CheckState.OK
    assert found[f"address.{check}"].state == state
    assert detail in found[f"address.{check}"].detail


def test_an_address_that_leads_nowhere_or_to_another_service(
    examined: ExaminedService, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nowhere = examine(examined, "http://127.0.0.1:1")["address.reached"]
    assert nowhere.state is CheckState.SKIPPED  # no ledger has a key to ask with
    with served(examined.service.folder):
        pass
    nowhere = examine(examined, "http://127.0.0.1:1")["address.reached"]
    assert nowhere.state is CheckState.FAILED
    assert "Connection refused" in nowhere.detail
    other = tmp_path_factory.mktemp("other")
    (other / "config.toml").write_text("")
    with served(other) as url:
        found = examine(examined, url)["address.reached"]
    assert found.state is CheckState.FAILED
    assert "does not lead to this service (HTTP 404)" in found.detail


def test_strangers_learn_nothing(examined: ExaminedService) -> None:
    with served(examined.service.folder) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
        for path in ("/self-check", "/self-check?token=x.y.z"):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 404
            answer.read()
        connection.close()

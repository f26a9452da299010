"""WebSub, from the config file to the hub's socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from crawler.records import encode_record
from tests.support.samples import make_question
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process


class Hub(ThreadingHTTPServer):
    """Keeps the forms that are posted to it."""

    forms: list[dict[str, list[str]]]


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.forms.append(parse_qs(body.decode()))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), _Handler) as server:
        server.forms = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_hub_of_the_config_is_notified(tmp_path: Path, hub: Hub) -> None:
    service = ServiceFolder(
        tmp_path,
        '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
        '[site]\npublic_url = "https://watch.example"\n'
        f'[feeds]\nhub = "http://127.0.0.1:{hub.server_port}/"\n[[topics]]\nquery = "benches"\n',
    )
    (tmp_path / "records.jsonl").write_bytes(encode_record(make_question(1)))
    service.run("ingest", "--as-new", "records.jsonl")
    notified = {url for form in hub.forms for url in form["hub.url"]}
    assert "https://watch.example/feeds/benches.rss.xml" in notified
    assert all(form["hub.mode"] == ["publish"] for form in hub.forms)
    assert f"http://127.0.0.1:{hub.server_port}/" in service.read_feed("benches.atom.xml")

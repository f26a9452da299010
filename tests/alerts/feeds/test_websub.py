"""WebSub: a hub is notified of each change at least once, and may be down or slow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import msgspec
import pytest

from alerts.feeds import FeedContext, ping_hub, publish_feeds
from alerts.ledger import Ledger, notices
from alerts.matching import TopicMatcher
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.subscribers import publish_topic
from crawler.storage import LocalFolder
from tests.support.samples import make_question
from tests.support.web_client import FEED_IDENTITY, TEMPLATES


class Hub:
    """A WebSub hub that keeps the notifications it is sent."""

    def __init__(self) -> None:
        self.status = 202
        self.rejected: str | None = None
        self.forms: list[dict[str, list[str]]] = []
        self.url = ""


@contextmanager
def run_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hub.forms.append(parse_qs(body.decode()))
            is_rejected = hub.rejected is not None and hub.rejected in body.decode()
            self.send_response(422 if is_rejected else hub.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_port}/"
        yield hub
        server.shutdown()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with run_hub() as found:
        yield found


def publish_question(ledger: Ledger, folder: Path, now: datetime, number: int) -> None:
    with ledger.writing() as connection:
        publish_topic(connection, "VRU", now)
        record_readings(
            connection,
            [QuestionReading(make_question(number, words="The VRU."))],
            now,
            RecordingRules(),
        )
    TopicMatcher(ledger).match_new_changes()
    publish_feeds(ledger, LocalFolder(folder), FeedContext(FEED_IDENTITY, TEMPLATES))


@pytest.mark.slow
def test_a_hub_is_notified_once_of_each_change(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    identity = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    publish_question(ledger, tmp_path, now, 1)
    assert ping_hub(ledger, identity) == 2
    assert ping_hub(ledger, identity) == 0
    assert [form["hub.mode"] for form in hub.forms] == [["publish"]] * 2
    assert hub.forms[0]["hub.url"] == [
        f"https://watch.example/feeds/VRU.{ending}" for ending in ("rss.xml", "atom.xml", "json")
    ]
    publish_question(ledger, tmp_path, now, 2)
    assert ping_hub(ledger, identity) == 2


@pytest.mark.slow
def test_a_hub_that_is_down_is_notified_later(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    identity = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    publish_question(ledger, tmp_path, now, 1)
    hub.status = 500
    assert ping_hub(ledger, identity) == 0
    assert len(hub.forms) == 1  # it is not asked again in this run
    assert ping_hub(ledger, msgspec.structs.replace(identity, hub="http://127.0.0.1:1/")) == 0
    hub.status = 202
    assert ping_hub(ledger, identity) == 2


@pytest.mark.slow
def test_a_rejected_feed_does_not_hold_up_the_others(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    identity = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    publish_question(ledger, tmp_path, now, 1)
    hub.rejected = "VRU"
    assert ping_hub(ledger, identity) == 1  # of everything
    assert ping_hub(ledger, identity) == 0
    hub.rejected = None
    assert ping_hub(ledger, identity) == 1


@pytest.mark.slow
def test_a_hub_is_notified_of_notices(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    identity = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    publish_question(ledger, tmp_path, now, 1)
    ping_hub(ledger, identity)
    with ledger.writing() as connection:
        notices.add(connection, "london", "www.london.gov.uk", "unavailable", now, now)
    publish_feeds(ledger, LocalFolder(tmp_path), FeedContext(FEED_IDENTITY, TEMPLATES))
    assert ping_hub(ledger, identity) == 2


@pytest.mark.slow
def test_nobody_is_notified_without_a_hub_or_a_public_address(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    publish_question(ledger, tmp_path, now, 1)
    assert ping_hub(ledger, FEED_IDENTITY) == 0
    assert (
        ping_hub(ledger, msgspec.structs.replace(FEED_IDENTITY, hub=hub.url, public_url=None)) == 0
    )
    assert hub.forms == []

"""A hub is told of each change of a feed, at least once, and holds nothing up when it is down."""

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
from alerts.ledger import Ledger, notices, topics
from alerts.matching import TopicMatcher
from alerts.recording import QuestionReading, RecordingRules, record_readings
from tests.support.samples import make_question
from tests.support.web_client import FEED_IDENTITY, TEMPLATES


class Hub:
    """A hub that takes pings as W3C WebSub has them."""

    def __init__(self) -> None:
        self.status = 202
        self.refused: str | None = None
        self.told: list[dict[str, list[str]]] = []
        self.url = ""


@contextmanager
def listening() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hub.told.append(parse_qs(body.decode()))
            is_refused = hub.refused is not None and hub.refused in body.decode()
            self.send_response(422 if is_refused else hub.status)
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
    with listening() as found:
        yield found


def put(ledger: Ledger, folder: Path, now: datetime, number: int) -> None:
    with ledger.writing() as connection:
        topics.ensure(connection, "VRU", "VRU", now)
        record_readings(
            connection,
            [QuestionReading(make_question(number, words="The VRU."))],
            now,
            RecordingRules(),
        )
    TopicMatcher(ledger).match_new_changes()
    publish_feeds(ledger, folder, FeedContext(FEED_IDENTITY, TEMPLATES))


def test_a_hub_is_told_once_of_each_change(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    imprint = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    put(ledger, tmp_path, now, 1)
    assert ping_hub(ledger, imprint) == 2
    assert ping_hub(ledger, imprint) == 0
    assert [told["hub.mode"] for told in hub.told] == [["publish"]] * 2
    assert hub.told[0]["hub.url"] == [
        f"https://watch.example/feeds/VRU.{ending}" for ending in ("rss.xml", "atom.xml", "json")
    ]
    put(ledger, tmp_path, now, 2)
    assert ping_hub(ledger, imprint) == 2


def test_a_hub_that_is_down_is_told_later(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    imprint = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    put(ledger, tmp_path, now, 1)
    hub.status = 500
    assert ping_hub(ledger, imprint) == 0
    assert len(hub.told) == 1  # and is left alone for this round
    assert ping_hub(ledger, msgspec.structs.replace(imprint, hub="http://127.0.0.1:1/")) == 0
    hub.status = 202
    assert ping_hub(ledger, imprint) == 2


def test_a_feed_that_it_refuses_keeps_it_from_no_other(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    imprint = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    put(ledger, tmp_path, now, 1)
    hub.refused = "VRU"
    assert ping_hub(ledger, imprint) == 1  # of everything
    assert ping_hub(ledger, imprint) == 0
    hub.refused = None
    assert ping_hub(ledger, imprint) == 1


def test_a_hub_is_told_of_notices(ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub) -> None:
    imprint = msgspec.structs.replace(FEED_IDENTITY, hub=hub.url)
    put(ledger, tmp_path, now, 1)
    ping_hub(ledger, imprint)
    with ledger.writing() as connection:
        notices.add(connection, "london", "www.london.gov.uk", "unavailable", now, now)
    publish_feeds(ledger, tmp_path, FeedContext(FEED_IDENTITY, TEMPLATES))
    assert ping_hub(ledger, imprint) == 2


def test_without_a_hub_or_a_public_address_nobody_is_told(
    ledger: Ledger, now: datetime, tmp_path: Path, hub: Hub
) -> None:
    put(ledger, tmp_path, now, 1)
    assert ping_hub(ledger, FEED_IDENTITY) == 0
    assert (
        ping_hub(ledger, msgspec.structs.replace(FEED_IDENTITY, hub=hub.url, public_url=None)) == 0
    )
    assert hub.told == []

"""Webhooks and Apprise, with a real web server that fails on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alerts.delivery import ChannelTable, deliver_due, list_channel_names
from alerts.delivery.channels import apprise, webhook
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, alarms
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext
from alerts.matching import TopicMatcher
from alerts.model import AddressError, Frequency, Recipient
from alerts.operator import queue_operator_emails
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.secret import Secret
from alerts.subscribers import SubscriberDefaults, subscribe
from tests.support.outbox import queue_messages
from tests.support.samples import make_answer, make_question

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()
IDENTITY = MailIdentity(
    "Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"
)
CHANNELS = ChannelTable(
    (webhook.WebhookSettings(Secret(SECRET), timeout_seconds=5), apprise.AppriseSettings())
)
DEFAULTS = SubscriberDefaults("Europe/London", 7, CHANNELS)


class WebServer(ThreadingHTTPServer):
    """A server that keeps what is posted to it and answers with prepared statuses."""

    answers: list[int]
    posted: list[tuple[dict[str, str], bytes]]

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Location", f"http://{self.server.place}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer(("127.0.0.1", 0), _Handler) as server:
        server.answers, server.posted = [], []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def composed(ledger: Ledger, now: datetime, address: str) -> None:
    with ledger.writing() as connection:
        wish = SubscriptionRequest("benches", Frequency.IMMEDIATE, "all", "command", note="mine")
        subscribe(connection, address, wish, DEFAULTS, now)
        record_readings(
            connection,
            [QuestionReading(make_question(1, make_answer("More benches.")))],
            now,
            RecordingRules(),
        )
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(Templates(), IDENTITY), now) == 1


def test_each_receiver_has_a_secret_of_its_own_which_can_be_replaced() -> None:
    """One receiver could forge messages to another if they had the same."""
    here, there = "https://hooks.example/a", "https://hooks.example/b"
    settings = webhook.WebhookSettings(Secret(SECRET))
    assert settings.show_receiver_secret(here) == settings.show_receiver_secret(here)
    assert settings.show_receiver_secret(here) != settings.show_receiver_secret(there)
    assert SECRET not in settings.show_receiver_secret(here)
    other = Secret(base64.b64encode(b"another secret, twenty-four").decode())
    replaced = webhook.WebhookSettings(other, former_secret=Secret(SECRET))
    assert replaced.list_keys(here)[1] == settings.list_keys(here)[0]
    assert replaced.show_receiver_secret(here) != settings.show_receiver_secret(here)


@pytest.mark.slow
def test_a_webhook_is_signed_and_keeps_its_id(
    ledger: Ledger, now: datetime, web: WebServer
) -> None:
    composed(ledger, now, f"http://{web.place}/hook")
    web.answers = [503]
    assert deliver_due(ledger, CHANNELS, lambda: now) == {"retry": 1}
    assert deliver_due(ledger, CHANNELS, lambda: now + timedelta(minutes=5)) == {"sent": 1}
    (first, body), (second, again) = web.posted
    assert body == again
    assert first["webhook-id"] == second["webhook-id"] == first["Idempotency-Key"]
    signed = f"{first['webhook-id']}.{first['webhook-timestamp']}.".encode() + body
    [settings] = [one for one in CHANNELS.channels if isinstance(one, webhook.WebhookSettings)]
    key = base64.b64decode(
        settings.show_receiver_secret(f"http://{web.place}/hook").removeprefix("whsec_")
    )
    mark = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert first["webhook-signature"] == f"v1,{mark}"
    told = json.loads(body)
    assert told["subject"] == "benches: 1 answer"
    assert told["entries"][0]["url"].endswith("/questions/1")
    assert told["entries"][0]["passage"] == "More benches."
    assert told["entries"][0]["passages"]["answer"] == "More benches."
    assert told["unsubscribe"].startswith("https://watch.example/u/")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, "sent"),
        (301, "failed"),
        (302, "retry"),
        (400, "content_rejected"),
        (401, "refused"),
        (403, "refused"),
        (404, "failed"),
        (410, "failed"),
        (413, "content_rejected"),
        (423, "retry"),
        (429, "retry"),
        (451, "refused"),
        (500, "retry"),
        (503, "retry"),
    ],
)
def test_each_http_status_has_its_outcome(
    ledger: Ledger, now: datetime, web: WebServer, status: int, outcome: str
) -> None:
    composed(ledger, now, f"http://{web.place}/hook")
    web.answers = [status]
    assert deliver_due(ledger, CHANNELS, lambda: now) == {outcome: 1}
    assert len(web.posted) == 1  # a redirect is not followed


def test_an_unreachable_webhook_is_tried_again(ledger: Ledger, now: datetime) -> None:
    composed(ledger, now, "http://127.0.0.1:1/hook")
    assert deliver_due(ledger, CHANNELS, lambda: now) == {"retry": 1}


@pytest.mark.slow
def test_apprise_is_given_title_and_text(ledger: Ledger, now: datetime, web: WebServer) -> None:
    composed(ledger, now, f"json://{web.place}/chat")
    assert deliver_due(ledger, CHANNELS, lambda: now) == {"sent": 1}
    told = json.loads(web.posted[0][1])
    assert told["title"] == "benches: 1 answer"
    assert "/questions/1" in told["message"]


@pytest.mark.slow
def test_a_failed_chat_is_tried_again(ledger: Ledger, now: datetime, web: WebServer) -> None:
    composed(ledger, now, f"json://{web.place}/chat")
    web.answers = [500] * 9
    assert deliver_due(ledger, CHANNELS, lambda: now) == {"retry": 1}


def test_an_address_that_apprise_does_not_know(ledger: Ledger, now: datetime) -> None:
    with pytest.raises(AddressError, match="not an address of a service"):
        composed(ledger, now, "nosuchthing://x")
    # Subscribed when Apprise still knew the service.
    queue_messages(ledger, now, "nosuchthing://x", body=b'{"id": "i", "subject": "s", "text": "t"}')
    assert deliver_due(ledger, CHANNELS, lambda: now) == {"failed": 1}


@pytest.mark.slow
def test_the_operator_is_notified_by_webhook_and_chat(
    ledger: Ledger, now: datetime, web: WebServer
) -> None:
    to = (f"http://{web.place}/ops", f"json://{web.place}/chat")
    with ledger.writing() as connection:
        alarms.update_open(connection, "london", {"blocked": "403"}, ("blocked",), now)
        assert (
            queue_operator_emails(connection, MessageContext(Templates(), IDENTITY, now), to) == 2
        )
        assert (
            queue_operator_emails(connection, MessageContext(Templates(), IDENTITY, now), to) == 0
        )
    assert deliver_due(ledger, CHANNELS, lambda: now) == {"sent": 2}
    assert all(b"london: the source blocks us" in body for _, body in web.posted)


@pytest.mark.parametrize(
    ("address", "channel"),
    [("https://x.example/y", "WebhookSettings"), ("ntfy://x", "AppriseSettings")],
)
def test_each_address_has_its_channel(address: str, channel: str) -> None:
    assert type(CHANNELS.find(Recipient.parse(address))).__name__ == channel
    assert CHANNELS.find(Recipient.parse("a@b.example")) is None
    assert list_channel_names("mailto") == ("maildir", "smtp")


def test_an_address_needs_a_configured_channel(ledger: Ledger, now: datetime) -> None:
    wish = SubscriptionRequest("benches", Frequency.IMMEDIATE, "all", "command")
    with ledger.writing() as connection, pytest.raises(AddressError, match=r"channels\.webhook"):
        subscribe(
            connection, "https://x.example", wish, SubscriberDefaults("Europe/London", 7), now
        )
    with ledger.writing() as connection, pytest.raises(AddressError, match="not a valid address"):
        subscribe(connection, "https://x.example\r\nBcc: y", wish, DEFAULTS, now)

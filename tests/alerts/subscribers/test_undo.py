"""What a machine has ended, the subscriber begins again: after a scanner, a complaint, bounces."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_string, policy

import pytest

from alerts.bounces import apply_bounce
from alerts.delivery import deliver_due
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import bounces, messages, subscriptions
from alerts.ledger.bounces import Bounce, BounceKind
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.subscribers import subscribe
from tests.alerts.delivery.test_refusals import open_channel
from tests.support.outbox import list_due
from tests.support.samples import make_question
from tests.support.service import get_plain_text
from tests.support.smtp_server import run_smtp_server
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    TEMPLATES,
    WebClient,
)

ADA = "ada@demo.example"
ONE_CLICK = "List-Unsubscribe=One-Click"
UNDO = "action=restore"


def subscribe_ada(pages: WebClient, *queries: str) -> str:
    """Subscribe Ada to queries; return her token."""
    with pages.ledger.writing() as connection:
        for query in queries:
            request = SubscriptionRequest(query, Frequency.IMMEDIATE, "all", "page")
            subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, pages.now)
        person = subscriptions.find_subscriber_by_email(connection, ADA)
    assert person is not None
    return person.token


def list_queries(pages: WebClient) -> list[str]:
    with pages.ledger.reading() as connection:
        return sorted(alert.query for alert in subscriptions.list_active(connection))


def post(pages: WebClient, path: str, body: str) -> str:
    status, text = pages.request_text("POST", path, body, FORM_CONTENT_TYPE)
    assert status == 200
    return text


def bounce(pages: WebClient, kind: BounceKind, *numbers: int) -> None:
    with pages.ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        for number in numbers:
            apply_bounce(connection, person.id, Bounce(kind, number, "said so"), pages.now)


def request_own_page(pages: WebClient) -> str:
    """Ask for the link to the own page, and return its path, as the email that is sent has it."""
    before = len(pages.read_messages())
    assert pages.submit_form("/your-alerts", "/your-alerts", email=ADA)[0] == 200
    with pages.ledger.reading() as connection:
        waiting = [due.id for due in list_due(connection, pages.now)][-1:]
        assert messages.filter_deliverable(connection, waiting) == set(waiting)
    [email] = pages.read_messages()[before:]
    text = get_plain_text(message_from_string(email, policy=policy.default))
    assert "You get no Watchword alerts at present" in text
    found = re.search(r"https://watch\.example(/m/\S+)", text)
    assert found is not None
    return found[1]


def compose(pages: WebClient) -> int:
    TopicMatcher(pages.ledger).match_new_changes()
    settings = DigestSettings(TEMPLATES, MAIL_IDENTITY)
    return compose_due_digests(pages.ledger, settings, pages.now)


@pytest.mark.slow
def test_one_click_can_be_undone_for_a_day(pages: WebClient) -> None:
    path = f"/u/{subscribe_ada(pages, 'VRU', 'benches')}"
    assert "Undo" not in pages.request_text("GET", path)[1]
    assert ">Undo</button>" in post(pages, path, ONE_CLICK)
    assert list_queries(pages) == []
    pages.publish_questions(make_question(1, words="VRU."))
    assert compose(pages) == 0
    pages.now += timedelta(hours=23)
    for _ in range(3):  # opening it changes nothing
        page = pages.request_text("GET", path)[1]
    assert list_queries(pages) == []
    assert ">Undo</button>" in page
    assert "You’re subscribed again" in post(pages, path, UNDO)
    assert list_queries(pages) == ["VRU", "benches"]
    assert compose(pages) == 1  # what happened in the meantime


@pytest.mark.slow
def test_what_waited_when_it_was_undone_is_sent_once(pages: WebClient) -> None:
    path = f"/u/{subscribe_ada(pages, 'VRU')}"
    pages.publish_questions(make_question(1, words="VRU."))
    assert compose(pages) == 1
    with run_smtp_server() as server:
        post(pages, path, ONE_CLICK)
        deliver_due(pages.ledger, open_channel(server), lambda: pages.now)
        assert server.messages == []
        for _ in range(2):
            post(pages, path, UNDO)
            deliver_due(pages.ledger, open_channel(server), lambda: pages.now)
        assert len(server.messages) == 1


@pytest.mark.slow
def test_after_a_day_only_the_own_page_undoes_it(pages: WebClient) -> None:
    path = f"/u/{subscribe_ada(pages, 'VRU')}"
    post(pages, path, ONE_CLICK)
    pages.now += timedelta(days=1)
    assert "Undo" not in pages.request_text("GET", path)[1]
    post(pages, path, UNDO)
    assert list_queries(pages) == []
    pages.now += timedelta(days=20)
    own = request_own_page(pages)
    assert "Get them again" in pages.request_text("GET", own)[1]
    assert "subscribed again" in pages.submit_form(own, own, action="restore")[1]
    assert list_queries(pages) == ["VRU"]


def test_what_ended_before_stays_ended(pages: WebClient) -> None:
    path = f"/u/{subscribe_ada(pages, 'VRU', 'benches')}"
    with pages.ledger.writing() as connection:
        [benches, _] = subscriptions.list_active(connection)
        subscriptions.unsubscribe(connection, benches.subscriber_id, pages.now, benches.topic_id)
    ended = benches.query
    assert "Undo" not in pages.request_text("GET", path)[1]
    pages.now += timedelta(minutes=1)
    post(pages, path, ONE_CLICK)
    post(pages, path, UNDO)
    assert list_queries(pages) == sorted({"VRU", "benches"} - {ended})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "numbers"), [("complaint", (1,)), ("hard", (1, 2)), ("soft", (1, 2, 3, 4, 5))]
)
def test_a_suspension_is_undone_on_the_own_page(
    pages: WebClient, kind: BounceKind, numbers: tuple[int, ...]
) -> None:
    token = subscribe_ada(pages, "VRU")
    bounce(pages, kind, *numbers)
    pages.publish_questions(make_question(1, words="VRU."))
    assert compose(pages) == 0
    pages.now += timedelta(days=3)
    post(pages, f"/u/{token}", UNDO)  # it may be in a forwarded digest
    with pages.ledger.reading() as connection:
        assert bounces.find_suppression(connection, ADA) is not None
    assert "/your-alerts" in pages.request_text("GET", f"/u/{token}")[1]
    own = request_own_page(pages)
    assert "Send me emails again" in pages.request_text("GET", own)[1]
    assert "email you again" in pages.submit_form(own, own, action="accept_email")[1]
    with pages.ledger.reading() as connection:
        assert bounces.find_suppression(connection, ADA) is None
    assert list_queries(pages) == ["VRU"]
    assert compose(pages) == 1


@pytest.mark.slow
def test_a_complaint_restores_nothing_that_the_subscriber_ended(pages: WebClient) -> None:
    token = subscribe_ada(pages, "VRU")
    post(pages, f"/u/{token}", ONE_CLICK)
    pages.now += timedelta(hours=1)
    bounce(pages, "complaint", 1)
    own = request_own_page(pages)
    pages.submit_form(own, own, action="accept_email")
    assert list_queries(pages) == []
    assert "Get them again" in pages.request_text("GET", own)[1]

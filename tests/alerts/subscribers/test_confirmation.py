"""Double opt-in over real HTTP: confirmation links, buttons, and scanners that open every link."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from typing import get_args

import pytest
from sqlalchemy import func, select

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import (
    Ledger,
    bounces,
    messages,
    pending_subscriptions,
    personal_data,
    subscriptions,
)
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MessageContext
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.subscribers import request_confirmation, subscribe
from tests.support.outbox import list_due
from tests.support.samples import make_question
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    TEMPLATES,
    WebClient,
)

ADA = "ada@demo.example"
MULTIPART = """\
--b\r
Content-Disposition: form-data; name="List-Unsubscribe"\r
\r
One-Click\r
--b--\r
"""
REQUEST = SubscriptionRequest("VRU", Frequency.IMMEDIATE, "all", "command")


def request_by_email(
    ledger: Ledger, now: datetime, email: str = ADA, request: SubscriptionRequest = REQUEST
) -> bool:
    with ledger.writing() as connection:
        return request_confirmation(
            connection,
            MessageContext(TEMPLATES, MAIL_IDENTITY, now),
            email,
            request,
            SUBSCRIBER_DEFAULTS,
        )


def read_emails(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        rows = connection.execute(select(message.c.body).order_by(message.c.id)).scalars()
        return [decompress_body(body).decode() for body in rows]


def find_link(ledger: Ledger, number: int = 0) -> str:
    found = re.search(r"https://watch\.example(/c/\S+)", read_emails(ledger)[number])
    assert found is not None
    return found[1]


def list_queries(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        return [s.query for s in subscriptions.list_active(connection)]


def build_request(query: str) -> SubscriptionRequest:
    return SubscriptionRequest(query, Frequency.DAILY, "all", "command")


BENCHES = build_request("benches")


def list_boxes(html: str) -> dict[str, tuple[str, bool]]:
    """What can be ticked on a confirmation page: by its words, the value and whether it is."""
    found = re.findall(
        r'<input type="checkbox" name="sign_up" value="(\d+)"( checked)?> ([^<]+)</label>', html
    )
    return {unescape(words): (value, bool(ticked)) for value, ticked, words in found}


@pytest.mark.slow
def test_each_request_has_its_own_email_and_is_confirmed_by_itself(pages: WebClient) -> None:
    ledger, now = pages.ledger, pages.now
    assert request_by_email(ledger, now)
    assert request_by_email(ledger, now, request=BENCHES)
    assert not request_by_email(ledger, now, request=BENCHES)
    assert len(read_emails(ledger)) == 2
    assert list_queries(ledger) == []
    status, text = pages.request_text("GET", find_link(ledger))
    assert (status, list_queries(ledger)) == (200, [])
    assert [(words, ticked) for words, (_, ticked) in list_boxes(text).items()] == [
        ("“VRU”", True),
        ("“benches”", False),
    ]
    assert pages.request_text("POST", find_link(ledger))[0] == 200
    assert list_queries(ledger) == ["VRU"]
    before = pages.read_all_rows()
    assert "You’re subscribed" in pages.request_text("POST", find_link(ledger))[1]
    assert pages.read_all_rows() == before


def test_what_is_ticked_is_confirmed_and_nothing_else(pages: WebClient) -> None:
    ledger, now = pages.ledger, pages.now
    for request in (REQUEST, BENCHES, build_request("ponds")):
        request_by_email(ledger, now, request=request)
    request_by_email(ledger, now, "vera@demo.example", build_request("A40"))
    boxes = list_boxes(pages.request_text("GET", find_link(ledger))[1])
    link = find_link(ledger)
    nothing = pages.request_text("POST", link, "choice=1", FORM_CONTENT_TYPE)[1]
    assert "Select at least one alert." in nothing
    assert list_queries(ledger) == []
    foreign = max(int(value) for value, _ in boxes.values()) + 1
    body = (
        f"choice=1&sign_up={boxes['“benches”'][0]}&sign_up={foreign}&sign_up=x&sign_up=9999999999"
    )
    assert "You’re subscribed" in pages.request_text("POST", link, body, FORM_CONTENT_TYPE)[1]
    assert list_queries(ledger) == ["benches"]
    rest = list_boxes(pages.request_text("GET", link)[1])
    assert [(words, ticked) for words, (_, ticked) in rest.items()] == [
        ("“VRU”", True),
        ("“ponds”", False),
    ]


@pytest.mark.slow
def test_the_limit_of_topics_takes_nothing_from_the_email_s_own(pages: WebClient) -> None:
    """Nine requests by strangers came first; five topics are allowed."""
    ledger, now = pages.ledger, pages.now
    for number in range(9):
        junk = build_request(f"junk{number}")
        request_by_email(ledger, now, request=junk)
    request_by_email(ledger, now)
    link = find_link(ledger, -1)
    boxes = list_boxes(pages.request_text("GET", link)[1])
    assert boxes["“VRU”"][1]
    assert len(boxes) == 10
    body = "&".join(["choice=1", *(f"sign_up={value}" for value, _ in boxes.values())])
    text = pages.request_text("POST", link, body, FORM_CONTENT_TYPE)[1]
    assert "5 more could not be added" in text
    assert "VRU" in list_queries(ledger)


def test_only_one_open_request_is_confirmed_without_a_button(pages: WebClient) -> None:
    """Anybody can type anybody's address: where there is a choice, it is the reader's."""
    request_by_email(pages.ledger, pages.now)
    pages.now += timedelta(minutes=6)
    assert 'hx-trigger="load' in pages.request_text("GET", find_link(pages.ledger))[1]
    request_by_email(pages.ledger, pages.now, request=BENCHES)
    text = pages.request_text("GET", find_link(pages.ledger))[1]
    assert '<button class="primary" type="submit">Confirm</button>' in text
    assert "benches" in text
    assert 'hx-trigger="load' not in text


@pytest.mark.slow
def test_a_get_never_changes_anything(pages: WebClient) -> None:
    ledger, now = pages.ledger, pages.now
    request_by_email(ledger, now)
    with ledger.writing() as connection:
        subscribe(connection, "vera@demo.example", REQUEST, SUBSCRIBER_DEFAULTS, now)
        vera = subscriptions.find_subscriber_by_email(connection, "vera@demo.example")
        assert vera is not None
    before = pages.read_all_rows()
    for _ in range(25):
        for method in ("GET", "HEAD"):
            assert pages.request_text(method, find_link(ledger))[0] == 200
            assert pages.request_text(method, f"/u/{vera.token}")[0] == 200
    assert pages.read_all_rows() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=b",
            MULTIPART,
        ),
    ],
)
def test_one_click_unsubscribes_at_once(pages: WebClient, kind: str, body: str) -> None:
    """As a mail program does it (RFC 8058)."""
    with pages.ledger.writing() as connection:
        subscribe(connection, ADA, REQUEST, SUBSCRIBER_DEFAULTS, pages.now)
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
    status, _ = pages.request_text("POST", f"/u/{person.token}", body, kind)
    assert (status, list_queries(pages.ledger)) == (200, [])


def test_a_link_works_for_two_days_and_wrong_links_get_one_answer(pages: WebClient) -> None:
    ledger = pages.ledger
    request_by_email(ledger, pages.now)
    path = find_link(ledger)
    assert {pages.request_text(m, "/c/wrong")[0] for m in ("GET", "POST")} == {404}
    wrong = pages.request_text("GET", "/c/wrong")
    pages.now += timedelta(hours=48)
    assert pages.request_text("POST", path) == wrong
    assert list_queries(ledger) == []
    assert pages.request_text("GET", "/u/wrong") == wrong
    assert pages.request_text("GET", "/d/wrong") == wrong


def test_a_subscriber_who_never_confirms_is_deleted(ledger: Ledger, now: datetime) -> None:
    request_by_email(ledger, now)
    with ledger.writing() as connection:
        subscribe(connection, "vera@demo.example", REQUEST, SUBSCRIBER_DEFAULTS, now)
    request_by_email(
        ledger,
        now,
        "vera@demo.example",
        SubscriptionRequest("benches", Frequency.DAILY, "all", "command"),
    )
    with ledger.writing() as connection:
        assert pending_subscriptions.delete_expired(connection, now) == []
        [who] = pending_subscriptions.delete_expired(connection, now + timedelta(seconds=1))
        [expired] = subscriptions.get_subscribers(connection, [who])
        personal_data.delete_data(connection, expired.email)
        assert subscriptions.find_subscriber_by_email(connection, ADA) is None
        assert subscriptions.find_subscriber_by_email(connection, "vera@demo.example") is not None


def test_a_second_email_is_sent_only_the_day_after(ledger: Ledger, now: datetime) -> None:
    assert request_by_email(ledger, now)
    assert not request_by_email(ledger, now + timedelta(hours=23))
    assert request_by_email(ledger, now + timedelta(hours=24))
    assert len(read_emails(ledger)) == 2


@pytest.mark.slow
def test_two_hundred_sign_ups_for_one_address_are_one_email(ledger: Ledger, now: datetime) -> None:
    for number in range(200):
        request_by_email(ledger, now + timedelta(seconds=number))
    with ledger.reading() as connection:
        assert connection.execute(select(func.count()).select_from(message)).scalar() == 1


@pytest.mark.parametrize("reason", get_args(bounces.SuppressionReason))
def test_a_confirmed_sign_up_ends_a_suspension(
    pages: WebClient, reason: bounces.SuppressionReason
) -> None:
    ledger, now = pages.ledger, pages.now
    with ledger.writing() as connection:
        person = subscriptions.ensure_subscriber(connection, ADA, "Europe/London", 7, now)
        bounces.suspend_subscriber(connection, person.id, reason, now)
    request_by_email(ledger, now)
    with ledger.reading() as connection:
        waiting = [due.id for due in list_due(connection, now)]
        assert messages.filter_deliverable(connection, waiting) == set(waiting) != set()
        assert bounces.find_suppression(connection, ADA) is not None
    pages.request_text("POST", find_link(ledger))
    with ledger.reading() as connection:
        assert bounces.find_suppression(connection, ADA) is None


@pytest.mark.slow
def test_nothing_is_sent_before_the_confirmation(pages: WebClient) -> None:
    ledger, now = pages.ledger, pages.now
    request_by_email(ledger, now)
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(make_question(1, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), now) == 0
    pages.request_text("POST", find_link(ledger))
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(make_question(2, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), now) == 1


def compose_long_digest(pages: WebClient) -> str:
    """Return the email of a digest of 30 questions."""
    ledger, now = pages.ledger, pages.now
    with ledger.writing() as connection:
        subscribe(connection, ADA, REQUEST, SUBSCRIBER_DEFAULTS, now)
        some = [QuestionReading(make_question(n, words="VRU.")) for n in range(1, 31)]
        record_readings(connection, some, now, RecordingRules())
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), now) == 1
    [email] = read_emails(ledger)
    return email


@pytest.mark.slow
def test_the_whole_of_a_long_digest_is_on_one_page_for_30_days(pages: WebClient) -> None:
    found = re.search(r"https://watch\.example(/d/[0-9a-f]{32})", compose_long_digest(pages))
    assert found is not None
    status, text = pages.request_text("GET", found[1])
    assert status == 200
    assert len(set(re.findall(r"https://replica\.example/questions/\d+", text))) == 30
    pages.now += timedelta(days=31)
    assert pages.request_text("GET", found[1])[0] == 404


@pytest.mark.slow
def test_a_message_id_opens_no_digest(pages: WebClient) -> None:
    """It stands in every reply to the digest, and in the logs of mail servers."""
    email = compose_long_digest(pages)
    head, _, body = email.partition("\r\n\r\n")
    [name] = re.findall(r"Message-ID: <digest\.([0-9a-f]{32})@", head)
    assert name not in body
    assert pages.request_text("GET", f"/d/{name}") == pages.request_text("GET", "/d/wrong")
    key = re.findall(r"https://watch\.example/d/([^\s\"]+)", body)[0]
    assert key not in head
    assert {
        pages.request_text("GET", f"/d/{k}")[0] for k in (f"{key}0", key[:-2], key.upper())
    } == {404}
    assert pages.request_text("GET", f"/d/{key}")[0] == 200


def test_the_unsubscribe_page_says_why_nothing_was_sent(pages: WebClient) -> None:
    ledger, now = pages.ledger, pages.now
    with ledger.writing() as connection:
        subscribe(connection, ADA, REQUEST, SUBSCRIBER_DEFAULTS, now)
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
    assert "We have not emailed you" not in pages.request_text("GET", f"/u/{person.token}")[1]
    with ledger.writing() as connection:
        bounces.suspend_subscriber(connection, person.id, "bounces", now)
    text = pages.request_text("GET", f"/u/{person.token}")[1]
    assert (
        "We have not emailed you since 16 July 2026, because our emails to you were returned."
        in (text)
    )

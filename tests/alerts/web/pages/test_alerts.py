"""The page where subscribers manage their alerts, over real HTTP."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

import html5lib
import pytest
from lxml import etree

from alerts.ledger import bounces, subscriptions
from alerts.ledger.subscriptions import Subscription, SubscriptionRequest
from alerts.model import Frequency, Subscriber
from alerts.subscribers import publish_topic, subscribe
from alerts.tokens import TokenSigner
from tests.alerts.subscribers.test_confirmation import ADA, list_queries, read_emails
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    WebClient,
)


def ada(pages: WebClient) -> Subscriber:
    with pages.ledger.writing() as connection:
        for query in ("VRU", '"benches <b>"'):
            wish = SubscriptionRequest(
                query, Frequency.DAILY, "all", "command", note="mine & yours"
            )
            subscribe(connection, ADA, wish, SUBSCRIBER_DEFAULTS, pages.now)
        wish = SubscriptionRequest("VRU", Frequency.DAILY, "all", "command")
        subscribe(connection, "vera@demo.example", wish, SUBSCRIBER_DEFAULTS, pages.now)
        person = subscriptions.find_subscriber_by_email(connection, ADA)
    assert person is not None
    return person


def mine(pages: WebClient) -> dict[str, Subscription]:
    with pages.ledger.reading() as connection:
        every = subscriptions.list_active(connection)
    return {s.query: s for s in every if s.email == ADA}


def press(pages: WebClient, person: Subscriber, **form: object) -> tuple[int, str]:
    fields = {name: str(value) for name, value in form.items()}
    return pages.submit_form(at(pages, person), at(pages, person), **fields)


def at(pages: WebClient, person: Subscriber, issued: datetime | None = None) -> str:
    link = MAIL_IDENTITY.build_manage_link(person.token, issued or pages.now)
    return link.removeprefix("https://watch.example")


def test_a_get_shows_the_alerts_and_changes_nothing(pages: WebClient) -> None:
    person = ada(pages)
    before = pages.read_all_rows()
    status, html = pages.request_text("GET", at(pages, person))
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(html)
    assert "benches &lt;b&gt;" in html
    assert 'value="mine &amp; yours"' in html
    assert len(html) < 100_000
    assert pages.read_all_rows() == before


@pytest.mark.slow
def test_an_alert_is_saved_paused_resumed_and_ended(pages: WebClient) -> None:
    person = ada(pages)
    topic = mine(pages)["VRU"].topic_id
    other = mine(pages)['"benches <b>"']
    values = {"frequency": "weekly", "updates": "answered", "detail": "titles", "note": " new "}
    assert "Alert saved." in press(pages, person, action="save", topic=topic, **values)[1]
    found = mine(pages)["VRU"]
    assert (found.frequency, found.updates, found.detail) == ("weekly", "answered", "titles")
    assert found.note == "new"
    assert "Alert paused." in press(pages, person, action="pause", topic=topic)[1]
    assert mine(pages)["VRU"].paused_at == pages.now
    assert "Alert resumed." in press(pages, person, action="resume", topic=topic)[1]
    assert mine(pages)["VRU"].paused_at is None
    ended = press(pages, person, action="unsubscribe", topic=topic)[1]
    assert "You’re unsubscribed from “VRU”." in ended
    assert mine(pages) == {'"benches <b>"': other}


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"action": "unsubscribe"},
        {"action": "unsubscribe", "topic": "x"},
        {"action": "unsubscribe", "topic": "999999"},
        {"action": "save", "topic": "1", "frequency": "never", "updates": "all", "detail": "full"},
        {"action": "schedule", "hour": "24", "zone": "Europe/London"},
        {"action": "schedule", "hour": "7", "zone": "../../etc/passwd"},
        {"action": "drop table"},
    ],
)
def test_an_invalid_form_changes_nothing(pages: WebClient, form: dict[str, str]) -> None:
    person = ada(pages)
    before = pages.read_all_rows()
    status, html = press(pages, person, **form)
    assert status == 200
    assert "Nothing was changed." in html
    assert pages.read_all_rows() == before


def test_the_schedule_is_saved(pages: WebClient) -> None:
    person = ada(pages)
    press(pages, person, action="schedule", hour=19, zone="Europe/Paris")
    with pages.ledger.reading() as connection:
        found = subscriptions.find_subscriber_by_email(connection, ADA)
    assert found is not None
    assert (found.hour, found.zone) == (19, "Europe/Paris")


def test_data_is_downloaded_and_deleted(pages: WebClient) -> None:
    person = ada(pages)
    status, text = pages.request_text("GET", f"{at(pages, person)}/data.json")
    assert status == 200
    assert json.loads(text)["subscriber"]["email"] == ADA
    assert "Your data has been deleted" in press(pages, person, action="delete")[1]
    assert mine(pages) == {}
    assert list_queries(pages.ledger) == ["VRU"]  # of another subscriber
    for path in (at(pages, person), f"{at(pages, person)}/data.json", "/m/wrong"):
        assert pages.request_text("GET", path)[0] == 404
    assert press(pages, person, action="delete")[0] == 404


@pytest.mark.slow
def test_data_is_deleted_at_once_while_an_email_waits(pages: WebClient) -> None:
    person = ada(pages)
    assert pages.submit_form("/your-alerts", "/your-alerts", email=ADA)[0] == 200
    assert any(ADA in email for email in pages.read_messages())  # it waits to be sent
    html = press(pages, person, action="delete")[1]
    assert "Your data has been deleted" in html
    assert "emails that were waiting to be sent are cancelled" in html
    assert "We keep nothing about you." in html
    assert not any(ADA in email for email in pages.read_messages())
    assert ADA not in str(pages.read_all_rows())


def test_what_stays_after_a_deletion_is_said(pages: WebClient) -> None:
    person = ada(pages)
    with pages.ledger.writing() as connection:
        bounces.suspend_subscriber(connection, person.id, "complaint", pages.now)
    kept = json.loads(pages.request_text("GET", f"{at(pages, person)}/data.json")[1])
    assert [row["reason"] for row in kept["suppressions"]] == ["complaint"]
    html = press(pages, person, action="delete")[1]
    assert "a hash of the address, because emails to it came back, were reported as spam" in html
    assert "We keep nothing about you." not in html
    assert ADA not in str(pages.read_all_rows())
    with pages.ledger.reading() as connection:
        assert bounces.find_suppression(connection, ADA) is not None


def test_a_large_form_is_refused(pages: WebClient) -> None:
    person = ada(pages)
    assert press(pages, person, action="save", note="x" * 30_000)[0] == 413


@pytest.mark.slow
def test_a_changed_query_keeps_the_place_of_the_alert(pages: WebClient) -> None:
    person = ada(pages)
    old = mine(pages)["VRU"]
    values = {"frequency": "weekly", "updates": "all", "detail": "full", "topic": old.topic_id}

    def reworded(words: str) -> str:
        return press(pages, person, action="save", query=words, **values)[1]

    assert "Close the double quotes" in reworded('"half')
    assert "already have an alert" in reworded('"benches <b>"')
    assert set(mine(pages)) == {"VRU", '"benches <b>"'}
    assert "Alert saved." in reworded('VRU OR "knife crime"')
    assert set(mine(pages)) == {'VRU OR "knife crime"', '"benches <b>"'}
    new = mine(pages)['VRU OR "knife crime"']
    assert new.frequency == "weekly"
    values["topic"] = new.topic_id
    assert "Alert saved." in reworded("VRU")  # one that had ended
    assert set(mine(pages)) == {"VRU", '"benches <b>"'}


def test_feeds_are_exported_as_opml(pages: WebClient) -> None:
    person = ada(pages)
    status, headers, body = pages.request("GET", f"{at(pages, person)}/topics.opml")
    assert (status, headers.get_content_type()) == (200, "text/x-opml")
    found = etree.fromstring(body)
    assert found.get("version") == "2.0"
    outlines = {o.get("text"): o.get("xmlUrl") for o in found.iterfind("body/outline")}
    own = outlines["VRU"] or ""
    assert own.startswith("https://watch.example/feeds/private/")
    assert pages.request("GET", own.removeprefix("https://watch.example"))[0] == 200
    with pages.ledger.writing() as connection:
        publish_topic(connection, "VRU", pages.now)
    _, _, body = pages.request("GET", f"{at(pages, person)}/topics.opml")
    assert b'xmlUrl="https://watch.example/feeds/vru.atom.xml"' not in body
    assert b'xmlUrl="https://watch.example/feeds/VRU.atom.xml"' in body
    assert set(outlines) == {"VRU", '"benches <b>"'}


def test_a_link_is_valid_for_this_page_and_a_limited_time(pages: WebClient) -> None:
    person = ada(pages)
    old = at(pages, person, pages.now - timedelta(days=61))
    status, html = pages.request_text("GET", old)
    assert status == 410
    assert "This link has expired" in html
    assert pages.request_text("GET", f"{old}/data.json")[0] == 410
    before = pages.read_all_rows()
    assert pages.request_text("GET", f"/m/{person.token}")[0] == 404  # the other links' token
    form = TokenSigner(MAIL_IDENTITY.token_secret, lambda: pages.now).issue("form", person.token)
    assert pages.request_text("GET", f"/m/{form}")[0] == 404
    assert pages.read_all_rows() == before
    for _ in range(2):
        assert pages.submit_form(old, old)[0] == 200
    [email_text] = read_emails(pages.ledger)  # one a day
    assert "/m/" in email_text


def test_a_form_with_a_token_of_another_page_changes_nothing(pages: WebClient) -> None:
    person = ada(pages)
    before = pages.read_all_rows()
    seal = TokenSigner(MAIL_IDENTITY.token_secret, lambda: pages.now)
    for csrf in ("", "wrong", seal.issue("form", "another"), seal.issue("manage", person.token)):
        body = urlencode({"action": "delete", "csrf": csrf})
        assert (
            "nothing was changed"
            in pages.request_text("POST", at(pages, person), body, FORM_CONTENT_TYPE)[1]
        )
    assert pages.read_all_rows() == before

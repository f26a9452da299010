"""From the sign-up form to the first page of one's own: what each page says, and leads to."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from alerts.ledger import subscriptions
from alerts.subscribers import publish_topic
from tests.support.samples import make_question
from tests.support.web_client import FORM_CONTENT_TYPE, WebClient

ADA = "ada@demo.example"


def sign_up(site: WebClient, **fields: str) -> str:
    form = {"q": "VRU", "email": ADA, "frequency": "daily", "updates": "answered"} | fields
    status, text = site.submit_form("/search?q=VRU", "/sign-up", **form)
    assert status == 200
    return unescape(text)


def find_link(site: WebClient) -> str:
    found = re.search(r"https://watch\.example(/c/\S+)", site.read_messages()[-1])
    assert found is not None
    return found[1]


def look(site: WebClient, path: str) -> str:
    status, text = site.request_text("GET", path)
    assert status == 200
    return unescape(text)


def confirm(site: WebClient, path: str, body: str = "") -> str:
    status, text = site.request_text("POST", path, body, FORM_CONTENT_TYPE)
    assert status == 200
    return unescape(text)


@pytest.mark.slow
def test_check_your_email_says_what_comes_and_leads_on(site: WebClient) -> None:
    page = sign_up(site, q='VRU OR "knife crime"')
    assert f"We’ve sent a link to <b>{ADA}</b>." in page
    assert '<mark>VRU OR "knife crime"</mark>' in page
    assert "w@demo.example" in page
    assert "48 hours" in page
    assert "go back and change it" in page
    assert "/search?q=VRU+OR+%22knife+crime%22" in page


@pytest.mark.slow
def test_the_page_shows_what_was_typed_as_text(site: WebClient) -> None:
    status, text = site.submit_form(
        "/search?q=VRU", "/sign-up", q='"<script>"', email=ADA, frequency="daily", updates="all"
    )
    assert status == 200
    assert "<script>" not in text


@pytest.mark.slow
def test_confirming_says_topic_frequency_amount_and_sender(site: WebClient) -> None:
    for number in range(1, 4):
        site.publish_questions(make_question(number, words="The VRU."))
    site.now += timedelta(days=60)
    sign_up(site)
    before = site.read_all_rows()
    page = look(site, find_link(site))
    assert site.read_all_rows() == before
    for fact in ("<mark>VRU</mark>", ADA, "Daily, at 07:00", "Answers only", "w@demo.example"):
        assert fact in page
    assert "About 2 questions a month. The last was on 16 July 2026." in page
    assert "we delete the request after 48 hours" in page


@pytest.mark.slow
def test_a_confirmed_alert_leads_on_and_only_the_button_opens_the_own_page(
    site: WebClient,
) -> None:
    with site.ledger.writing() as connection:
        publish_topic(connection, "trams", site.now)
        publish_topic(connection, "VRU", site.now)
    site.publish_questions(make_question(1, words="The VRU and its trams."))
    sign_up(site)
    link = find_link(site)
    page = confirm(site, link)
    assert "You’re subscribed to <mark>VRU</mark>" in page
    assert "Your next digest is due <b>tomorrow, Friday 17 July, 07:00</b> (Europe/London)" in page
    assert "Read the question on VRU so far" in page
    assert "Add another topic" in page
    assert 'href="/topic/trams"' in page
    assert 'href="/topic/VRU"' not in page
    feed = re.search(r'href="(/feeds/[^"]+)">RSS feed for VRU<', page)
    assert feed is not None
    assert site.request("GET", feed[1])[0] == 200
    own = re.search(r'href="(/m/[^"]+)">Change this alert<', page)
    assert own is not None
    assert "1 alert" in look(site, own[1])
    again = look(site, link)  # for whoever was forwarded the email
    assert "You’re subscribed" in again
    assert "/m/" not in again
    assert "/feeds/private/" not in again


@pytest.mark.slow
def test_a_choice_of_requests_that_is_empty_is_an_error_in_place(site: WebClient) -> None:
    sign_up(site, q="trees")
    sign_up(site)
    page = confirm(site, find_link(site), "choice=1")
    assert "<title>Error: Confirm your alert" in page
    assert "Select at least one alert." in page
    assert 'aria-describedby="choice-error"' in page
    with site.ledger.reading() as connection:
        assert subscriptions.list_active(connection) == []


@pytest.mark.slow
def test_your_alerts_keeps_a_wrong_address(site: WebClient) -> None:
    status, text = site.submit_form("/your-alerts", "/your-alerts", email="ada at home")
    assert status == 400
    assert "<title>Error: Your alerts" in text
    assert 'value="ada at home" aria-describedby="email-error" aria-invalid="true"' in text
    status, text = site.submit_form("/your-alerts", "/your-alerts", email="nobody@demo.example")
    assert status == 200
    assert "If <b>nobody@demo.example</b> has alerts" in text

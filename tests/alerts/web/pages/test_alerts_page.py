"""What the page of somebody's alerts says: the next digest, what each brings, errors in place."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from html import unescape

import html5lib
import pytest

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import subscriptions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency, Subscriber
from alerts.subscribers import subscribe
from crawler.records import Meeting
from tests.support.samples import make_question
from tests.support.web_client import (
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    TEMPLATES,
    WebClient,
)

ADA = "ada@demo.example"


def add(site: WebClient, query: str, frequency: str = "daily", **more: str) -> int:
    """Subscribe Ada; return the id of the topic."""
    request = SubscriptionRequest(query, Frequency(frequency), "all", "page", **more)  # type: ignore[arg-type]
    with site.ledger.writing() as connection:
        return subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, site.now).topic_id


def find_ada(site: WebClient) -> Subscriber:
    with site.ledger.reading() as connection:
        found = subscriptions.find_subscriber_by_email(connection, ADA)
    assert found is not None
    return found


def path_of(site: WebClient) -> str:
    link = MAIL_IDENTITY.build_manage_link(find_ada(site).link_subject, site.now)
    return link.removeprefix("https://watch.example")


def look(site: WebClient, path: str = "") -> str:
    status, text = site.request_text("GET", path or path_of(site))
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(text)
    assert len(text.encode()) < 60_000
    return unescape(text)


def press(site: WebClient, **fields: object) -> str:
    form = {name: str(value) for name, value in fields.items()}
    status, text = site.submit_form(path_of(site), path_of(site), **form)
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(text)
    return unescape(text)


def send_digests(site: WebClient) -> int:
    return compose_due_digests(site.ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), site.now)


@pytest.mark.slow
def test_the_next_digest_is_named_and_shown_and_nothing_is_marked(site: WebClient) -> None:
    add(site, "VRU")
    site.publish_questions(make_question(1, words="The VRU."))
    page = look(site)
    assert "In a few minutes" in page  # the first one of an alert waits for no hour
    assert "After that: tomorrow, Friday 17 July, 07:00" in page
    assert send_digests(site) == 1
    assert "Tomorrow, Friday 17 July, 07:00" in look(site)
    assert "Nothing yet. If it stays so, we send nothing." in look(site)
    for number in (2, 3, 4):
        site.publish_questions(make_question(number, words="The VRU."))
    page = look(site)
    assert "3 questions so far" in page
    assert "<b>3 questions</b> for the next digest." in page
    before = site.read_all_rows()
    preview = look(site, f"{path_of(site)}/preview")
    assert "Preview of your next digest" in preview
    assert "It comes <b>tomorrow, Friday 17 July, 07:00</b>" in preview
    assert all(f"Question {number}<" in preview for number in (2, 3, 4))
    assert "Question 1<" not in preview
    assert site.read_all_rows() == before
    assert send_digests(site) == 0
    site.now += timedelta(hours=19)  # 07:00 in London
    assert send_digests(site) == 1
    assert "3 questions so far" not in look(site)
    assert "There is nothing in it yet." in look(site, f"{path_of(site)}/preview")


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("hourly", "Today, Thursday 16 July, 14:00"),
        ("daily", "Tomorrow, Friday 17 July, 07:00"),
        ("weekly", "Monday 20 July, 07:00"),
        ("monthly", "Saturday 1 August, 07:00"),
        ("immediate", "As soon as something happens"),
        ("meeting", "As soon as something happens"),
    ],
)
def test_each_frequency_has_its_next_time(site: WebClient, frequency: str, expected: str) -> None:
    add(site, "VRU", frequency)
    assert expected in look(site)


def test_a_paused_alert_has_no_next_digest(site: WebClient) -> None:
    topic = add(site, "VRU")
    page = press(site, action="pause", topic=topic)
    assert "None while your alerts are paused." in page
    assert "Paused since 16 July 2026." in page
    assert ">Resume<" in page


@pytest.mark.slow
def test_an_alert_says_what_it_brings_and_when_it_was_sent(site: WebClient, now: datetime) -> None:
    old = make_question(1, words="The VRU.", meeting=Meeting("M", date(2020, 1, 1)))
    site.publish_questions(old)
    for number in range(2, 26):
        day = now.date() - timedelta(days=13 * number)
        site.publish_questions(
            make_question(number, words="The VRU.", meeting=Meeting("M", day)), guard_days=9999
        )
    add(site, "VRU")
    add(site, "trams", note="for Tuesday")
    assert "one question a year" not in look(site)  # nothing was matched with the archive yet
    site.publish_questions(make_question(40, words="Late VRU."))
    page = look(site)
    assert "About 2 questions a month." in page
    assert "Fewer than one question a year." in page
    assert "Your note: for Tuesday" in page


@pytest.mark.slow
def test_a_wrong_form_keeps_what_was_typed_and_says_what_to_type(site: WebClient) -> None:
    topic = add(site, "VRU")
    add(site, "trees")
    typed = {"frequency": "weekly", "updates": "answered", "detail": "titles", "note": "my note"}
    page = press(site, action="save", topic=topic, query="VRU NOT (trees", **typed)
    assert "<title>Error: Your alerts – Watchword</title>" in page
    assert f'href="#query{topic}"' in page  # the summary leads to the field
    assert 'value="VRU NOT (trees" aria-invalid="true"' in page
    assert f'aria-describedby="query{topic}-error"' in page
    assert f'id="query{topic}-error"' in page
    assert "Your alert has not changed." in page
    assert '<details class="edit" open>' in page
    for kept in ("weekly", "answered", "titles"):
        assert f'<option value="{kept}" selected>' in page
    assert 'value="my note"' in page
    page = look(site)
    assert "VRU NOT (trees" not in page
    assert "Error:" not in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "Enter a topic"),
        ("trees", "You already have an alert for this topic"),
        ("visit evil.example today", "a web address"),
        ("call 020 7983 4000", "a telephone number"),
    ],
)
def test_queries_that_are_refused(site: WebClient, query: str, expected: str) -> None:
    topic = add(site, "VRU")
    add(site, "trees")
    typed = {"frequency": "daily", "updates": "all", "detail": "full", "query": query}
    assert expected in press(site, action="save", topic=topic, **typed)
    assert "Changed in the last day" not in look(site)


def test_a_long_note_is_refused_and_kept(site: WebClient) -> None:
    topic = add(site, "VRU")
    typed = {"frequency": "daily", "updates": "all", "detail": "full", "note": "x" * 201}
    page = press(site, action="save", topic=topic, **typed)
    assert "Shorten the note to 200 characters." in page
    assert "x" * 201 in page


@pytest.mark.slow
def test_many_alerts_fit_on_a_page_and_each_can_be_edited(site: WebClient) -> None:
    found = [add(site, f"benches{number}") for number in range(50)]
    page = look(site)
    assert page.count('name="query"') == 0
    page = look(site, f"{path_of(site)}?edit={found[7]}")
    assert page.count('name="query"') == 1
    assert 'value="benches7"' in page
    for wrong in ("x", "99999999999999", "-1"):
        assert look(site, f"{path_of(site)}?edit={wrong}").count('name="query"') == 0


@pytest.mark.slow
def test_ending_is_asked_for_on_a_page_of_its_own(site: WebClient) -> None:
    topic = add(site, "VRU")
    before = site.read_all_rows()
    page = look(site, f"{path_of(site)}/unsubscribe/{topic}")
    assert "Unsubscribe from <mark>VRU</mark>?" in page
    assert "Keep it" in page
    assert "Your alerts" in look(site, f"{path_of(site)}/unsubscribe/999")
    page = look(site, f"{path_of(site)}/delete")
    assert "This cannot be undone" in page
    assert site.read_all_rows() == before
    assert "weekly" in press(site, action="weekly", topic=topic)
    assert "Paused until" in press(site, action="pause-month", topic=topic)


def test_a_followed_question_says_whether_it_is_answered(site: WebClient) -> None:
    site.publish_questions(make_question(1, words="Waiting.", title="Park benches"))
    request = SubscriptionRequest(
        "x", Frequency.DAILY, "all", "page", question_id="london:/questions/1"
    )
    with site.ledger.writing() as connection:
        subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, site.now)
    page = look(site)
    assert "Until it is answered" in page
    assert ">Unanswered<" in page
    assert "Stop following" in page
    site.now += timedelta(days=40)
    assert "Unanswered for 40 days" in look(site)


def test_an_expired_link_says_what_to_do(site: WebClient) -> None:
    add(site, "VRU")
    path = path_of(site)
    site.now += timedelta(days=61)
    for page in (path, f"{path}/delete", f"{path}/preview", f"{path}/unsubscribe/1"):
        status, text = site.request_text("GET", page)
        assert status == 410
        assert "Email me a new link" in text
        assert f'action="{path}"' in text

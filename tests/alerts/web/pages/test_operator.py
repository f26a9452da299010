"""The operator's page: access, and what its buttons do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import html5lib
import msgspec
import pytest

from alerts.ledger import Ledger, changes, held_changes, pauses
from alerts.model import Alarm
from alerts.operator import ServiceStatus, SourceStatus
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.secret import Secret
from crawler.records import Disagreement
from tests.support.samples import make_question
from tests.support.web_client import FORM_CONTENT_TYPE, OPERATOR_PASSWORD, WebClient, run_web_client


def signed_in(pages: WebClient) -> str:
    body = urlencode({"action": "sign-in", "password": OPERATOR_PASSWORD})
    status, headers, _ = pages.request("POST", "/operator", body.encode(), FORM_CONTENT_TYPE)
    assert (status, headers["Location"]) == (303, "/operator")
    cookie = headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/operator"} <= set(cookie.split("; "))
    return cookie.partition(";")[0]


def shown(pages: WebClient, cookie: str, path: str = "/operator") -> str:
    status, html = pages.request_text("GET", path, headers={"Cookie": cookie})
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(html)
    return html


def press(pages: WebClient, cookie: str, path: str = "/operator", **fields: str) -> str:
    """What the browser shows after a button: it follows the redirect, with its new cookie."""
    csrf = csrf_of(pages, cookie)
    body = urlencode({"csrf": csrf} | fields).encode()
    status, headers, html = pages.request(
        "POST", path, body, FORM_CONTENT_TYPE, headers={"Cookie": cookie}
    )
    if status == 200:  # it asks first
        return html.decode()
    assert status == 303
    message = headers["Set-Cookie"].partition(";")[0]
    both = {"Cookie": f"{cookie}; {message}"}
    status, headers, html = pages.request("GET", headers["Location"], headers=both)
    assert status == 200
    assert "Max-Age=0" in headers["Set-Cookie"]  # a reload shows the page without the message
    html5lib.HTMLParser(strict=True).parse(html)
    return html.decode()


def status_at(now: datetime) -> ServiceStatus:
    alarm = Alarm(1, "london", "awaiting_approval", "reason <b>", now, None, None, None)
    source = SourceStatus(
        source="london",
        site_name="www.london.gov.uk",
        last_good=now,
        hours_since_good=0.0,
        verdict="ok",
        reason="read 3",
        backoff_until=None,
        fill_rates={},
        agreement=None,
        questions={"unanswered": 2},
        refused_pages=0,
        held=(),
        alarms=(alarm,),
        are_subscribers_notified=False,
    )
    return ServiceStatus(now=now, sources=(source,), messages={"sent": 3})


@pytest.fixture
def watched(ledger: Ledger, now: datetime, tmp_path: Path) -> object:
    with run_web_client(
        ledger, now, tmp_path / "feeds", read_status=lambda: status_at(now)
    ) as pages:
        yield pages


def test_without_a_password_there_are_no_operator_pages(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    with run_web_client(ledger, now, tmp_path, operator_password=None) as pages:
        assert pages.request_text("GET", "/operator")[0] == 404
        body = urlencode({"action": "sign-in", "password": ""})
        assert pages.request_text("POST", "/operator", body, FORM_CONTENT_TYPE)[0] == 404


def test_without_signing_in_nothing_is_shown_or_done(site: WebClient) -> None:
    assert "Operator password" in site.request_text("GET", "/operator")[1]
    for password in ("", "wrong", OPERATOR_PASSWORD[:-1], OPERATOR_PASSWORD + "x"):
        body = urlencode({"action": "sign-in", "password": password})
        status, html = site.request_text("POST", "/operator", body, FORM_CONTENT_TYPE)
        assert (status, "The password is wrong." in html) == (403, True)
    forged = [f"operator={cookie}" for cookie in ("", "x", "operator.aaa.bbb")]
    for cookie in forged:
        assert (
            "Operator password"
            in site.request_text("GET", "/operator", headers={"Cookie": cookie})[1]
        )
        body = urlencode({"action": "crawl", "source": "london"})
        assert (
            site.request_text(
                "POST", "/operator", body, FORM_CONTENT_TYPE, headers={"Cookie": cookie}
            )[0]
            == 403
        )
    cookie = signed_in(site)
    before = site.read_all_rows()
    for csrf in ("", "x"):  # a form of somebody else's page
        body = urlencode({"action": "crawl", "source": "london", "csrf": csrf})
        assert (
            site.request_text(
                "POST", "/operator", body, FORM_CONTENT_TYPE, headers={"Cookie": cookie}
            )[0]
            == 403
        )
    assert site.started_crawls == []
    assert site.read_all_rows() == before
    site.now += timedelta(hours=13)
    assert (
        "Operator password" in site.request_text("GET", "/operator", headers={"Cookie": cookie})[1]
    )


@pytest.mark.slow
def test_wrong_passwords_are_limited(site: WebClient) -> None:
    body = urlencode({"action": "sign-in", "password": "wrong"})
    statuses = [
        site.request_text("POST", "/operator", body, FORM_CONTENT_TYPE)[0] for _ in range(62)
    ]
    assert statuses == [403] * 60 + [429] * 2


@pytest.mark.slow
def test_held_changes_and_suspect_pages_are_shown_and_approved(watched: WebClient) -> None:
    with watched.ledger.writing() as connection:
        rules = RecordingRules(hold=True)
        found = [QuestionReading(make_question(n, title=f"On <i> {n}")) for n in (1, 2)]
        record_readings(connection, found, watched.now, rules)
        held_changes.hold_for_approval(connection, "london", "flood")
        doubt = (Disagreement("title", "One", "Two's"), "no answer was found")
        suspect = msgspec.structs.replace(make_question(3), suspect=doubt)
        record_readings(
            connection, [QuestionReading(suspect)], watched.now, RecordingRules(as_new=True)
        )
    cookie = signed_in(watched)
    html = shown(watched, cookie)
    assert "reason &lt;b&gt;" in shown(watched, cookie, "/operator/crawls")
    assert "2 × New question" in html
    assert "More changes at once than one crawl should bring" in html
    html = shown(watched, cookie, "/operator/changes")
    assert re.search(r"title</th><td>One</td><td>Two&#39;s</td>", html)
    assert "no answer was found" in html
    assert "Crawling london now." in press(watched, cookie, action="crawl", source="london")
    assert watched.started_crawls == ["london"]
    assert "no such source" in press(watched, cookie, action="crawl", source="paris")
    said = press(watched, cookie, action="approve", source="london", reason="flood")
    assert "2 changes are published and subscribers are notified." in said
    with watched.ledger.reading() as connection:
        assert changes.get_newest_seq(connection) >= 2
        assert held_changes.list_awaiting_approval(connection) == []


@pytest.mark.slow
def test_crawls_and_sending_are_paused_and_resumed(watched: WebClient) -> None:
    cookie = signed_in(watched)
    for label, what, source in (
        ("crawls of london", "crawls", {"source": "london"}),
        ("deliveries", "sending", {}),
    ):
        assert "paused." in press(watched, cookie, action=f"pause-{what}", **source)
        with watched.ledger.reading() as connection:
            assert [paused.label for paused in pauses.list_all(connection)] == [label]
        assert "resumed." in press(watched, cookie, action=f"resume-{what}", **source)
        with watched.ledger.reading() as connection:
            assert pauses.list_all(connection) == ()
    unknown = press(watched, cookie, action="pause-crawls", source="paris")
    assert "Nothing was done." in unknown
    assert "Nothing was done." in press(watched, cookie, action="explode")
    status, headers, _ = watched.request(
        "POST",
        "/operator",
        urlencode({"action": "sign-out", "csrf": csrf_of(watched, cookie)}).encode(),
        FORM_CONTENT_TYPE,
        headers={"Cookie": cookie},
    )
    assert status == 303
    assert 'operator=""' in headers["Set-Cookie"]


def csrf_of(pages: WebClient, cookie: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', shown(pages, cookie))
    assert found is not None
    return unescape(found[1])


def test_a_new_password_ends_all_sessions(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    with run_web_client(ledger, now, tmp_path) as pages:
        cookie = signed_in(pages)
        assert "Sign out" in shown(pages, cookie)
    with run_web_client(
        ledger, now, tmp_path, operator_password=Secret("another long token")
    ) as pages:
        assert "Sign out" not in shown(pages, cookie)

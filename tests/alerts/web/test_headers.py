"""Security headers of every route, found from the application and not from a list of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email.message import Message
from enum import Enum
from pathlib import Path

import pytest

from alerts.ledger import Ledger
from tests.support.marked_site import MarkedSite, run_marked_site
from tests.support.site_map import list_routes
from tests.support.web_client import FORM_CONTENT_TYPE


class Audience(Enum):
    """Whom a page is for, which decides its headers."""

    EVERYBODY = "everybody"
    ONE_PERSON = "one person"  #: it must be kept by no cache, and be in no search engine
    NO_SEARCH_ENGINE = "no search engine"  #: public, but not for search engines


_EVERYBODY = Audience.EVERYBODY
_ONE_PERSON = Audience.ONE_PERSON
#: By the pattern of the route: whom it is for, and an address of it that is found. A new route
#: needs a line here.
ROUTES: dict[str, tuple[Audience, str]] = {
    "/": (_EVERYBODY, "/"),
    "/about": (_EVERYBODY, "/about"),
    "/accessibility": (_EVERYBODY, "/accessibility"),
    "/akoma-ntoso/{id:path}": (_EVERYBODY, "/akoma-ntoso/london:/questions/1"),
    "/api": (_EVERYBODY, "/api"),
    "/api/openapi.json": (_EVERYBODY, "/api/openapi.json"),
    "/api/v1/changes": (_EVERYBODY, "/api/v1/changes"),
    "/api/v1/export.csv": (_EVERYBODY, "/api/v1/export.csv"),
    "/api/v1/export.jsonl": (_EVERYBODY, "/api/v1/export.jsonl"),
    "/api/v1/questions": (_EVERYBODY, "/api/v1/questions?q=benches"),
    "/api/v1/questions/{id:path}": (_EVERYBODY, "/api/v1/questions/london:/questions/1"),
    "/api/v1/topics": (_EVERYBODY, "/api/v1/topics"),
    "/api/v1/topics/{slug}": (_EVERYBODY, "/api/v1/topics/benches"),
    "/api/{rest:path}": (_EVERYBODY, "/api/none"),
    "/bodies": (_EVERYBODY, "/bodies"),
    "/bodies/{body}": (_EVERYBODY, "/bodies/the-mayor"),
    "/c/{token}": (_ONE_PERSON, ""),
    "/capture/{id:path}": (Audience.NO_SEARCH_ENGINE, "/capture/london:/questions/1"),
    "/charts/{file:path}": (_EVERYBODY, "/charts/search.svg?q=benches"),
    "/compare": (_EVERYBODY, "/compare?q=benches&vs=trams"),
    "/cite/{id:path}": (_EVERYBODY, "/cite/london:/questions/1"),
    "/completeness/{source}": (_EVERYBODY, "/completeness/london"),
    "/d/{token}": (_ONE_PERSON, ""),
    "/favicon.ico": (_EVERYBODY, "/favicon.ico"),
    "/feeds": (_EVERYBODY, "/feeds/everything.atom.xml"),
    "/feeds/{name:path}": (_EVERYBODY, "/feeds/everything"),
    "/healthz": (_EVERYBODY, "/healthz"),
    "/help": (_EVERYBODY, "/help"),
    "/livez": (_EVERYBODY, "/livez"),
    "/self-check": (_ONE_PERSON, "/self-check"),
    "/m/{link}": (_ONE_PERSON, ""),
    "/m/{link}/delete": (_ONE_PERSON, ""),
    "/m/{link}/preview": (_ONE_PERSON, ""),
    "/m/{link}/unsubscribe/{topic:int}": (_ONE_PERSON, ""),
    "/m/{link}/data.json": (_ONE_PERSON, ""),
    "/m/{link}/topics.opml": (_ONE_PERSON, ""),
    "/member/{member}": (_EVERYBODY, "/member/ada-brook"),
    "/members": (_EVERYBODY, "/members"),
    "/metrics": (_ONE_PERSON, "/metrics"),
    "/n/{token}": (_ONE_PERSON, ""),
    "/operator": (_ONE_PERSON, "/operator"),
    "/operator/actions": (_ONE_PERSON, "/operator/actions"),
    "/operator/changes": (_ONE_PERSON, "/operator/changes"),
    "/operator/crawls": (_ONE_PERSON, "/operator/crawls"),
    "/operator/messages": (_ONE_PERSON, "/operator/messages"),
    "/operator/settings": (_ONE_PERSON, "/operator/settings"),
    "/operator/status.json": (_ONE_PERSON, "/operator/status.json"),
    "/operator/subscribers": (_ONE_PERSON, "/operator/subscribers"),
    "/operator/subscribers/{id:int}": (_ONE_PERSON, "/operator/subscribers/1"),
    "/operator/topics": (_ONE_PERSON, "/operator/topics"),
    "/overdue": (_EVERYBODY, "/overdue"),
    "/pictures/{file:path}": (_EVERYBODY, "/pictures/search.png?q=benches"),
    "/privacy": (_EVERYBODY, "/privacy"),
    "/q/{reference}": (_EVERYBODY, "/q/2026-0001"),
    "/q/{source}/{reference}": (_EVERYBODY, "/q/london/2026-0001"),
    "/question/{id:path}": (_EVERYBODY, "/question/london:/questions/1"),
    "/readyz": (_EVERYBODY, "/readyz"),
    "/robots.txt": (_EVERYBODY, "/robots.txt"),
    "/search": (Audience.NO_SEARCH_ENGINE, "/search?q=benches"),
    "/sign-up": (_ONE_PERSON, "/sign-up"),
    "/sitemap-pages.xml": (_EVERYBODY, "/sitemap-pages.xml"),
    "/sitemap-questions-{number:int}.xml": (_EVERYBODY, "/sitemap-questions-1.xml"),
    "/sitemap.xml": (_EVERYBODY, "/sitemap.xml"),
    "/status": (_EVERYBODY, "/status"),
    "/status.json": (_EVERYBODY, "/status.json"),
    "/suggestions": (_EVERYBODY, "/suggestions?q=be"),
    "/topic/{slug}": (_EVERYBODY, "/topic/benches"),
    "/topics": (_EVERYBODY, "/topics"),
    "/u/{token}": (_ONE_PERSON, ""),
    "/u/{token}/{alert:int}": (_ONE_PERSON, ""),
    "/unanswered": (_EVERYBODY, "/unanswered"),
    "/versions/{id:path}": (_EVERYBODY, "/versions/london:/questions/1"),
    "/your-alerts": (_ONE_PERSON, "/your-alerts"),
}
#: Answer 503 where something is wrong, as in this ledger.
_HEALTH = ("/healthz", "/readyz", "/status", "/status.json")
_TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def marked(ledger: Ledger, now: datetime, tmp_path: Path) -> Iterator[MarkedSite]:
    with run_marked_site(ledger, now, tmp_path / "feeds") as site:
        yield site


def list_requests(site: MarkedSite) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Each route's method and pattern, with an address and headers; found, and not found."""
    for method, pattern in list_routes(site.app):
        if pattern.startswith("/static/"):
            yield method, pattern, pattern, {}
            continue
        path = site.private_paths.get(pattern) or ROUTES[pattern][1]
        yield method, pattern, path, {}
        if pattern.startswith("/operator"):
            yield method, pattern, path, {"Cookie": site.session}
        if "{" in pattern:
            yield method, pattern, re.sub(r"\{.*?\}", "wrong", pattern), {}


def check_policies(headers: Message) -> None:
    """Check what every answer has."""
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"]
    assert headers["Server"] is None
    assert headers["X-Powered-By"] is None
    assert headers["Access-Control-Allow-Credentials"] is None
    if headers.get_content_type() == "text/html":
        assert "unsafe" not in policy
        assert "form-action 'self'" in policy
        assert "base-uri 'none'" in policy


def check_cookies(headers: Message, *, is_tls: bool) -> None:
    """Check the cookies of an answer, which no cache may share."""
    for cookie in headers.get_all("Set-Cookie", []):
        assert headers["Cache-Control"] == "no-store"
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict"} <= attributes, cookie
        assert "domain" not in cookie.lower()
        assert ("secure" in attributes) == is_tls, cookie
        assert cookie.startswith(("__Host-", "__Secure-")) == is_tls, cookie


def check_audience(audience: Audience, path: str, headers: Message) -> None:
    """Check that personal pages are in no cache and no search engine."""
    if audience is _ONE_PERSON:
        assert headers["Cache-Control"] == "no-store", path
        assert headers["ETag"] is None, path
    assert (headers["X-Robots-Tag"] == "noindex") == (audience is not _EVERYBODY), path


@pytest.mark.slow
def test_each_route_is_known_here(marked: MarkedSite) -> None:
    found = {pattern for _, pattern in list_routes(marked.app)}
    assert {pattern for pattern in found if not pattern.startswith("/static/")} == set(ROUTES)


@pytest.mark.slow
def test_each_answer_of_each_route_has_the_headers_of_its_audience(marked: MarkedSite) -> None:
    for method, pattern, path, more in list_requests(marked):
        kind = FORM_CONTENT_TYPE if method == "POST" else ""
        audience = ROUTES.get(pattern, (_EVERYBODY, ""))[0]
        for is_tls in (False, True):
            sent = more | (_TLS if is_tls else {})
            status, headers, _ = marked.pages.request(method, path, b"", kind, sent)
            assert status < 500 or path in _HEALTH, path
            check_policies(headers)
            check_cookies(headers, is_tls=is_tls)
            if status != 405:
                check_audience(audience, path, headers)
            hsts = headers["Strict-Transport-Security"]
            assert hsts == ("max-age=31536000" if is_tls else None), path


@pytest.mark.slow
def test_pages_hold_no_script_or_style_of_their_own(marked: MarkedSite) -> None:
    for method, _, path, more in list_requests(marked):
        status, headers, body = marked.pages.request(method, path, headers=more)
        if headers.get_content_type() == "text/html" and status == 200:
            assert not re.search(rb"<style|\sstyle=|\son\w+=|javascript:", body), path
    digest = marked.pages.request_text("GET", marked.private_paths["/d/{token}"])[1]
    assert '<a href="/question/london:/questions/1">Question 1</a>' in digest


@pytest.mark.slow
def test_a_refused_request_has_the_headers_too(marked: MarkedSite) -> None:
    pages = marked.pages
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answers = [
        pages.request("POST", "/sign-up", b"", FORM_CONTENT_TYPE, foreign),
        pages.request("POST", "/sign-up", b"x" * 30_000, FORM_CONTENT_TYPE),
        pages.request("PUT", "/"),
        pages.request("POST", "/feeds/everything.atom.xml"),
        pages.request("GET", "/nowhere"),
    ]
    assert [status for status, _, _ in answers] == [403, 413, 405, 405, 404]
    for _, headers, _ in answers:
        check_policies(headers)
        assert headers["Set-Cookie"] is None

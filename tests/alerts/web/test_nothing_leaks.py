"""A crawl of all that strangers can ask for finds nothing private.

The ledger is full of private topics, subscribers and secrets made of marked words. The crawl
follows every link of every answer from the home page on, and asks for each route that the
application has, with the ids that a stranger can know or guess, also with wrong tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.message import Message
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest

from alerts.feeds import MEDIA_TYPES
from alerts.ledger import Ledger
from tests.support.marked_site import MARK, PUBLIC_MARK, READER, MarkedSite, run_marked_site
from tests.support.site_map import list_routes
from tests.support.web_client import FORM_CONTENT_TYPE, MAIL_IDENTITY

#: Links in pages, feeds and JSON.
_LINK = re.compile(r"""(?:href|src|action|url|_url|_page|feed|id)["']?\s*[=:]\s*["']([^"'<>\s]+)""")
_URL = re.compile(r"https://watch\.example(/[^\s\"'<>)\\]*)")
#: A crawl that finds more has met a trap: pages that link to ever new pages.
_MAX_PAGES = 1500
#: What stands for the parameters of routes: public ids, and guesses.
_GUESSES = ("london", "london:/questions/1", "london:/questions/9", "ada-brook", "wrong", "1")
_OPERATOR_GUESSES = ("watchword-operator=wrong", "watchword=wrong", "session=wrong")


@pytest.fixture
def marked(ledger: Ledger, now: datetime, tmp_path: Path) -> Iterator[MarkedSite]:
    with run_marked_site(ledger, now, tmp_path / "feeds") as site:
        yield site


def list_seeds(site: MarkedSite) -> Iterator[str]:
    """Yield the addresses to begin with: each route with what a stranger may put into it."""
    for method, pattern in list_routes(site.app):
        if method == "GET":
            for guess in _GUESSES if "{" in pattern else ("",):
                yield re.sub(r"\{.*?\}", guess, pattern) or "/"
    for extension in MEDIA_TYPES:
        for name in ("everything", "benches", "queries/feed", "members/ada-brook", "private/wrong"):
            yield f"/feeds/{name}.{extension}"
        for query in ("benches", "trams", "mutual", "aid", "zz*"):
            yield f"/feeds/queries/feed.{extension}?q={quote(query)}"
        # A stranger may guess what an address is made of.
        yield from (f"/feeds/{slug}.{extension}" for slug in site.slugs)
    for query in ("benches", "trams", "mutual", "zz", "zzmar", "zzmarkk", "reader"):
        yield from (
            f"/search?q={query}",
            f"/api/v1/questions?q={query}",
            f"/api/v1/topics?q={query}",
        )
    for slug in site.slugs:
        yield from (f"/topic/{slug}", f"/api/v1/topics/{slug}", f"/api/v1/changes?topic={slug}")
    for path in (*site.private_paths.values(), *site.private_feeds):
        yield from list_wrong_links(path)


def list_wrong_links(path: str) -> Iterator[str]:
    """Yield addresses that are almost a private one: with another token, the longest part."""
    name = max(path.split("/"), key=len)
    token, dot, extension = name.partition(".")
    for wrong in (token[:-1], token[1:], f"{token}x", token.swapcase(), token[::-1]):
        yield path.replace(name, f"{wrong}{dot}{extension}")


def crawl(site: MarkedSite) -> dict[str, tuple[int, str]]:
    """Ask for everything that can be found; return status and visible text by address."""
    waiting, found = list(list_seeds(site)), dict[str, tuple[int, str]]()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        assert len(found) < _MAX_PAGES
        # Each from a network of its own, so that no limit of one network cuts the crawl short.
        network = {"X-Forwarded-For": f"100.{64 + len(found) // 256}.{len(found) % 256}.9"}
        address = quote(path, safe="/:?=&%*.,~+@!$;()'-")
        status, headers, body = site.pages.request("GET", address, headers=network)
        found[path] = status, show_answer(headers, body)
        waiting += list_links(path, headers, body)
    return found


def list_links(path: str, headers: Message, body: bytes) -> list[str]:
    """Return the addresses on this site that an answer names."""
    text = unescape(body.decode(errors="replace"))
    named = [*_LINK.findall(text), *(f"{path}" for path in _URL.findall(text))]
    named += [headers["Location"] or ""]
    absolute = (urlsplit(urljoin(f"https://watch.example{path}", one)) for one in named if one)
    return [
        f"{url.path}{'?' * bool(url.query)}{url.query}"
        for url in absolute
        if url.netloc == "watch.example" and url.scheme == "https"
    ]


def show_answer(headers: Message, body: bytes) -> str:
    """Return all of an answer, in every form in which its words could be read."""
    text = body.decode(errors="replace")
    sent = "\n".join(f"{name}: {value}" for name, value in headers.items())
    return "\n".join((sent, text, unescape(text), unquote(text), unquote(sent)))


def find_leaks(site: MarkedSite, path: str, answer: str) -> list[str]:
    """Return what is private in an answer and was not in the question."""
    asked = unquote(path).lower()
    shown = answer.lower()
    words = {MARK} if MARK not in asked else set()
    # What was asked for may come back; nothing else may come with it.
    private = words | {one.lower() for one in site.secrets if one.lower() not in asked}
    return [one for one in private if one in shown]


@pytest.mark.slow
def test_no_answer_to_a_stranger_holds_anything_private(marked: MarkedSite) -> None:
    found = crawl(marked)
    leaks = {path: find_leaks(marked, path, text) for path, (_, text) in found.items()}
    assert {path: leak for path, leak in leaks.items() if leak} == {}
    failed = [path for path, (status, _) in found.items() if status >= 500 or status == 429]
    assert set(failed) <= {"/healthz", "/readyz", "/status", "/status.json"}  # there are alarms
    answered = [path for path, (status, _) in found.items() if status == 200]
    assert sum(PUBLIC_MARK in found[path][1] for path in answered) > 20
    assert [pattern for pattern in list_get_routes(marked) if not was_asked(pattern, found)] == []


def list_get_routes(site: MarkedSite) -> list[str]:
    """Return the patterns of the routes that a crawl can ask for."""
    return [pattern for method, pattern in list_routes(site.app) if method == "GET"]


def was_asked(pattern: str, paths: Iterable[str]) -> bool:
    """Return whether one of some addresses is of a route."""
    expected = re.compile(re.sub(r"\\\{.*?\\\}", ".+", re.escape(pattern)) + r"([/?].*)?")
    return any(expected.fullmatch(path) for path in paths)


@pytest.mark.slow
def test_no_answer_to_a_form_of_a_stranger_holds_anything_private(marked: MarkedSite) -> None:
    paths = {re.sub(r"\{.*?\}", "wrong", p) for m, p in list_routes(marked.app) if m == "POST"}
    for path in sorted(paths):
        for cookie in _OPERATOR_GUESSES:
            body = b"action=retry&password=wrong&q=trams&email=nobody@demo.example&csrf=wrong"
            sent = {"Cookie": cookie}
            _, headers, answer = marked.pages.request("POST", path, body, FORM_CONTENT_TYPE, sent)
            assert find_leaks(marked, path, show_answer(headers, answer)) == [], path
    for page, path in (("/search?q=trams", "/sign-up"), ("/your-alerts", "/your-alerts")):
        for email in (READER.replace(MARK, "zzmar"), "nobody@demo.example"):
            _, html = marked.pages.submit_form(page, path, q="trams", email=email)
            assert find_leaks(marked, path, html) == [], path


@pytest.mark.slow
def test_no_feed_file_holds_anything_private(marked: MarkedSite) -> None:
    files = [path for path in marked.pages.folder.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for file in files:
        text = file.read_text(errors="replace")
        assert find_leaks(marked, "", f"{file.name}\n{text}\n{unescape(text)}") == [], file.name


@pytest.mark.slow
def test_the_crawl_would_find_a_mark(marked: MarkedSite) -> None:
    path = marked.private_paths["/m/{link}"]
    _, headers, body = marked.pages.request("GET", path)
    assert MARK in find_leaks(marked, "/m/", show_answer(headers, body))
    assert MAIL_IDENTITY.public_url == "https://watch.example"

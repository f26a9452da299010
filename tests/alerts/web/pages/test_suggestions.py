"""What the search box suggests, over real HTTP."""

from __future__ import annotations

import re
from html import unescape

import pytest

from alerts.ledger import topics
from alerts.queries import format_canonical, parse_query
from tests.alerts.web.pages.test_home import filled, sign_up
from tests.support.web_client import WebClient


def suggest(site: WebClient, typed: str) -> list[str]:
    status, html = site.request_text("GET", f"/suggestions?q={typed}")
    assert status == 200
    return [unescape(one) for one in re.findall(r'<option value="([^"]*)">', html)]


def test_members_and_acronyms_are_suggested(site: WebClient) -> None:
    filled(site)
    assert suggest(site, "ada+br") == ['"Ada Brook"']
    assert suggest(site, "vru") == ["VRU", '"Violence Reduction Unit"']
    assert suggest(site, "v") == []


def test_a_spelling_is_suggested_where_nothing_begins_so(site: WebClient) -> None:
    filled(site)
    assert suggest(site, "viollence") == ["violence"]
    assert suggest(site, "(knife") == []


@pytest.mark.slow
def test_a_private_topic_is_never_suggested(site: WebClient) -> None:
    filled(site)
    assert sign_up(site, "ada@demo.example", "quiet hours")[0] == 200
    with site.ledger.writing() as connection:
        typed = "quiet hours of rest"
        topics.ensure(connection, format_canonical(parse_query(typed)), typed, site.now)
    assert suggest(site, "quiet") == []


@pytest.mark.parametrize("typed", ["%00", "%F0%9F%9A%B2", "a" * 5000, '""""', "%25", "%27"])
def test_whatever_is_typed_is_answered(site: WebClient, typed: str) -> None:
    filled(site)
    assert site.request("GET", f"/suggestions?q={typed}")[0] == 200

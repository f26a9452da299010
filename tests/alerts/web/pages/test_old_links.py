"""Which links in emails work after leaving, coming back, and making them invalid."""

from __future__ import annotations

import quopri
import re
from html import unescape
from urllib.parse import urlencode

import pytest

from alerts.ledger import subscriptions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency, Subscriber
from alerts.subscribers import subscribe, unsubscribe
from tests.support.web_client import (
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    WebClient,
)

ADA = "ada@demo.example"


def join(site: WebClient, query: str = "benches") -> Subscriber:
    with site.ledger.writing() as connection:
        request = SubscriptionRequest(query, Frequency.DAILY, "all", "page")
        subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, site.now)
        found = subscriptions.find_subscriber_by_email(connection, ADA)
    assert found is not None
    return found


def leave(site: WebClient) -> None:
    with site.ledger.writing() as connection:
        unsubscribe(connection, ADA, None, site.now)


def find_links(site: WebClient, person: Subscriber) -> tuple[str, str]:
    """The paths of the links that an email of now has: to the alerts, and to unsubscribe."""
    links = MAIL_IDENTITY.build_links(person.token, site.now, None, person.link_subject)
    assert links.manage
    assert links.unsubscribe
    site_url = MAIL_IDENTITY.public_url or ""
    return links.manage.removeprefix(site_url), links.unsubscribe.removeprefix(site_url)


def get(site: WebClient, path: str) -> int:
    return site.request_text("GET", path)[0]


@pytest.mark.slow
def test_a_link_from_before_leaving_does_not_manage_after_coming_back(site: WebClient) -> None:
    before = find_links(site, join(site))
    leave(site)
    assert get(site, before[0]) == 200  # to download or delete what is still kept
    for query in ("trees", "benches"):  # another topic, and the same one
        after = find_links(site, join(site, query))
        assert get(site, before[0]) == 404
        assert get(site, before[0] + "/data.json") == 404
        assert get(site, after[0]) == 200
        assert get(site, before[1]) == get(site, after[1]) == 200  # everybody may leave
        before = after
        leave(site)


def test_one_more_alert_leaves_links_as_they_are(site: WebClient) -> None:
    before = find_links(site, join(site))
    join(site, "trees")
    join(site, "benches")
    assert get(site, before[0]) == 200


def test_a_generation_cannot_be_chosen(site: WebClient) -> None:
    person = join(site)
    for forged in (f"{person.token}~1", f"{person.token}~0", f"{person.token}~", "~1"):
        path = MAIL_IDENTITY.build_manage_link(forged, site.now)
        assert get(site, path.removeprefix(MAIL_IDENTITY.public_url or "")) == 404


def test_old_links_can_be_made_invalid(site: WebClient) -> None:
    manage, leave_link = find_links(site, join(site))
    _, html = site.request_text("GET", manage)
    csrf = re.search(r'name="csrf" value="([^"]+)"', html)
    assert csrf is not None
    body = urlencode({"csrf": unescape(csrf[1]), "action": "renew-links"})
    status, html = site.request_text("POST", manage, body, FORM_CONTENT_TYPE)
    assert status == 200
    assert "Old links are invalid" in html
    assert "/m/" not in html  # whoever pressed the button may be somebody else
    assert get(site, manage) == get(site, leave_link) == 404
    [email] = site.read_messages()
    email = quopri.decodestring(email).decode()
    found = re.search(r"https://watch\.example(/m/\S+)", email)
    assert found is not None
    assert get(site, found[1]) == 200


def test_a_forwarded_email_does_not_show_the_address(site: WebClient) -> None:
    path = find_links(site, join(site))[1]
    for method in ("GET", "POST"):
        status, html = site.request_text(method, path)
        assert status == 200
        assert "ada" not in html
        assert "a...@demo.example" in html

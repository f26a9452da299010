"""The pages of one's own alerts in a real browser: accessible, by keyboard, on any screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from alerts.ledger import subscriptions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency, Subscriber
from alerts.subscribers import subscribe
from tests.alerts.web.test_browser import CHROMIUM, DESKTOP, PHONE, browser
from tests.support.samples import make_answer, make_question
from tests.support.web_client import MAIL_IDENTITY, SUBSCRIBER_DEFAULTS, WebClient

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)
__all__ = ["browser"]
ADA = "ada@demo.example"


@pytest.fixture
def filled(site: WebClient) -> WebClient:
    """A site with a subscriber of three alerts, one of them paused."""
    site.url = site.url.replace("127.0.0.1", "localhost")
    site.publish_questions(*(make_question(n, words="The VRU.") for n in range(1, 5)))
    with site.ledger.writing() as connection:
        for query in ("VRU", "trees NOT apples", '"a phrase of several words"'):
            request = SubscriptionRequest(query, Frequency.DAILY, "all", "page", note="mine")
            subscribe(connection, ADA, request, SUBSCRIBER_DEFAULTS, site.now)
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        paused = subscriptions.list_active(connection, person.id)[0]
        subscriptions.pause(connection, person.id, paused.topic_id, site.now)
    site.publish_questions(make_question(9, make_answer("The VRU."), words="The VRU."))
    return site


def find_ada(site: WebClient) -> Subscriber:
    with site.ledger.reading() as connection:
        found = subscriptions.find_subscriber_by_email(connection, ADA)
    assert found is not None
    return found


def own_path(site: WebClient) -> str:
    link = MAIL_IDENTITY.build_manage_link(find_ada(site).link_subject, site.now)
    return link.removeprefix("https://watch.example")


def list_paths(site: WebClient) -> Iterator[str]:
    """Every page of somebody's alerts, and of their sign-up."""
    own, token = own_path(site), find_ada(site).token
    with site.ledger.reading() as connection:
        alert = subscriptions.list_active(connection)[-1]
    yield own
    yield from (f"{own}/{page}" for page in ("delete", "preview", f"unsubscribe/{alert.topic_id}"))
    yield from (f"/u/{token}", f"/u/{token}/{alert.id}", "/your-alerts")
    for query in ("trees", "VRU"):
        site.submit_form("/search?q=VRU", "/sign-up", q=query, email="bea@demo.example")
    found = [re.search(r"https://watch\.example(/[cn]/\S+)", one) for one in site.read_messages()]
    yield from (one[1] for one in found if one)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_axe_finds_nothing(
    browser: Browser, filled: WebClient, scheme: Literal["light", "dark"], size: dict[str, int]
) -> None:
    context = browser.new_context(base_url=filled.url, color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    page, found = context.new_page(), list[str]()
    page.on("console", lambda said: found.append(f"console: {said.text}"))
    for path in list_paths(filled):
        page.goto(path)
        page.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = true })")
        found += describe_violations(page, path)
    page.goto(own_path(filled))
    page.get_by_text("Edit").first.click()
    page.get_by_label("Search", exact=True).first.fill("(trees")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    found += describe_violations(page, "an error")
    assert found == []
    context.close()


def describe_violations(page: Page, path: str) -> list[str]:
    """Return what axe finds, and whether the page is wider than the window."""
    results = Axe().run(page)
    found = [
        f"{path}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}"
        for one in results.response["violations"]
    ]
    is_whole = page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    return found if is_whole else [*found, f"{path}: wider than the window"]


def test_by_keyboard_from_an_emails_link_to_undo(browser: Browser, filled: WebClient) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=filled.url)
    page = context.new_page()
    with filled.ledger.reading() as connection:
        alert = subscriptions.list_active(connection)[-1]
    page.goto(f"/u/{find_ada(filled).token}/{alert.id}")
    press_by_keyboard(page, "Unsubscribe")
    expect(page.get_by_role("heading", name="You’re unsubscribed")).to_be_visible()
    press_by_keyboard(page, "Undo")
    expect(page.get_by_role("heading", name="Undone")).to_be_visible()
    page.goto(own_path(filled))
    press_by_keyboard(page, "Edit")  # opens the form without a script
    expect(page.get_by_label("Search", exact=True).first).to_be_visible()
    context.close()


def press_by_keyboard(page: Page, name: str) -> None:
    """Go to what is called ``name`` with the tab key, and press it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        text = page.evaluate("() => document.activeElement.innerText || ''")
        if text.strip().startswith(name):
            page.keyboard.press("Enter")
            return
    pytest.fail(f"{name} is not reached by the keyboard")


def test_each_action_and_its_undo_without_a_script(browser: Browser, filled: WebClient) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=filled.url, viewport=PHONE)
    page = context.new_page()
    page.goto(own_path(filled))
    page.get_by_role("button", name="Pause VRU").click()
    expect(page.get_by_text("Alert paused.")).to_be_visible()
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("Everything is as it was.")).to_be_visible()
    page.get_by_role("link", name="Unsubscribe from VRU").click()
    expect(page.get_by_role("heading", name="Unsubscribe from VRU?")).to_be_visible()
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="2 alerts")).to_be_visible()
    filled.now += timedelta(hours=3)
    page.goto(own_path(filled))
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("heading", name="3 alerts")).to_be_visible()
    page.get_by_role("link", name="Preview").click()
    expect(page.get_by_role("heading", name="Preview of your next digest")).to_be_visible()
    context.close()

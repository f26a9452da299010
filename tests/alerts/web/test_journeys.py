"""Five people in a real browser, from what they came for to its end; each page is checked.

Each walks with and without scripts, at four widths, light and dark: no page may load anything from
elsewhere, write to the console, scroll sideways or weigh much, and axe finds nothing in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from typing import Literal, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import subscriptions
from alerts.subscribers import publish_topic
from tests.alerts.web.test_browser import CHROMIUM, PATHS, browser
from tests.support.samples import make_answer, make_question
from tests.support.web_client import MAIL_IDENTITY, OPERATOR_PASSWORD, TEMPLATES, WebClient

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
    ),
]
__all__ = ["browser"]
ADA = "ada@demo.example"
#: Bytes of a page's HTML, and of the style sheet, before they are compressed.
MAX_HTML, MAX_CSS = 60_000, 20_000
_NO_SIDEWAYS = "() => document.documentElement.scrollWidth <= window.innerWidth"
_IS_PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length"


class Screen(NamedTuple):
    """What a visitor looks at pages with."""

    has_script: bool
    width: int
    scheme: Literal["light", "dark"]


SCREENS = (
    Screen(has_script=True, width=1280, scheme="light"),
    Screen(has_script=False, width=320, scheme="dark"),
    Screen(has_script=True, width=375, scheme="dark"),
    Screen(has_script=False, width=1920, scheme="light"),
)


class Visitor:
    """A person with a browser, who reads each page that they come to."""

    def __init__(self, page: Page, site: WebClient, screen: Screen) -> None:
        self.page, self.site, self.screen = page, site, screen
        self.faults: list[str] = []
        page.on("console", lambda said: self.faults.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("response", self._weigh)
        page.on("request", lambda sent: self._refuse_elsewhere(sent.url))

    def _weigh(self, response: Response) -> None:
        kind = response.headers.get("content-type", "")
        if response.status >= 300 or not kind.startswith(("text/html", "text/css")):
            return
        limit = MAX_CSS if "css" in kind else MAX_HTML
        if (size := len(response.body())) > limit:
            self.faults.append(f"{response.url}: {size} bytes")

    def _refuse_elsewhere(self, url: str) -> None:
        if not url.startswith((self.site.url, "data:", "blob:")):
            self.faults.append(f"loaded {url}")

    def go(self, path: str, heading: str | re.Pattern[str]) -> None:
        """Open an address, and read its page."""
        self.page.goto(path)
        self.read(heading)

    def press(self, name: str | re.Pattern[str], heading: str | re.Pattern[str]) -> None:
        """Press the first button of a name, and read the page that comes."""
        self.page.get_by_role("button", name=name).first.click()
        self.read(heading)

    def follow(self, name: str | re.Pattern[str], heading: str | re.Pattern[str]) -> None:
        """Follow the first link of a name, and read its page."""
        self.page.locator("main").get_by_role("link", name=name).first.click()
        self.read(heading)

    def read(self, heading: str | re.Pattern[str]) -> None:
        """Wait for a page by its first heading, and look for its faults."""
        expect(self.page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        where = self.page.url.removeprefix(self.site.url)
        if not self.page.evaluate(_NO_SIDEWAYS):
            self.faults.append(f"{where}: scrolls sideways")
        if self.screen.has_script:
            results = Axe().run(self.page)
            self.faults += [
                f"{where}: {one['id']}: {one['nodes'][0]['html'][:120]}"
                for one in results.response["violations"]
            ]

    def read_mail(self, kind: str, recipient: str = ADA) -> str:
        """Return the newest link of a kind in the emails to somebody: ``/c/``."""
        read = (
            message_from_string(text, EmailMessage, policy=default)
            for text in self.site.read_messages()
        )
        bodies = (one.get_body(("plain",)) for one in read if one["To"] == recipient)
        pattern = rf"https://watch\.example({kind}\S+)"
        found = [
            link for body in bodies if body for link in re.findall(pattern, body.get_content())
        ]
        assert found, f"no link {kind}"
        return str(found[-1])

    def wait_for_digest(self, later: timedelta) -> None:
        """Let time pass, and the service send what is due."""
        self.site.now += later
        settings = DigestSettings(TEMPLATES, MAIL_IDENTITY)
        assert compose_due_digests(self.site.ledger, settings, self.site.now) >= 1

    def sign_up(self, query: str, frequency: str) -> None:
        """Search, ask for an alert, and confirm it by the link of the email."""
        self.go("/", re.compile("."))
        box = self.page.get_by_label("What topic do you want alerts for?")
        box.fill(query)
        box.press("Enter")
        self.read(re.compile("question"))
        self.page.get_by_label("Email address").first.fill(ADA)
        self.page.get_by_label("How often").first.select_option(frequency)
        self.press("Subscribe", "Check your email")
        self.go(self.read_mail("/c/"), "Confirm your alert")
        self.press("Confirm", re.compile("You’re subscribed"))


@contextmanager
def send_visitor(browser: Browser, site: WebClient, screen: Screen) -> Iterator[Visitor]:
    with browser.new_context(
        java_script_enabled=screen.has_script,
        viewport={"width": screen.width, "height": 900},
        color_scheme=screen.scheme,
        base_url=site.url,
        reduced_motion="reduce",
    ) as context:
        person = Visitor(context.new_page(), site, screen)
        yield person
    assert person.faults == []


def name_screen(screen: Screen) -> str:
    return f"{screen.width}-{screen.scheme}-{'script' if screen.has_script else 'plain'}"


@pytest.fixture(params=SCREENS, ids=name_screen)
def visitor(
    request: pytest.FixtureRequest, browser: Browser, archive: WebClient
) -> Iterator[Visitor]:
    with send_visitor(browser, archive, request.param) as person:
        yield person


@pytest.fixture
def archive(site: WebClient) -> WebClient:
    """Questions on two topics, of which one is published."""
    site.url = site.url.replace("127.0.0.1", "localhost")
    with site.ledger.writing() as connection:
        publish_topic(connection, "VRU", site.now)
    site.publish_questions(
        *(make_question(n, make_answer("Of the VRU."), words="The VRU?") for n in range(1, 9)),
        *(make_question(n, words="Benches, please?", title="Benches") for n in range(10, 14)),
    )
    return site


def test_a_journalist_searches_narrows_subscribes_and_reads_the_first_digest(
    visitor: Visitor,
) -> None:
    visitor.go("/search?q=VRU+OR+benches", re.compile("12 questions"))
    if visitor.screen.width < 1000:
        visitor.page.locator("summary", has_text="Filter").first.click()
    visitor.follow(re.compile("^Unanswered"), re.compile("4 questions"))
    assert "status%3Aunanswered" in visitor.page.url
    visitor.sign_up("VRU", "immediate")
    visitor.site.publish_questions(make_question(30, words="News of the VRU.", title="News"))
    visitor.wait_for_digest(timedelta(minutes=10))
    visitor.go(visitor.read_mail("/question/"), "News")


def test_a_resident_takes_a_feed(visitor: Visitor) -> None:
    visitor.go("/search?q=VRU", re.compile("8 questions"))
    visitor.follow(re.compile("^RSS feed"), re.compile("VRU"))
    address = visitor.page.locator("input[readonly]").first.input_value()
    assert address.startswith("https://watch.example/feeds/")
    status, text = visitor.site.request_text("GET", address.removeprefix("https://watch.example"))
    assert status == 200
    assert text.startswith("<?xml")
    assert "Question 8" in text


def test_a_charity_keeps_two_topics(visitor: Visitor) -> None:
    visitor.sign_up("VRU", "weekly")
    visitor.sign_up("benches", "weekly")
    visitor.site.publish_questions(
        make_question(31, words="News of the VRU."), make_question(32, words="New benches.")
    )
    with visitor.site.ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
    link = MAIL_IDENTITY.build_manage_link(person.link_subject, visitor.site.now)
    own = link.removeprefix("https://watch.example")
    visitor.go(own, "Your alerts")
    visitor.follow(re.compile("[Pp]review"), re.compile("."))
    visitor.go(own, "Your alerts")
    page = visitor.page
    page.locator("summary", has_text="Edit").first.click()
    page.get_by_label("Note to yourself").first.fill("for the Tuesday meeting")
    page.locator("details[open]").get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Alert saved.")).to_be_visible()
    visitor.read("Your alerts")
    visitor.press(re.compile("^Pause"), "Your alerts")
    visitor.press(re.compile("^Resume"), "Your alerts")
    visitor.wait_for_digest(timedelta(days=8))
    visitor.go(visitor.read_mail(r"/u/[\w-]+/"), re.compile("Unsubscribe from"))
    visitor.press("Unsubscribe", re.compile("unsubscribed|stopped", re.IGNORECASE))
    with visitor.site.ledger.reading() as connection:
        assert len(subscriptions.list_active(connection)) == 1


def test_somebody_leaves_comes_back_and_deletes_their_data(visitor: Visitor) -> None:
    visitor.sign_up("VRU", "immediate")
    visitor.site.publish_questions(make_question(33, words="News of the VRU."))
    visitor.wait_for_digest(timedelta(minutes=10))
    visitor.go(visitor.read_mail(r"/u/[\w-]+"), re.compile("Unsubscribe"))
    leave = visitor.page.url.rpartition("/u/")[2].split("/")[0]
    visitor.go(f"/u/{leave}", "Unsubscribe from all alerts?")
    visitor.press("Unsubscribe", "You’re unsubscribed")
    visitor.press("Undo", "You’re subscribed again")
    with visitor.site.ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
    link = MAIL_IDENTITY.build_manage_link(person.link_subject, visitor.site.now)
    visitor.go(f"{link.removeprefix('https://watch.example')}/delete", re.compile("Unsubscribe"))
    visitor.press(re.compile("[Dd]elete"), re.compile("."))
    with visitor.site.ledger.reading() as connection:
        assert subscriptions.find_subscriber_by_email(connection, ADA) is None


@pytest.mark.parametrize("screen", SCREENS, ids=name_screen)
def test_an_operator_starts_an_empty_service(
    browser: Browser, site: WebClient, screen: Screen
) -> None:
    site.url = site.url.replace("127.0.0.1", "localhost")
    with send_visitor(browser, site, screen) as operator:
        operator.go("/", "What topic do you want alerts for?")
        operator.go("/operator", "Operator")
        operator.page.get_by_label("Operator password").fill(OPERATOR_PASSWORD)
        operator.press("Sign in", "Operator")
        operator.go("/operator/crawls", re.compile("."))
        operator.go("/operator/topics", re.compile("."))
        operator.page.get_by_label("Query", exact=True).fill("benches")
        operator.page.get_by_role("button", name="Publish", exact=True).last.click()
        operator.read(re.compile("."))
        operator.go("/topic/benches", re.compile("[Bb]enches"))


def test_pages_are_painted_although_no_script_is_loaded(
    browser: Browser, archive: WebClient
) -> None:
    with browser.new_context(base_url=archive.url) as context:
        page = context.new_page()
        page.route("**/*.js", lambda route: route.abort())
        for path in PATHS:
            page.goto(path)
            page.wait_for_function(_IS_PAINTED, timeout=5000)
            assert page.locator("h1").is_visible(), path

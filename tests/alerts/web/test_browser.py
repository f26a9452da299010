"""The pages in a real browser, with and without JavaScript, from search to unsubscribing.

Debian's Chromium, driven by Playwright; where there is none, these tests are left out and say so.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import questions, subscriptions
from alerts.matching import TopicMatcher
from alerts.subscribers import publish_topic
from alerts.web import CapturedPage
from scheduler.web import serve
from tests.support.samples import make_answer, make_question
from tests.support.web_client import MAIL_IDENTITY, OPERATOR_PASSWORD, TEMPLATES, WebClient

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)
LONG = "The Violence Reduction Unit (VRU) met the residents of an invented estate."
PHONE: ViewportSize = {"width": 320, "height": 720}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Chromium refuses its own sandbox to root, which CI is; the pages visited are ours.
    arguments = ["--no-sandbox"]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=arguments) as opened,
    ):
        yield opened


@pytest.fixture(params=[(True, PHONE), (True, DESKTOP), (False, PHONE), (False, DESKTOP)])
def visit(request: pytest.FixtureRequest, browser: Browser, filled: WebClient) -> Iterator[Page]:
    """A browser page, phone and desktop size, with and without JavaScript.

    Fails the test if the page loads anything from elsewhere or logs an error.
    """
    script, size = request.param
    context = browser.new_context(
        java_script_enabled=script, viewport=size, base_url=filled.url, reduced_motion="reduce"
    )
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda sent: asked.append(sent.url))
    page.on("console", lambda said: asked.append(f"console: {said.text}") if said.type == "error"
            and "404" not in said.text else None)  # fmt: skip
    yield page
    elsewhere = [one for one in asked if not one.startswith((filled.url, "data:"))]
    assert elsewhere == []
    context.close()


@pytest.fixture
def filled(site: WebClient) -> WebClient:
    site.url = site.url.replace("127.0.0.1", "localhost")
    parent = make_question(8, make_answer(LONG), title="Grants of the VRU")
    child = make_question(
        9, words="And then, of the VRU?", title="Grants of the VRU (Supplementary) [1]",
        kind="supplementary", supplementary_number=1,
    )  # fmt: skip
    with site.ledger.writing() as connection:
        publish_topic(connection, "VRU", site.now)
    site.publish_questions(
        *(make_question(n, make_answer(LONG), title=f"On youth {n}") for n in range(1, 8))
    )
    site.publish_questions(
        parent,
        child,
        make_question(10, words="An unanswered one, of the VRU.", title="Waiting"),
        make_question(11, words="A Violence Reduction Unit, spelt out.", title="Elsewhere"),
    )
    return site


def test_from_search_to_unsubscribing(visit: Page, filled: WebClient) -> None:
    visit.goto("/")
    visit.get_by_label("What topic do you want alerts for?").press_sequentially("VRU")
    visit.get_by_role("button", name="Search").click()
    expect(visit.get_by_role("heading", name="10 questions mention VRU")).to_be_visible()
    assert visit.url.endswith("/search?q=VRU")
    expect(visit.locator("mark").first).to_have_text("VRU")
    expect(visit.get_by_text("is also written Violence Reduction Unit")).to_be_visible()
    assert visit.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    visit.get_by_label("Email address").fill("ada@demo.example")
    visit.get_by_label("How often").select_option("immediate")
    visit.get_by_role("button", name="Subscribe").click()
    expect(visit.get_by_role("heading", name="Check your email")).to_be_visible()

    [email_text] = filled.read_messages()
    confirm = re.search(r"https://watch\.example(/c/\S+)", email_text)
    assert confirm is not None
    visit.goto(confirm[1])
    visit.get_by_role("button", name="Confirm").click()
    expect(visit.get_by_role("heading", name="You’re subscribed")).to_be_visible()

    filled.now += timedelta(minutes=10)
    filled.publish_questions(make_question(20, words="News of the VRU."))
    TopicMatcher(filled.ledger).match_new_changes()
    assert (
        compose_due_digests(filled.ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), filled.now)
        == 1
    )
    leave = re.search(
        r"List-Unsubscribe: <https://watch\.example(/u/[^>]+)>", filled.read_messages()[1]
    )
    assert leave is not None
    visit.goto(leave[1])
    visit.get_by_role("button", name="Unsubscribe").click()
    expect(visit.get_by_role("heading", name="You’re unsubscribed")).to_be_visible()
    with filled.ledger.reading() as connection:
        assert subscriptions.list_active(connection) == []


def test_a_wrong_query_shows_its_error_and_takes_the_form_away(
    browser: Browser, filled: WebClient
) -> None:
    with browser.new_context(base_url=filled.url) as context:
        page = context.new_page()
        page.goto("/search?q=VRU")
        assert page.get_by_label("Email address").count() == 1
        box = page.get_by_label("Search for")
        box.fill("(VRU")
        box.press("Enter")
        page.get_by_text("Close the bracket").wait_for()
        expect(box).to_have_value("(VRU")
        expect(box).to_be_focused()
        assert page.title().startswith("Error:")
        assert page.get_by_label("Email address").count() == 0


def test_a_link_opened_later_confirms_by_itself(visit: Page, filled: WebClient) -> None:
    filled.submit_form("/search?q=VRU", "/sign-up", q="VRU", email="ada@demo.example")
    confirm = re.search(r"https://watch\.example(/c/\S+)", filled.read_messages()[0])
    assert confirm is not None
    visit.goto(confirm[1])
    visit.wait_for_timeout(1500)
    expect(visit.get_by_role("heading", name="Confirm your alert")).to_be_visible()
    filled.now += timedelta(minutes=6)
    visit.goto(confirm[1])
    if not visit.evaluate("() => typeof window.htmx === 'object'"):
        visit.get_by_role("button", name="Confirm").click()
    expect(visit.get_by_role("heading", name="You’re subscribed")).to_be_visible()


def test_by_keyboard_alone(browser: Browser, filled: WebClient) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=filled.url)
    page = context.new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    expect(page.get_by_label("What topic do you want alerts for?")).to_be_focused()
    page.keyboard.type("VRU")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="10 questions mention VRU")).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.id") == "alert-email":
            break
    page.keyboard.type("ada@demo.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    context.close()


PATHS = (
    "/",
    "/search?q=VRU",
    "/search?q=vruu",
    "/topic/VRU",
    "/question/london:/questions/8",
    "/question/london:/questions/10",
    "/member/ada-brook",
    "/members",
    "/unanswered",
    "/unanswered?body=the-mayor&show=all",
    "/topics",
    "/bodies",
    "/bodies/the-mayor",
    "/cite/london:/questions/8",
    "/privacy",
    "/status",
    "/your-alerts",
    "/nowhere",
    "/operator",
    "/operator/changes",
    "/operator/crawls",
    "/operator/messages",
    "/operator/subscribers",
    "/operator/subscribers/1",
    "/operator/topics",
    "/operator/actions",
    "/operator/settings",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, filled: WebClient, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(base_url=filled.url, color_scheme=scheme, viewport=PHONE)
    page = context.new_page()
    person = subscribed(filled)
    page.goto("/operator")
    page.get_by_label("Operator password").fill(OPERATOR_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    found: list[str] = []
    for path in (*PATHS, person):
        page.goto(path)
        results = Axe().run(page)
        found += [
            f"{path}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}"
            for one in results.response["violations"]
            if one["impact"] in {"serious", "critical", "moderate"}
        ]
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), (
            path
        )
    assert found == []
    context.close()


def subscribed(pages: WebClient) -> str:
    """Subscribe Ada and return the path of her alerts page."""
    pages.submit_form("/search?q=VRU", "/sign-up", q="VRU", email="ada@demo.example")
    confirm = re.search(r"https://watch\.example(/c/\S+)", pages.read_messages()[0])
    assert confirm is not None
    pages.request_text("POST", confirm[1])
    with pages.ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, "ada@demo.example")
    assert person is not None
    return MAIL_IDENTITY.build_manage_link(person.token, pages.now).removeprefix(
        "https://watch.example"
    )


def test_hostile_text_does_not_run(browser: Browser, filled: WebClient, tmp_path: Path) -> None:
    evil = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>"
    filled.publish_questions(
        make_question(30, make_answer(f"VRU {evil}"), words=evil, title=f"VRU {evil}")
    )
    context = browser.new_context(base_url=filled.url)
    page = context.new_page()
    for path in ("/question/london:/questions/30", "/topic/VRU", "/search?q=window"):
        page.goto(path)
        page.wait_for_timeout(100)
        assert page.evaluate("() => window.ran") is None
        expect(page.get_by_text("window.ran").first).to_be_attached()
    context.close()


THIRD_PARTY = """<!doctype html><html><head><title>Kept</title><base href="{url}/base/">
<link rel="stylesheet" href="{url}/style.css"><link rel="icon" href="{url}/icon.ico">
<link rel="preload" as="image" href="{url}/preload.png"><link rel="prefetch" href="{url}/next">
<meta http-equiv="refresh" content="0;url={url}/refresh"><script src="{url}/x.js"></script>
<style>@import "{url}/import.css"; @font-face {{ font-family: f; src: url("{url}/f.woff") }}
body {{ background: url("{url}/back.png"); font-family: f; color: red }}</style></head>
<body background="{url}/body.png"><p>Kept words</p><img src="{url}/a.png" srcset="{url}/b.png 2x">
<img src="relative.png"><video src="{url}/v.mp4" poster="{url}/p.png" autoplay></video>
<audio src="{url}/a.mp3" autoplay></audio><iframe src="{url}/frame"></iframe>
<object data="{url}/o.svg"></object><embed src="{url}/e.svg">
<svg><image href="{url}/s.png"/><use href="{url}/u.svg#a"/></svg></body></html>"""


def test_a_captured_page_loads_nothing_from_anywhere(browser: Browser, filled: WebClient) -> None:
    asked: list[str] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked.append(scope["path"])
            await PlainTextResponse("seen")(scope, receive, send)

    with serve(note) as elsewhere:
        body = THIRD_PARTY.format(url=elsewhere).encode()
        filled.captures["kept:1"] = CapturedPage(
            "https://x.example/", filled.now, "text/html", body
        )
        with filled.ledger.writing() as connection:
            questions.save_capture(connection, "london:/questions/1", "kept:1")
        page = browser.new_page()
        page.goto(f"{filled.url}/capture/london:/questions/1", wait_until="networkidle")
        expect(page.get_by_text("Kept words")).to_have_css("color", "rgb(255, 0, 0)")
        page.wait_for_timeout(500)
        page.close()
    assert asked == []

"""Charts in a real browser: accessible, whole on a phone, light and dark, and without a script."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from alerts.subscribers import publish_topic
from crawler.records import Meeting, Question
from tests.support.samples import make_answer, make_question
from tests.support.web_client import WebClient

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
    ),
]
PATHS = (
    "/search?q=tram",
    "/topic/tram",
    "/member/ada-brook",
    "/compare",
    "/compare?q=tram&vs=%22knife+crime+in+the+outer+boroughs%22",
    "/compare?q=tram&vs=buses",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Chromium refuses its own sandbox to root, which CI is; the pages visited are ours.
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as opened,
    ):
        yield opened


def make_dated(number: int, day: date, words: str, is_answered: bool) -> Question:
    answers = (make_answer("Yes."),) if is_answered else ()
    return make_question(number, *answers, words=words, meeting=Meeting("MQT", day))


@pytest.fixture
def filled(site: WebClient) -> WebClient:
    site.url = site.url.replace("127.0.0.1", "localhost")
    today = site.now.date()
    asked = [
        *(make_dated(n, today - timedelta(days=23 * n), "A tram.", n > 3) for n in range(30)),
        *(make_dated(100 + n, today - timedelta(days=17 * n), "Buses.", True) for n in range(30)),
    ]
    with site.ledger.writing() as connection:
        publish_topic(connection, "tram", site.now)
    site.publish_questions(*asked)
    return site


def open_page(browser: Browser, site: WebClient, width: int, scheme: str) -> Page:
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=True,
    )
    return context.new_page()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (320, "dark"), (1280, "light")])
def test_pages_with_charts_are_accessible_and_whole(
    browser: Browser, filled: WebClient, width: int, scheme: str
) -> None:
    page = open_page(browser, filled, width, scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for path in PATHS:
        page.goto(path)
        for fold in page.locator("details").all():
            fold.evaluate("fold => { fold.open = true }")
        violations = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:99]) for one in violations] == [], path
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert said == []
    page.context.close()


def test_a_chart_has_a_name_and_each_bar_a_title(browser: Browser, filled: WebClient) -> None:
    page = open_page(browser, filled, 1280, "light")
    page.goto("/topic/tram")
    chart = page.get_by_role("img", name="Most in")
    expect(chart).to_be_visible()
    assert chart.locator("g > title").count() == 24
    months = chart.locator("text[y='206']")
    assert sum(month.is_visible() for month in months.all()) == 24
    page.set_viewport_size({"width": 320, "height": 700})
    assert sum(month.is_visible() for month in months.all()) == 8
    page.context.close()


def test_two_topics_are_compared_from_a_chart(browser: Browser, filled: WebClient) -> None:
    page = open_page(browser, filled, 1280, "light")
    page.goto("/topic/tram")
    page.get_by_role("link", name="Compare with another topic").click()
    expect(page.get_by_label("First topic")).to_have_value("tram")
    page.get_by_label("Second topic").fill("buses")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("img", name="tram compared with buses")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^buses \d+$"))).to_be_visible()
    page.set_viewport_size({"width": 320, "height": 700})
    expect(page.get_by_text(re.compile(r"^buses \d+$"))).to_be_hidden()
    expect(page.locator("figure .key").get_by_text("buses")).to_be_visible()
    page.context.close()


def test_the_file_of_a_chart_is_drawn_by_a_browser_in_its_own_colours(
    browser: Browser, filled: WebClient
) -> None:
    page = open_page(browser, filled, 900, "dark")
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.text} {message.location['url']}"))
    page.goto("/charts/search.svg?q=tram")
    bars = page.locator("g > rect[fill='#0b5966']")
    assert bars.count() > 10
    # A browser asks for the icon of a document that is no page.
    assert [one for one in said if not one.endswith("/favicon.ico")] == []
    page.context.close()

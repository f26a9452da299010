"""Each query that is documented as refused, typed into the page, with and without script."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.paths import REPOSITORY
from tests.support.samples import make_answer, make_question
from tests.support.web_client import WebClient

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)


def list_refused() -> list[str]:
    """The queries in the first column of the table in `docs/reference/queries.md`."""
    page = (REPOSITORY / "docs" / "reference" / "queries.md").read_text()
    table = page.partition("## What is refused")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    return [query for row in rows for query in re.findall(r"`([^`]*)`", row)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as opened,
    ):
        yield opened


@pytest.mark.parametrize("has_script", [True, False])
def test_each_refused_query_is_explained_at_the_box(
    browser: Browser, site: WebClient, has_script: bool
) -> None:
    site.publish_questions(make_question(1, make_answer("A knife crime."), words="A tram, a bus?"))
    refused = list_refused()
    assert len(refused) > 15
    with browser.new_context(java_script_enabled=has_script, base_url=site.url) as context:
        page = context.new_page()
        page.goto("/search")
        for query in refused:
            if has_script:
                page.evaluate("window.isTheSamePage = true")
            box = page.get_by_label("Search for")
            box.fill(query)
            box.press("Enter")
            expect(page).to_have_url(re.compile(r"\?q="))
            expect(box).to_have_attribute("aria-invalid", "true")
            expect(box).to_have_value(query)
            expect(box).to_be_focused()
            expect(page).to_have_title(re.compile("^Error:"))
            message = page.locator("#q-error")
            assert message.inner_text().endswith((".", "?"))
            assert "q-error" in (box.get_attribute("aria-describedby") or "")
            assert page.get_by_label("Email address").count() == 0
            assert page.locator("main").count() == 1
            if has_script:
                assert page.evaluate("window.isTheSamePage === true")
            page.goto("/search")


def test_what_was_meant_is_offered_with_its_number(site: WebClient) -> None:
    site.publish_questions(make_question(1, words="A knife and a crime, a bus or a tram."))
    _, html = site.request_text("GET", "/search?q=(knife+OR+blade")
    for meant in ("(knife OR blade)", "knife OR blade"):
        assert f"<code>{meant}</code></a> (1 question)" in html
    _, html = site.request_text("GET", "/search?q=zebra,+lion")
    assert "Did you mean" not in html  # it would find nothing

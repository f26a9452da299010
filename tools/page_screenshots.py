"""Pictures of the pages and emails for the docs (``make pictures``), of an invented archive.

Their names are page-width-scheme.png. Each is as high as its page, at most `_MAX_HEIGHT`; those of
the README are cut to the first screen.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, cast

from playwright.sync_api import Browser, Page, sync_playwright

from tools.sample_site import OPERATOR_PASSWORD, SampleSite, run_sample_site

_OUTPUT_FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
#: Pixels: what a reader of the docs scrolls through at most.
_MAX_HEIGHT = 860
#: Pixels: the README shows two pictures beside each other.
_FIRST_SCREEN = 1000
_LEAST_HEIGHT = 500


class Picture(NamedTuple):
    """A page, and how to show it."""

    name: str
    path: str
    sizes: tuple[str, ...]  #: width and colour scheme: ``1280-light``


_PICTURES = (
    Picture("home", "/", ("1280-light", "375-light")),
    Picture("results", "/search?q=VRU", ("1280-light", "1280-dark", "375-light")),
    Picture("results-error", "/search?q=(VRU", ("375-light",)),
    Picture("results-none", "/search?q=penguins", ("1280-light",)),
    Picture("question", "/question/harbour:/questions/1303", ("1280-light", "320-dark")),
    Picture("member", "/member/harpreet-kaur-dhaliwal-finch", ("1280-light",)),
    Picture("topic", "/topic/VRU", ("1920-light",)),
    Picture("topics", "/topics", ("1280-dark",)),
    Picture("body", "/bodies/the-mayor", ("1280-light",)),
    Picture("unanswered", "/unanswered", ("1280-light",)),
    Picture("compare", "/compare?q=VRU&vs=%22night+ferry%22", ("1280-light",)),
    Picture("feed", "/feeds/VRU", ("1280-light",)),
    Picture("help", "/help", ("1280-light",)),
    Picture("not-found", "/member/harpreet-dhaliwal-finch", ("375-light",)),
    Picture("status", "/status", ("1280-light",)),
    Picture("check-email", "{check email}", ("375-light",)),
    Picture("confirm", "{confirm}", ("1280-light",)),
    Picture("alerts", "{own page}", ("1280-light", "375-light")),
    Picture("unsubscribe", "{unsubscribe}", ("375-light",)),
    Picture("digest", "{digest}", ("700-light", "700-dark", "375-dark")),
    Picture("confirm-email", "{confirm email}", ("700-light",)),
    Picture("operator", "/operator", ("1920-light",)),
)
_FIRST_SCREENS = frozenset(
    ("results-1280-light", "results-1280-dark", "digest-700-light", "digest-700-dark")
)


def main() -> int:
    """Save all pictures and delete others; return 1 where Chromium is not installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("No pictures: Chromium is not installed.\n")
        return 1
    for old in _OUTPUT_FOLDER.glob("*.png"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory() as folder,
        run_sample_site(Path(folder)) as site,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        for picture in _PICTURES:
            for size in picture.sizes:
                _take(browser, site, picture, size)
    return 0


def _take(browser: Browser, site: SampleSite, picture: Picture, size: str) -> None:
    width, scheme = size.split("-")
    name = f"{picture.name}-{size}"
    with _open_page(browser, site, int(width), scheme) as page:
        if picture.name == "operator":
            site.raise_alarm()
            _sign_in(page)
        address = re.sub(r"\{(.*)\}", lambda found: site.addresses[found[1]], picture.path)
        page.goto(address)
        if picture.path == "{check email}":
            page.get_by_label("Email address").fill("ben@demo.example")
            page.get_by_role("button", name="Subscribe").first.click()
            page.get_by_role("heading", name="Check your email").wait_for()
        height = int(page.evaluate("() => document.documentElement.scrollHeight"))
        most = _FIRST_SCREEN if name in _FIRST_SCREENS else _MAX_HEIGHT
        page.set_viewport_size({"width": int(width), "height": min(height, most)})
        path = _OUTPUT_FOLDER / f"{name}.png"
        page.screenshot(path=path)
    sys.stdout.write(f"{path}\n")


@contextmanager
def _open_page(browser: Browser, site: SampleSite, width: int, scheme: str) -> Iterator[Page]:
    with browser.new_context(
        viewport={"width": width, "height": _LEAST_HEIGHT},
        base_url=site.url,
        color_scheme=cast("Literal['light', 'dark']", scheme),
        reduced_motion="reduce",
    ) as context:
        yield context.new_page()


def _sign_in(page: Page) -> None:
    page.goto("/operator")
    page.get_by_label("Operator password").fill(OPERATOR_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


if __name__ == "__main__":
    sys.exit(main())

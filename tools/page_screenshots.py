"""Screenshots of the pages for the docs, at desktop and phone size (``make pictures``).

The demo is run first: the pages are the real service's, the people and questions invented.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from scheduler.demo import Demo, read_inbox
from scheduler.jobs import run_pipeline

_OUTPUT_FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
_DESKTOP, _PHONE = ViewportSize(width=900, height=1000), ViewportSize(width=360, height=740)
_LATER = timedelta(minutes=1)  # sooner than a link confirms by itself


def main() -> int:
    """Save all screenshots; return 1 where Chromium is not installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("No screenshots: Chromium is not installed.\n")
        return 1
    with (
        tempfile.TemporaryDirectory() as folder,
        Demo(Path(folder) / "demo", 0) as demo,
        sync_playwright() as playwright,
    ):
        demo.run_once()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for device, size in (("desk", _DESKTOP), ("phone", _PHONE)):
            context = browser.new_context(
                viewport=size,
                base_url=demo.pages_url,
                color_scheme="dark" if device == "phone" else "light",
                reduced_motion="reduce",
            )
            _take_screenshots(context.new_page(), demo, device)
            context.close()
        browser.close()
    return 0


def _take_screenshots(page: Page, demo: Demo, device: str) -> None:
    """Go from a search to the alerts page, and save a screenshot of each page on the way."""

    def save(name: str) -> None:
        path = _OUTPUT_FOLDER / f"page-{name}-{device}.png"
        page.screenshot(path=path, full_page=True)
        sys.stdout.write(f"{path}\n")

    page.goto("/")
    page.get_by_label("What topic do you want alerts for?").press_sequentially("VRU")
    page.get_by_role("heading", name="Past results for VRU").wait_for()
    save("search")
    page.get_by_label("Email address").fill(f"{device}@demo.example")
    page.get_by_role("button", name="Subscribe").click()
    page.goto(_find_email_link(demo, device, "/c/"))
    save("confirm")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="You’re subscribed").wait_for()
    page.goto("/your-alerts")
    page.get_by_label("Email address").fill(f"{device}@demo.example")
    page.get_by_role("button", name="Email me the link").click()
    page.goto(_find_email_link(demo, device, "/m/"))
    save("alerts")
    page.goto("/topic/VRU")
    page.get_by_role("link", name="VRU").first.click()
    save("question")
    page.goto("/members")
    page.locator("table a").first.click()
    save("member")


def _find_email_link(demo: Demo, device: str, kind: str) -> str:
    """Return the path of the first link that starts with ``kind`` in the newest email."""
    demo.clock.skip_to(demo.clock() + _LATER)
    run_pipeline(demo.service)
    mail = next(m for m in read_inbox(demo.inbox) if m.to == f"{device}@demo.example")
    found = re.search(rf"{re.escape(demo.pages_url)}({kind}\S+)", mail.text)
    assert found is not None
    return found[1]


if __name__ == "__main__":
    sys.exit(main())

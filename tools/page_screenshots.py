"""Pictures of the journey for the docs: from typing a topic to leaving, on a desk and on a phone.

``make pictures``. The demo is played through; what is seen is the real service, on invented people.
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
    """Take them; 1 where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("no pictures: Chromium is not installed\n")
        return 1
    with (
        tempfile.TemporaryDirectory() as folder,
        Demo(Path(folder) / "demo", 0) as stage,
        sync_playwright() as playwright,
    ):
        stage.run_once()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for device, size in (("desk", _DESKTOP), ("phone", _PHONE)):
            context = browser.new_context(
                viewport=size,
                base_url=stage.pages_url,
                color_scheme="dark" if device == "phone" else "light",
                reduced_motion="reduce",
            )
            _take_screenshots(context.new_page(), stage, device)
            context.close()
        browser.close()
    return 0


def _take_screenshots(page: Page, stage: Demo, device: str) -> None:
    """One journey, a picture at each halt."""

    def halt(name: str) -> None:
        path = _OUTPUT_FOLDER / f"page-{name}-{device}.png"
        page.screenshot(path=path, full_page=True)
        sys.stdout.write(f"{path}\n")

    page.goto("/")
    page.get_by_label("What topic do you want alerts for?").press_sequentially("VRU")
    page.get_by_role("heading", name="Past results for VRU").wait_for()
    halt("topic-typed")
    page.get_by_label("Your email address").fill(f"{device}@demo.example")
    page.get_by_role("button", name="Subscribe").click()
    page.goto(_find_email_link(stage, device, "/c/"))
    halt("confirm")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="You’re subscribed").wait_for()
    page.goto("/your-alerts")
    page.get_by_label("Your email address").fill(f"{device}@demo.example")
    page.get_by_role("button", name="Email me the link").click()
    page.goto(_find_email_link(stage, device, "/m/"))
    halt("own-page")
    page.goto("/topic/VRU")
    page.get_by_role("link", name="VRU").first.click()
    halt("question")
    page.goto("/members")
    page.locator("table a").first.click()
    halt("member")


def _find_email_link(stage: Demo, device: str, kind: str) -> str:
    """Where the newest letter to somebody leads."""
    stage.clock.skip_to(stage.clock() + _LATER)
    run_pipeline(stage.service)
    mail = next(m for m in read_inbox(stage.inbox) if m.to == f"{device}@demo.example")
    found = re.search(rf"{re.escape(stage.pages_url)}({kind}\S+)", mail.text)
    assert found is not None
    return found[1]


if __name__ == "__main__":
    sys.exit(main())

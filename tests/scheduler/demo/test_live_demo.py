"""The demo as ``watchword demo`` shows it, over HTTP and in Chromium, until Ctrl-C.

All tests share one demo, in which everything happens by itself: they look for what they caused.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tests.support.paths import WATCHWORD_COMMAND
from tests.support.service import ServiceFolder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.process
in_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)

_T = TypeVar("_T")

#: Seconds from a confirmed alert to its first digest, and from the first page to the confirmation.
FIRST_DIGEST_SECONDS = 30
SIGN_UP_SECONDS = 60
#: Ctrl-C ends the demo in a second on a machine that has nothing else to do.
STOP_SECONDS = 10


@dataclass
class LiveDemo:
    """A running demo."""

    process: subprocess.Popen[str]
    taken_port: int
    folder: Path
    lines: list[str] = field(default_factory=list)
    url: str = ""

    def wait_for_start(self) -> None:
        """Read lines until the addresses are there; go on reading in a thread."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(r"Open (http://\S+)/ and search", line):
                self.url = found[1]
            if "Press Ctrl-C" in line:
                break
        assert self.url, self.process.communicate()[1]
        threading.Thread(target=self._read_on, daemon=True).start()

    def _read_on(self) -> None:
        assert self.process.stdout is not None
        self.lines += (line.rstrip() for line in self.process.stdout)

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        return self._open(Request(self.url + path))

    def post(self, path: str, origin: str = "", **fields: str) -> str:
        """Send a form; return the address of the page that follows, or the status."""
        headers = {"Origin": origin or self.url}
        request = Request(self.url + path, urlencode(fields).encode(), headers, method="POST")
        try:
            with urlopen(request, timeout=30) as answer:
                address: str = answer.url
                return address.removeprefix(self.url)
        except HTTPError as error:
            with error:
                return str(error.code)

    def make(self, action: str, **fields: str) -> str:
        """Make something happen; return the page once the service has read it."""
        path = self.post(f"/demo/{action}", **fields).partition("#")[0]
        assert path.startswith("/demo?done="), path

        def find_page() -> str:
            page = self.get(path)[1]
            note = page.partition('id="done"')[2].partition("</div>")[0]
            return page if "Read by the service" in note else ""

        return wait_for(find_page)

    def read_heading(self, path: str) -> str:
        """Return the first heading of a page, with its markup."""
        return self.get(path)[1].partition("<h1")[2].partition("</h1>")[0]

    def _open(self, request: Request) -> tuple[int, str]:
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def list_inbox(self) -> list[tuple[str, str]]:
        """Return the addressee and the subject of each listed email, newest first."""
        found = re.findall(r'href="/inbox/[^"]+">(.*?)</a></p>\s*<p class="meta"><span>To (.*?)<',
                           self.get("/inbox")[1])  # fmt: skip
        return [(to, unescape(subject)) for subject, to in found]


def wait_for(look: Callable[[], _T], seconds: float = 60) -> _T:
    """Look until there is something, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveDemo]:
    """A demo whose wanted port is taken; at the end, Ctrl-C stops it without a word too many."""
    folder = tmp_path_factory.mktemp("live")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with start(folder, port) as process:
            running = LiveDemo(process, port, folder)
            try:
                running.wait_for_start()
                yield running
                stop(running)
            finally:
                process.kill()


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    """Start a demo in a folder, as a terminal does: with output that is not held back."""
    return subprocess.Popen(
        [str(WATCHWORD_COMMAND), "demo", "--port", str(port)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(demo: LiveDemo) -> None:
    """Press Ctrl-C."""
    began = time.monotonic()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(timeout=60) == 0
    assert time.monotonic() - began < STOP_SECONDS
    assert demo.process.stderr is not None
    assert demo.process.stderr.read() == ""
    wait_for(lambda: demo.lines[-1] == "Stopped.")


def test_a_taken_port_is_stepped_over(demo: LiveDemo) -> None:
    assert f"Port {demo.taken_port} is taken, so the pages are at another." in demo.lines
    assert demo.get("/demo")[0] == 200


def test_a_second_demo_leaves_its_folder_alone(demo: LiveDemo) -> None:
    before = demo.list_inbox()
    done = ServiceFolder(demo.folder, "", is_new=True).run("demo", "--once", expect=75)
    folder = demo.folder / "demo"
    assert f"another demo runs in {folder}: stop it, or name another folder" in done.stderr
    assert demo.list_inbox()[-len(before) :] == before
    assert (folder / "watchword.log").exists()


def test_what_somebody_makes_happen_is_read(demo: LiveDemo) -> None:
    """A question, a holding reply, an answer, a correction, a page that is withdrawn."""
    asked = demo.make("ask", topic="school <b>meals</b> & milk")
    assert "&lt;b&gt;meals&lt;/b&gt; &amp; milk" in asked
    assert "<b>meals" not in asked
    chosen = re.search(r'<option value="([^"]+)" selected>', asked)
    path = re.search(r'Read by the service: <a href="(/question/[^"]+)"', asked)
    assert chosen is not None
    assert path is not None
    slug = chosen[1]
    for action, label in (
        ("hold", "Holding reply"),
        ("answer", "Answer"),
        ("correct", "Correction"),
        ("withdraw", "Page withdrawn"),
    ):
        shown = demo.make(action, question=slug)
        assert f"<b>{label}:</b>" in shown
    status, history = demo.get(unescape(path[1]))
    assert status == 200
    assert all(word in history for word in ("Holding reply", "orrected", "ithdrawn"))


def test_an_error_stands_at_its_field(demo: LiveDemo) -> None:
    assert demo.post("/demo/ask", topic=" ") == "422"
    assert demo.post("/demo/ask", topic="x" * 81) == "422"
    assert demo.post("/demo/answer", question="never-asked") == "422"
    assert demo.post("/demo/break", fault="fire") == "404"
    assert demo.post("/demo/fly") == "404"


def test_other_sites_make_nothing_happen(demo: LiveDemo) -> None:
    assert demo.post("/demo/break", "https://other.example", fault="maintenance") == "403"


def test_a_broken_source_is_seen_and_mended(demo: LiveDemo) -> None:
    demo.post("/demo/break", fault="maintenance")
    wait_for(lambda: "Trouble" in demo.read_heading("/status"))
    assert "Mend the source" in demo.get("/demo")[1]
    wait_for(lambda: "operator@demo.example" in dict(demo.list_inbox()))  # told before it is over
    demo.post("/demo/mend")
    wait_for(lambda: "well" in demo.read_heading("/status"))
    wait_for(
        lambda: any(
            to == "operator@demo.example" and subject.startswith("london: alarm cleared")
            for to, subject in demo.list_inbox()  # how many more were cleared depends on the crawl
        )
    )


def test_the_next_morning_brings_daily_digests(demo: LiveDemo) -> None:
    before = len([to for to, _ in demo.list_inbox() if to == "dan@demo.example"])
    demo.make("ask", topic="buses")
    demo.post("/demo/morning")
    wait_for(lambda: len([to for to, _ in demo.list_inbox() if to == "dan@demo.example"]) > before)


@pytest.fixture
def page(demo: LiveDemo, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a browser; the parameter says its width, and whether scripts run."""
    width, has_script = request.param
    said: list[str] = []
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        opened = browser.new_page(
            viewport={"width": width, "height": 800},
            base_url=demo.url,
            java_script_enabled=has_script,
            reduced_motion="reduce",
        )
        opened.on("console", lambda message: said.append(message.text))
        yield opened
    assert said == []


@in_browser
@pytest.mark.browser
@pytest.mark.parametrize("page", [(1280, True), (320, False)], indirect=True)
def test_four_clicks_lead_to_an_alert_whose_first_digest_comes_soon(
    demo: LiveDemo, page: Page
) -> None:
    width = 0 if page.viewport_size is None else page.viewport_size["width"]
    address = f"newcomer{width}@demo.example"
    began = time.monotonic()
    page.goto("/")
    page.locator("#q").fill("VRU")
    page.get_by_role("button", name="Search").click()
    page.get_by_label("Email address").fill(address)
    page.get_by_role("button", name="Subscribe").click()
    email = page.frame_locator("iframe")
    email.get_by_role("link", name="Confirm").click()
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="You’re subscribed").wait_for()
    confirmed = time.monotonic()
    sys.stdout.write(f"from the first page to a confirmed alert: {confirmed - began:.1f} s\n")
    assert confirmed - began < SIGN_UP_SECONDS
    wait_for(lambda: [one for one in demo.list_inbox() if one[0] == address][1:])
    assert time.monotonic() - confirmed < FIRST_DIGEST_SECONDS


@in_browser
@pytest.mark.browser
@pytest.mark.parametrize("page", [(320, True)], indirect=True)
def test_the_demos_pages_are_whole_on_a_phone_and_accessible(demo: LiveDemo, page: Page) -> None:
    page.goto("/inbox")
    first = page.locator("#emails a").first.get_attribute("href")
    assert first is not None
    for path in ("/inbox", first, "/demo"):
        page.goto(path)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 320
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

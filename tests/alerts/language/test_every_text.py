"""Every text of pages, emails and feeds is in the catalogue: seen in a language of brackets.

The operator's pages, the command line and logs are English (docs/decisions/0026-language.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import msgspec
import pytest
from jinja2 import Environment, nodes
from jinja2.visitor import NodeVisitor

from alerts.language import set_language, use_translations
from alerts.rendering import find_shipped_templates
from tests.alerts.web.test_headers import ROUTES
from tests.support.bracketed import Bracketed, find_foreign, find_foreign_in_page
from tests.support.empty_ledger import open_empty_ledger
from tests.support.every_page import ADA, BEN, DATA, EveryPage, run_every_page

NOW = datetime(2026, 7, 17, 9, 0, tzinfo=UTC)
#: Addresses beside one of each route: other states of pages, and errors.
PATHS = (
    "/search",
    "/search?q=",
    "/search?q=VRU",
    "/search?q=vru",
    "/search?q=TRAMS",
    "/search?q=trum",
    "/search?q=zzanswer",
    "/search?q=zznothing",
    "/search?q=benches&sort=oldest",
    "/search?q=benches+status:unanswered",
    "/search?q=the+benches",
    "/search?q=(benches",
    "/search?q=zz+NOT",
    "/search?q=benches,+trams",
    "/compare",
    "/compare?q=benches",
    "/compare?q=(benches&vs=trams",
    "/members?q=brook",
    "/members?q=zznobody",
    "/topics?sort=name",
    "/topic/trams",
    "/topic/zznone",
    "/topic/benches?status=unanswered",
    "/member/zznobody",
    "/member/ada-brook?show=unanswered",
    "/bodies/zznobody",
    "/unanswered?body=the-mayor&show=all",
    "/unanswered?member=ada-brook",
    "/question/london:/questions/2",
    "/question/london:/questions/3",
    "/question/london:/questions/8",
    "/question/london:/questions/9",
    "/question/london:/questions/10",
    "/question/london:/questions/20",
    "/question/london:/questions/60",
    "/question/london:/questions/999",
    "/versions/london:/questions/20",
    "/capture/london:/questions/9",
    "/q/0000-0000",
    "/cite/london:/questions/9",
    "/feeds/benches",
    "/feeds/members/ada-brook",
    "/feeds/questions/london:/questions/9",
    "/feeds/queries/feed?q=trams",
    "/feeds/queries/feed?q=(trams",
    "/feeds/zznone",
    "/nowhere",
    "/c/wrong",
    "/m/wrong",
    "/u/wrong",
    "/d/wrong",
    "/n/wrong",
    "/charts/search.svg?q=benches",
    "/charts/topics/benches.svg",
    "/charts/compare.svg?q=benches&vs=trams",
    "/feeds/everything.json",
    "/feeds/benches.json",
    "/feeds/queries/feed.json?q=trams",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EveryPage]:
    folder: Path = tmp_path_factory.mktemp("brackets")
    use_translations(Bracketed())
    opened = open_empty_ledger(folder / "ledger.sqlite3")
    try:
        with run_every_page(opened, NOW, folder / "feeds") as found:
            yield found
    finally:
        opened.engine.dispose()
        set_language("en_GB")


def list_public_paths() -> list[str]:
    known = [path for pattern, (_, path) in ROUTES.items() if "operator" not in pattern]
    return [path for path in dict.fromkeys((*known, *PATHS)) if path]


def list_own_paths(site: EveryPage) -> list[str]:
    own = site.links["own page"]
    more = ("delete", "preview", "unsubscribe/1", "unsubscribe/2")
    return [*site.links.values(), *(f"{own}/{page}" for page in more)]


def name(path: str) -> str:
    return re.sub(r"/[cdmnu]/[^/]{9,}", "/…", path)


@pytest.mark.slow
def test_every_text_of_own_pages_is_translated(site: EveryPage) -> None:
    found: list[str] = []
    for path in list_own_paths(site):
        status, _, body = site.pages.request("GET", path)
        foreign = find_foreign_in_page(body.decode(), (*DATA, ADA, BEN))
        found += [f"{name(path)} ({status}): {text}" for text in dict.fromkeys(foreign)]
    assert found == []


@pytest.mark.slow
def test_every_text_of_public_pages_is_translated(site: EveryPage) -> None:
    found: list[str] = []
    before, site.pages.now = site.pages.now, NOW + timedelta(days=41)  # questions are overdue
    for path in list_public_paths():
        status, headers, body = site.pages.request("GET", path)
        kind = headers.get("Content-Type", "").partition(";")[0]
        if kind in {"text/html", "image/svg+xml"} and not path.startswith("/capture/"):
            foreign = find_foreign_in_page(body.decode(), DATA)
        elif kind == "application/feed+json":
            foreign = find_foreign_in_feed(body)
        else:
            continue
        found += [f"{path} ({status}): {text}" for text in dict.fromkeys(foreign)]
    site.pages.now = before
    assert found == []


def find_foreign_in_feed(body: bytes) -> list[str]:
    feed = msgspec.json.decode(body)
    shown = [feed["title"], feed.get("description", "")]
    for item in feed["items"]:
        shown += [item.get("title", ""), item.get("summary", ""), *item.get("tags", ())]
    html = "".join(f"<div>{item['content_html']}</div>" for item in feed["items"])
    return [
        *(text for one in shown for text in find_foreign(one, DATA)),
        *find_foreign_in_page(html, DATA),
    ]


@pytest.mark.slow
def test_every_text_that_answers_a_form_is_translated(site: EveryPage) -> None:
    found = [
        f"{name(sent)}: {text}"
        for sent, page in site.answers
        if page.lstrip().startswith("<")
        for text in dict.fromkeys(find_foreign_in_page(page, (*DATA, ADA, BEN)))
    ]
    assert found == []


@pytest.mark.slow
def test_every_text_of_emails_is_translated(site: EveryPage) -> None:
    found, kinds = [], set()
    for text in site.pages.read_messages():
        message = message_from_string(text, _class=EmailMessage, policy=default)
        subject = str(message["Subject"])
        kinds.add(re.sub(r"\d+", "", subject))
        plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
        assert plain is not None
        assert html is not None
        foreign = [
            *find_foreign(subject, (*DATA, ADA, BEN)),
            *find_foreign(plain.get_content(), (*DATA, ADA, BEN)),
            *find_foreign_in_page(html.get_content(), (*DATA, ADA, BEN)),
        ]
        found += [f"{subject}: {one}" for one in dict.fromkeys(foreign)]
    assert len(kinds) >= 5  # confirmation, link, digests, and both notices
    assert found == []


class _Marks(NodeVisitor):
    """Collects what a template writes: its own text, and a dot for each expression."""

    def __init__(self) -> None:
        self.text = ""

    def visit_TemplateData(self, node: nodes.TemplateData) -> None:  # noqa: N802  # Jinja's name
        self.text += node.data

    def visit_Output(self, node: nodes.Output) -> None:  # noqa: N802
        for one in node.nodes:
            if isinstance(one, nodes.TemplateData):
                self.text += one.data
            else:
                self.text += "."


def list_templates() -> list[Path]:
    folder = find_shipped_templates()
    paths = (path for kind in ("web", "mail", "feed") for path in (folder / kind).rglob("*.html"))
    return sorted(p for p in paths if "operator" not in (*p.parts, p.stem))


@pytest.mark.slow
def test_templates_have_no_text_of_their_own() -> None:
    """Also in places that no page above shows."""
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"]
    )
    found: list[str] = []
    for path in list_templates():
        marks = _Marks()
        marks.visit(environment.parse(path.read_text(encoding="utf-8")))
        names = (*DATA, "Watchword", "Watch", "word")  # a name in two colours
        found += [f"{path.name}: {text}" for text in find_foreign_in_page(marks.text, names)]
    assert found == []

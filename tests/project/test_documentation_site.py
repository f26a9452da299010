"""The documentation is built as a site from the pages as they are, and asks no other site."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from mkdocs.commands.build import build
from mkdocs.config import load_config
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.support.paths import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
#: Pages of the site that lie outside ``docs/``, and where they do.
OUTSIDE = {f"project/{name}": name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        build(load_config(str(REPOSITORY / "mkdocs.yml"), strict=True, site_dir=str(folder)))
    return folder


def read_page(site: Path, page: str) -> LexborHTMLParser:
    path = site / re.sub(r"(?:README)?\.md$", "", page)
    file = path / "index.html" if page.endswith("README.md") else path.with_suffix(".html")
    return LexborHTMLParser(file.read_text(encoding="utf-8"))


def test_the_site_asks_no_other_site(site: Path) -> None:
    for file in (*site.rglob("*.html"), *site.rglob("*.css")):
        text = file.read_text(encoding="utf-8")
        loaded = (
            re.findall(r"url\(\s*['\"]?(https?://[^)]+)", text) if file.suffix == ".css" else []
        )
        if file.suffix == ".html":
            tree = LexborHTMLParser(text)
            loaded = [node.attributes["src"] or "" for node in tree.css("[src]")]
            loaded += [node.attributes["href"] or "" for node in tree.css("link[href]")]
        assert not [url for url in loaded if re.match(r"(https?:)?//", url)], file


@pytest.mark.slow
def test_every_page_has_its_place_in_the_navigation(site: Path) -> None:
    named = {
        (node.attributes["href"] or "").split("#")[0]
        for node in read_page(site, "README.md").css("nav a")
    }
    for page in PAGES:
        if page != "README.md":
            assert re.sub(r"(?:README\.md|\.md)$", "", page) in {
                re.sub(r"(?:index\.html|\.html)$", "", name) for name in named
            }


def test_the_search_knows_the_pages(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {
        entry["location"].split("#")[0] for entry in index["docs"] if "PgBouncer" in entry["text"]
    }
    assert "explanation/scaling.html" in found


@pytest.mark.slow
def test_pages_read_alike_on_the_site_and_where_the_repository_is_browsed(site: Path) -> None:
    """The two kinds of Markdown differ in what begins a list, a table or a block of code."""
    commonmark = MarkdownIt("commonmark").enable("table")
    for page in (*PAGES, *OUTSIDE):
        markdown = (REPOSITORY / OUTSIDE.get(page, f"docs/{page}")).read_text(encoding="utf-8")
        browsed = count_elements(LexborHTMLParser(commonmark.render(markdown)).body)
        assert count_elements(read_page(site, page).css_first("article")) == browsed, page


def count_elements(node: LexborNode | None) -> dict[str, int]:
    assert node is not None
    return {
        name: len(node.css(name)) for name in ("h1", "h2", "h3", "h4", "li", "tr", "pre", "img")
    }

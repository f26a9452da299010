"""Pages that would keep a parser busy: refused with the reason, and quickly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.pages import read_question
from crawler.reading import Document, UnreadablePage, check_markup
from tests.support import real_pages
from tests.support.designs import build_lines_2014, build_page_2019, build_page_2022
from tests.support.processor_time import assert_takes_less_than

DAY = date(2026, 7, 16)
TOO_DEEP = [
    "<table><tr><td>",
    "<ul><li>",
    "<div>",
    "<dl><dd>",
    "<section><div>",
    "<template>",
    "<svg><g>",
    "<made-up>",
    "<blockquote>",
    "<noscript><div>",
    "<select><div>",
    "<svg><foreignObject><div>",
    '<div title="</div>">',
    "<div><table><tr><td></div>",
    "<span><div></span>",
    "<b>",
]
Build = Callable[[str], str]


def build_api_response(html: str) -> str:
    value = {"uin": "1", "dateTabled": "2026-07-01T00:00:00", "questionText": "?", "heading": "x"}
    return msgspec.json.encode({"value": value | {"answerText": html}}).decode()


def build_page_2014(html: str) -> str:
    page = real_pages.render_page_of_lines(build_lines_2014(["What is done?"], ["ANSWER"]))
    return page.replace("ANSWER", html)


BUILDERS: list[Build] = [
    lambda html: build_page_2022("<p>What is done?</p>", [(DAY, html)]),
    build_page_2022,
    lambda html: build_page_2019("<p>What is done?</p>", [(DAY, html)]),
    build_page_2014,
    build_api_response,
]


def measure_depth(root: LexborNode) -> int:
    deepest, waiting = 0, [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in node.iter()]
    return deepest


@pytest.mark.parametrize("unit", TOO_DEEP)
@pytest.mark.parametrize("build", BUILDERS)
def test_deep_nesting_is_unreadable_at_once(build: Build, unit: str) -> None:
    page = build(unit * 50_000)
    refused = pytest.raises(UnreadablePage, match="nested more than 500 deep")
    with assert_takes_less_than(1), refused:
        read_question(Document(page))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<p>" + "".join(f"<b id=x{n}><p>" for n in range(50_000)), "nested more than 500 deep"),
        ("<x '>" + "<div>" * 50_000 + "'>", "nested more than 500 deep"),
        ("<div " + " ".join(f"a{n}=1" for n in range(50_000)) + ">", "more than 500 attributes"),
        ("<div " + "".join(f'a{n}="1"' for n in range(50_000)) + ">", "more than 500 attributes"),
        ("<div " + "/".join(f"a{n}" for n in range(50_000)) + ">", "more than 500 attributes"),
        ("<select>" + "<option>x" * 50_000, "more than 2000 options"),
        ("<li><table><tr><td>" + "<div>" * 480 + "</li>" * 150_000, "wrong an order"),
    ],
)
def test_other_ways_to_be_slow(html: str, reason: str) -> None:
    with assert_takes_less_than(5), pytest.raises(UnreadablePage, match=reason):
        check_markup(f"<html><body>{html}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        "<p>x" * 20_000,
        "<ul>" + "<li>x" * 20_000,
        "<dl>" + "<dt>x<dd>y" * 10_000,
        "<table>" + "<tr><td>x<td>y" * 10_000,
        "<table>" + "<tbody><tr><th>x" * 10_000,
        "<h2>x" * 20_000,
        "x<br>" * 20_000,
        '<a href="/x">x' * 10_000,
        "<table>" + "<tr><td><font color=red>x" * 5_000,
        "<svg>" + "<path d='M0'/>" * 20_000 + "</svg>",
        '<img src="data:' + "x" * 500_000 + '">',
        f'<div data-page="{"&lt;div&gt; a=b " * 10_000}">x</div>',
        f"<script>{'<div>' * 20_000}</script>",
        f"<!-- {'<div>' * 20_000} -->",
        "<div>" * 490 + "</p>" * 20_000,
        "<!--" * 50_000,
        '<a href="x">' + "<" * 200_000,
    ],
)
def test_long_pages_are_not_refused(html: str) -> None:
    with assert_takes_less_than(2):
        check_markup(f"<html><body><main>{html}")
        LexborHTMLParser(f"<html><body><main>{html}")


TAGS = (
    *("a", "b", "div", "dd", "dl", "font", "form", "h2", "i", "li", "p", "select", "option"),
    *("span", "svg", "table", "tbody", "td", "tr", "ul", "x"),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(("", "/"))), min_size=1, max_size=8)
)
@pytest.mark.slow
def test_what_passes_is_not_much_deeper_than_the_limit(tags: list[tuple[str, str]]) -> None:
    """Whatever is repeated: our count and the parser's agree on what is deep."""
    html = "".join(f"<{end}{name}>" for name, end in tags) * 1_400
    try:
        check_markup(html)
    except UnreadablePage:
        return
    body = LexborHTMLParser(html).body
    assert body is None or measure_depth(body) < 1_000


@pytest.mark.slow
@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize(
    "html",
    [
        "<table><tr>" + "<td></td>" * 20_000 + "<td>x</td>" + "<td></td>" * 20_000 + "<td>y</td>",
        "<p><b>" + "<i>x</i> " * 20_000 + "</b></p>",
        "<div>" * 450 + '<div class="u-space-y-5"><p>x</p></div>' * 2_000,
        "<xmp>" + '<a href="' * 400,
        "<p>" + " |" * 100_000 + "x</p>",
    ],
)
def test_the_time_grows_with_the_length_only(build: Build, html: str) -> None:
    page = build(html)
    with assert_takes_less_than(6):
        read_question(Document(page))

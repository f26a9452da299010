"""The visible text of a page, block by block, in order."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.reading.items import Paragraph
from crawler.reading.visible_text import clean_text, extract_paragraphs, split_plain_text
from tests.support.processor_time import assert_takes_less_than

WORDS = st.text(st.characters(categories=("Ll", "Lu", "Nd")), min_size=1, max_size=8).map(
    clean_text
)
INLINE = ("a", "b", "em", "i", "span", "strong", "sup")
BLOCK = ("blockquote", "div", "h2", "li", "p", "section")


def read(html: str) -> tuple[Paragraph, ...]:
    body = LexborHTMLParser(f"<body>{html}</body>").body
    assert body is not None
    return extract_paragraphs(body)


def texts(html: str) -> list[str]:
    return [paragraph.text for paragraph in read(html)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>One.</p><p>Two.</p>", ["One.", "Two."]),
        ("<div>One.<div>Two.</div>Three.</div>", ["One.", "Two.", "Three."]),
        ("bare<p>One.</p>tail", ["bare", "One.", "tail"]),
        ("<ul><li>One<li>Two</ul>", ["One", "Two"]),
        ("One<br>Two<br/>Three", ["One", "Two", "Three"]),
        ("One<hr>Two", ["One", "Two"]),
        ("<h2>Head</h2>Text", ["Head", "Text"]),
        ("<dl><dt>Label</dt><dd>Value</dd></dl>", ["Label", "Value"]),
        ("<p></p><p> </p><p>&nbsp;</p><p>&#8203;</p>", []),
        ("<p>One\n   two\tthree</p>", ["One two three"]),
        ("", []),
    ],
)
def test_blocks_part_paragraphs(html: str, expected: list[str]) -> None:
    assert texts(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p><strong>T</strong>hank you</p>", "Thank you"),
        ("<p>fer<em>ri</em>es</p>", "ferries"),
        ("<p><span>One</span> <span>two</span></p>", "One two"),
        ("<p>attack.<sup>1</sup></p>", "attack.1"),
        ("<p>fer<!-- a remark -->ries</p>", "ferries"),
        ("<p>fer&shy;ries</p>", "ferries"),
    ],
)
def test_inline_elements_are_joined_with_nothing_between(html: str, expected: str) -> None:
    assert texts(html) == [expected]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<tr><th>Year<th>Boats</tr><tr><td>2026<td>7</tr>", ["Year | Boats", "2026 | 7"]),
        ("<tr><td>One</td></tr>", ["One"]),
        ("<tr><td></td><td>One</td></tr>", ["One"]),
        ("<tr><td>One</td><td></td></tr>", ["One"]),
        ("<tr><td>One</td><td></td><td>Two</td></tr>", ["One | | Two"]),
        ("<tr><td></td></tr>", []),
        ("<tr><td></td><td></td><td></td><td></td><td></td></tr>", []),
        ("<tr><td><p>One</p></td><td><p>Two</p></td></tr>", ["One", "Two"]),
    ],
)
def test_a_table_row_is_one_paragraph(html: str, expected: list[str]) -> None:
    assert texts(f"<table>{html}</table>") == expected


@pytest.mark.parametrize("tag", ["script", "style", "template", "noscript", "svg", "iframe"])
def test_invisible_elements_are_not_text(tag: str) -> None:
    assert texts(f"<p>One</p><{tag}>unseen</{tag}><p>Two</p>") == ["One", "Two"]


def test_the_bold_run_at_the_start_is_found() -> None:
    assert read("<p><strong>Ada Brook AM:</strong> Yes.</p>") == (
        Paragraph("Ada Brook AM: Yes.", "Ada Brook AM:"),
    )
    assert read("<p><b>Ada</b><b> Brook:</b> Yes.</p>")[0].bold == "Ada Brook:"
    assert read("<p> <strong><span>Ada:</span></strong> Yes.</p>")[0].bold == "Ada:"


def test_bold_further_on_is_not_the_start() -> None:
    assert read("<p>Yes, <strong>all</strong> of it.</p>")[0].bold == ""
    assert read("<p><b>One</b> two <b>three</b></p>")[0].bold == "One"


def test_bold_ends_with_its_paragraph() -> None:
    first, second = read("<p><b>One</b></p><p>Two</p>")
    assert (first.bold, second.bold) == ("One", "")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("\N{NO-BREAK SPACE} One\N{NO-BREAK SPACE} two ", "One two"),
        ("fer\N{ZERO WIDTH SPACE}ries", "ferries"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}One", "One"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}One", "One"),
        ("One\x00\x07 two\x1b", "One two"),
        ("One\x0btwo", "One two"),
        ("One\ud800", "One"),
        ("Le\N{COMBINING ACUTE ACCENT}onie", "L\N{LATIN SMALL LETTER E WITH ACUTE}onie"),
        ("autumn \N{NON-BREAKING HYPHEN} it", "autumn \N{NON-BREAKING HYPHEN} it"),
    ],
)
def test_invisible_characters_are_removed(printed: str, expected: str) -> None:
    assert clean_text(printed) == expected


@given(st.text())
def test_tidy_text_stays_as_it_is(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == once.strip()
    once.encode()  # no lone surrogate is left


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["div", "b", "span", "ul"])
def test_a_page_nested_20_000_deep_is_read(tag: str) -> None:
    html = f"<{tag}>" * 20_000 + "deep" + f"</{tag}>" * 20_000
    with assert_takes_less_than(seconds=10):
        assert texts(html) == ["deep"]


def test_the_root_s_neighbours_are_not_read() -> None:
    tree = LexborHTMLParser("<body><div id=a><p>One</p></div><div>Two</div></body>")
    node = tree.css_first("#a")
    assert node is not None
    assert [p.text for p in extract_paragraphs(node)] == ["One"]


@st.composite
def pages(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    """Draw simple HTML and the text of each of its blocks."""
    html, blocks = [], []
    for words in draw(st.lists(st.lists(WORDS, min_size=1, max_size=6), max_size=6)):
        tag = draw(st.sampled_from(BLOCK))
        wrapped = []
        for word in words:
            around, cut = draw(st.sampled_from(INLINE)), draw(st.integers(0, len(word)))
            wrapped.append(f"{word[:cut]}<{around}>{word[cut:]}</{around}>")
        unseen = draw(st.sampled_from(["", "<!-- unseen -->", "<script>unseen</script>"]))
        html.append(f"<{tag}>{' '.join(wrapped)}</{tag}>{unseen}")
        blocks.append(words)
    return "".join(html), blocks


@pytest.mark.slow
@given(pages())
def test_every_visible_word_is_read_once_and_in_order(page: tuple[str, list[list[str]]]) -> None:
    html, blocks = page
    assert texts(html) == [clean_text(" ".join(words)) for words in blocks]


@given(st.text())
def test_any_text_at_all_is_read_as_html(text: str) -> None:
    for paragraph in read(text):
        assert paragraph.text == clean_text(paragraph.text) != ""


def test_plain_text_is_a_paragraph_a_line() -> None:
    text = "One \r\n\r\n \N{NO-BREAK SPACE}\nTwo\N{NO-BREAK SPACE} words\n<p>Three"
    assert [p.text for p in split_plain_text(text)] == ["One", "Two words", "<p>Three"]

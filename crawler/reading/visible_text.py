"""The visible text of a page, block by block, in reading order. Pure.

A paragraph is what a reader sees as one: inline elements are joined *without* a separator (the
source ends bold runs inside words, ``<strong>T</strong>hank you``), block elements and line breaks
part paragraphs, a table row is one paragraph with its cells parted by `` | ``.

The elements are not walked one by one, which in Python takes longer than parsing the page: lexbor
writes them out in their one canonical spelling, and that is cut at its tags.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from html import unescape

from selectolax.lexbor import LexborNode

from crawler.reading.items import Paragraph

#: What no reader sees. Nobody has seen it on a page of the source: it is a guard.
HIDDEN_ELEMENTS = (
    "head, iframe, noembed, noframes, noscript, object, script, style, svg, template, title, "
    "[hidden], [aria-hidden=true], [style*='display:none'], [style*='display: none']"
)
_BLOCKS = """
address article aside blockquote br caption center dd details dialog div dl dt fieldset figcaption
figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol option p pre section summary
table tbody tfoot thead tr ul
"""

_BREAK_TAGS = frozenset(f"{end}{tag}" for tag in _BLOCKS.split() for end in ("", "/"))
_BOLD_TAGS = {"b": 1, "strong": 1, "/b": -1, "/strong": -1}
_CELL_ENDS = frozenset(("/td", "/th"))
#: A tag or a comment as lexbor writes it; of a tag, its name.
_TAG = re.compile(r'<(?:!--.*?--|(/?[a-z][^\s>]*)[^>"]*(?:"[^"]*"[^>"]*)*)>', re.DOTALL)

#: Characters that nobody sees and that break words apart for a matcher, or that no document may
#: hold: zero-width spaces and joiners, soft hyphens, byte order marks, the bidirectional controls
#: that could reorder a line of an email, control characters, halves of characters.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\x00-\x08\x0e-\x1b\x7f\ud800-\udfff\ufffe\uffff]"
)
#: What empty cells leave at the edges of a table row.
_EMPTY_CELLS = re.compile(r"^(?:\| )+|(?: \|)+$")


def clean_text(text: str) -> str:
    """``text`` in NFC with plain single spaces, no invisible or illegal characters, no edges.

    The source puts NBSP beside spaces, inside names and alone in paragraphs (2002-2023 pages).
    """
    spaced = " ".join(text.split())
    if spaced.isprintable() and unicodedata.is_normalized("NFC", spaced):
        return spaced
    return " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).split())


def extract_text(node: LexborNode | None) -> str | None:
    """The text of one element on one line; None where there is no element or no word."""
    return (clean_text(node.text()) or None) if node is not None else None


def extract_paragraphs(root: LexborNode) -> tuple[Paragraph, ...]:
    """The visible paragraphs below ``root``; those without a visible character are dropped."""
    if root.css_first(HIDDEN_ELEMENTS) is not None:
        root = root.clone()
        remove_hidden(root)
    return tuple(_split_paragraphs(root.html or ""))


def remove_hidden(root: LexborNode) -> None:
    """Take out of ``root`` what no reader sees; the inner first, for they go with the outer."""
    for node in reversed(root.css(HIDDEN_ELEMENTS)):
        if node.mem_id != root.mem_id:
            node.decompose()


def _split_paragraphs(html: str) -> Iterator[Paragraph]:
    """The paragraphs between the tags that part them, each with the bold run it starts with."""
    pieces = iter(_TAG.split(html))
    text, bold, depth = next(pieces), "", 0
    for tag in pieces:
        if tag in _BREAK_TAGS:
            if text and (done := _build_paragraph(text, bold)):
                yield done
            text = bold = ""
        elif tag in _BOLD_TAGS:
            depth += _BOLD_TAGS[tag]
        elif tag in _CELL_ENDS:
            text += " | "
        run = next(pieces)
        if depth and bold.strip() == text.strip():
            bold += run
        text += run
    if done := _build_paragraph(text, bold):
        yield done


@lru_cache(maxsize=2048)  # what one reading of a page has tidied, the other need not
def _build_paragraph(written: str, bold: str) -> Paragraph | None:
    """The paragraph of these words, as lexbor writes them; None when no reader would see one."""
    line = clean_text(unescape(written))
    if "|" in line:
        line = _EMPTY_CELLS.sub("", line)
    return Paragraph(line, clean_text(unescape(bold))) if line and line != "|" else None


def split_plain_text(text: str) -> tuple[Paragraph, ...]:
    """The paragraphs of a page that was saved as plain text: one a line."""
    return tuple(Paragraph(line) for raw in text.splitlines() if (line := clean_text(raw)))

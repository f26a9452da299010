"""The visible text of a page, block by block, in reading order. Pure.

Inline elements are joined *without* a separator, because the source ends bold runs inside words
(``<strong>T</strong>hank you``). Block elements and line breaks separate paragraphs. A table row is
one paragraph with `` | `` between its cells.

The elements are not walked one by one: in Python that takes longer than parsing the page. Instead,
lexbor serialises them to HTML, which is always spelt the same way, and that is split at its tags.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from html import unescape

from selectolax.lexbor import LexborNode

from crawler.reading.items import Paragraph

#: Elements that are not visible. None was seen on a page of the source; this is a precaution.
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
#: A tag or a comment as lexbor serialises it; the group is the name of a tag. What is not closed
#: ends with the text: in obsolete elements with raw text, such as ``xmp``, anything can stand.
_TAG = re.compile(
    r'<(?:!--.*?(?:-->|\Z)|(/?[a-z][^\s>]*+)[^>"]*+(?:"[^"]*+(?:"|\Z)[^>"]*+)*+(?:>|\Z))', re.DOTALL
)

#: Characters that are invisible and would split words for a matcher, or that no document may hold:
#: zero-width spaces and joiners, soft hyphens, byte order marks, bidirectional controls (they could
#: reorder a line of an email), control characters, lone surrogates.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\x00-\x08\x0e-\x1b\x7f\ud800-\udfff\ufffe\uffff]"
)
#: Separators that empty cells leave at the ends of a table row.
_EMPTY_CELLS = re.compile(r"^(?:\| )++|(?<! \|)(?: \|)++$")


def clean_text(text: str) -> str:
    """Return ``text`` in NFC, with single plain spaces and without invisible characters.

    The source prints no-break spaces beside spaces, inside names and alone in paragraphs (pages of
    2002 to 2023). Leading and trailing space is removed.
    """
    spaced = " ".join(text.split())
    if spaced.isprintable() and unicodedata.is_normalized("NFC", spaced):
        return spaced
    return " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).split())


def extract_text(node: LexborNode | None) -> str | None:
    """Return the text of one element on one line, None if it is missing or empty."""
    return (clean_text(node.text()) or None) if node is not None else None


def extract_paragraphs(root: LexborNode) -> tuple[Paragraph, ...]:
    """Return the visible paragraphs below ``root``, without empty ones."""
    if root.css_first(HIDDEN_ELEMENTS) is not None:
        root = root.clone()
        remove_hidden(root)
    return tuple(_split_paragraphs(root.html or ""))


def remove_hidden(root: LexborNode) -> None:
    """Remove the elements below ``root`` that are not visible."""
    # Inner elements first: removing an outer element frees those inside it.
    for node in reversed(root.css(HIDDEN_ELEMENTS)):
        if node.mem_id != root.mem_id:
            node.decompose()


def _split_paragraphs(html: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of serialised HTML, each with the bold run at its start."""
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


#: Both readings of a page build the same paragraphs, so the second finds them here. 2048 hold
#: all but the longest pages; at about 500 bytes each they take 1 MB. The standard library's cache
#: is written in C, which matters here: this is the most frequent call of the crawler.
@lru_cache(maxsize=2048)
def _build_paragraph(written: str, bold: str) -> Paragraph | None:
    """Return a paragraph of serialised text, None if nothing of it is visible."""
    line = clean_text(unescape(written))
    if "|" in line:
        line = _EMPTY_CELLS.sub("", line)
    return Paragraph(line, clean_text(unescape(bold))) if line and line != "|" else None


def split_plain_text(text: str) -> tuple[Paragraph, ...]:
    """Return the paragraphs of a page that was saved as plain text: one a line."""
    return tuple(Paragraph(line) for raw in text.splitlines() if (line := clean_text(raw)))

"""The visible text of a page, block by block, in reading order. Pure.

A paragraph is what a reader sees as one: inline elements are joined *without* a separator (the
source ends bold runs inside words, ``<strong>T</strong>hank you``), block elements and line breaks
part paragraphs, a table row is one paragraph with its cells parted by `` | ``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from crawler.items import Paragraph

_BLOCKS = """
address article aside blockquote br caption center dd details dialog div dl dt fieldset figcaption
figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol option p pre section summary
table tbody tfoot thead tr ul
"""
_UNSEEN = "head iframe noscript object script style svg template title"
_BREAKS = frozenset(_BLOCKS.split())
_HIDDEN = frozenset(_UNSEEN.split())
_BOLD = frozenset(("b", "strong"))
_CELLS = frozenset(("td", "th"))

#: Invisible characters that break words apart for a matcher: zero-width spaces and joiners, soft
#: hyphens, byte order marks, and the bidirectional controls that could reorder a line of an email.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
#: What empty cells leave at the edges of a table row.
_EMPTY_CELLS = re.compile(r"^(?:\| )+|(?: \|)+$")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff\ufffe\uffff]")


def tidy(text: str) -> str:
    """``text`` in NFC with plain single spaces, no invisible or illegal characters, no edges.

    The source puts NBSP beside spaces, inside names and alone in paragraphs (2002-2023 pages).
    """
    visible = _CONTROL.sub("", _INVISIBLE.sub("", text))
    return " ".join(unicodedata.normalize("NFC", visible).split())


@dataclass
class _Block:
    """The paragraph being gathered."""

    text: list[str] = field(default_factory=list)
    bold: list[str] = field(default_factory=list)
    plain_began: bool = False  #: a visible character outside bold has been seen

    def add(self, text: str, *, bold: bool) -> None:
        self.text.append(text)
        if bold and not self.plain_began:
            self.bold.append(text)
        elif text.strip():
            self.plain_began = True

    def close(self) -> Paragraph | None:
        text = _EMPTY_CELLS.sub("", tidy("".join(self.text)))
        bold = tidy("".join(self.bold))
        self.__init__()  # type: ignore[misc]  # one block object serves the whole walk
        return Paragraph(text, bold) if text and text != "|" else None


def words(node: LexborNode | None) -> str | None:
    """The text of one element on one line; None where there is no element or no word."""
    return (tidy(node.text()) or None) if node is not None else None


def paragraphs(root: LexborNode) -> tuple[Paragraph, ...]:
    """The visible paragraphs below ``root``; those without a visible character are dropped."""
    return tuple(_gather(root))


def _gather(root: LexborNode) -> Iterator[Paragraph]:
    block = _Block()
    bold = 0
    for node, entering in _walk(root):
        tag = node.tag or ""
        if tag == "-text":
            block.add(node.text_content or "", bold=bold > 0)
        elif tag in _BREAKS:
            if done := block.close():
                yield done
        elif tag in _CELLS and not entering:
            block.add(" | ", bold=bold > 0)
        elif tag in _BOLD:
            bold += 1 if entering else -1
    if done := block.close():
        yield done


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Each node below ``root`` on the way in and (elements) on the way out.

    A stack of our own, because a hostile page can nest deeper than Python recurses.
    """
    stack: list[tuple[LexborNode, bool]] = [(root, False)]
    child = root.first_child
    if child is not None:
        stack.append((child, True))
    while stack:
        node, entering = stack.pop()
        if not entering:
            if node.mem_id != root.mem_id:
                yield node, False
            continue
        if node.next is not None:
            stack.append((node.next, True))
        tag = node.tag or ""
        if tag in _HIDDEN or tag == "-comment":
            continue
        yield node, True
        if tag == "-text":
            continue
        stack.append((node, False))
        if node.first_child is not None:
            stack.append((node.first_child, True))


def plain_paragraphs(text: str) -> tuple[Paragraph, ...]:
    """The paragraphs of a page that was saved as plain text: one a line."""
    return tuple(Paragraph(line) for raw in text.splitlines() if (line := tidy(raw)))

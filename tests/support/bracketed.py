"""A language that puts every text into brackets, and a reader that finds what stands outside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from gettext import NullTranslations
from html.parser import HTMLParser

from babel import Locale

_OPEN, _CLOSE = "⟦", "⟧"
#: What a screen reader or a browser says of an element.
_SPOKEN = frozenset(("aria-label", "placeholder", "title", "alt", "summary", "label"))
#: Their text is a query, an address or a program's: no language.
_NO_LANGUAGE = frozenset(("script", "style", "code", "kbd", "pre", "textarea"))
_VOID = frozenset(("input", "link", "meta", "br", "hr", "img", "path", "rect", "line", "circle"))
#: Properties of ``<meta>`` that people read.
_READ_META = frozenset(("description", "og:title", "og:description", "og:image:alt"))
#: Names of formats and zones, which are the same everywhere.
_NAMES = frozenset(
    (
        *("RSS", "Atom", "JSON", "Feed", "CSV", "SVG", "PNG", "PDF", "OPML", "BibTeX", "CSL"),
        *("XML", "UTC", "GMT", "BST", "URL", "Akoma", "Ntoso", "OR", "AND", "NOT", "NEAR"),
    )
)
_ADDRESS = re.compile(r"\S*[@/]\S*|\S+\.\S+")
_WORD = re.compile(r"[^\W\d_]{2,}")


class Bracketed(NullTranslations):
    """Translates every text into itself, in brackets."""

    def gettext(self, message: str) -> str:
        return f"{_OPEN}{message}{_CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{_OPEN}{msgid1 if n == 1 else msgid2}{_CLOSE}"


def find_foreign(text: str, data: Iterable[str]) -> list[str]:
    """Return the pieces of a plain text that stand outside brackets and are no data.

    Args:
        text: What people read.
        data: Words and phrases of the fixture. A word that begins with ``zz`` is data as well.
    """
    pieces, depth = [""], 0
    for character in text:
        if character == _OPEN:
            depth += 1
        elif character == _CLOSE:
            depth -= 1
            pieces.append("")
        elif depth == 0:
            pieces[-1] += character
    assert depth == 0, f"brackets do not pair in {text[:200]!r}"
    phrases = sorted(data, key=len, reverse=True)
    return [piece.strip() for piece in pieces if _has_foreign_word(piece, phrases)]


def _has_foreign_word(piece: str, phrases: Iterable[str]) -> bool:
    for phrase in phrases:
        piece = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", " ", piece)
    words = _WORD.findall(_ADDRESS.sub(" ", piece))
    known = _NAMES | list_calendar_words()
    return any(word not in known and not word.lower().startswith("zz") for word in words)


def list_calendar_words() -> frozenset[str]:
    """Return the names of months and days, which follow the locale."""
    locale = Locale.parse("en_GB")
    return frozenset(
        name
        for names in (locale.months, locale.days)
        for widths in names.values()
        for named in widths.values()
        for name in named.values()
    )


class PageReader(HTMLParser):
    """Reads a page: its text in one, and each text of an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.attributes: list[str] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.attributes += [values[name] for name in _SPOKEN & values.keys()]
        if tag == "meta" and _READ_META & {values.get("name"), values.get("property")}:
            self.attributes.append(values.get("content", ""))
        if self._skipped or tag in _NO_LANGUAGE:
            self._skipped += [] if tag in _VOID else [tag]
        self.text += " " if tag in _VOID else ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._skipped:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and tag in self._skipped:
            while self._skipped.pop() != tag:
                pass
        self.text += " "

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.text += data


def find_foreign_in_page(html: str, data: Iterable[str]) -> list[str]:
    """Return what `find_foreign` finds in the text and the attributes of a page."""
    reader = PageReader()
    reader.feed(html)
    return [
        found for text in (reader.text, *reader.attributes) for found in find_foreign(text, data)
    ]

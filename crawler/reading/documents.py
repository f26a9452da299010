"""A page as it came in: bytes or text, with or without an address. Pure.

This is all that a page object is given. It makes no request of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode
from w3lib.encoding import html_to_unicode

from crawler.reading.items import Paragraph, UnreadablePage
from crawler.reading.markup_limits import check_markup
from crawler.reading.visible_text import extract_paragraphs, remove_hidden, split_plain_text
from crawler.records import decode_json


@dataclass(frozen=True)
class Document:
    """One page."""

    text: str
    url: str | None = None  #: the address that it was fetched from; None for a saved file

    @cached_property
    def json_object(self) -> dict[str, Any] | None:
        """The JSON object on the page, None if the page is anything else."""
        if not self.text.lstrip().startswith("{"):
            return None
        try:
            decoded = decode_json(self.text, dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return None
        return decoded

    @cached_property
    def is_html(self) -> bool:
        """Whether the page has markup.

        A page saved as plain text has none. A JSON object has none either, even where its values
        hold HTML.
        """
        if self.json_object is not None:
            return False
        head = self.text[:4096].lower()
        return any(mark in head for mark in ("<!doctype", "<html", "<head", "<body", "<div", "<p>"))

    @cached_property
    def is_cut(self) -> bool:
        """Whether the page begins as HTML and its end is missing: it was cut on its way."""
        return self.is_html and is_cut_html(self.text)

    @cached_property
    def tree(self) -> LexborHTMLParser:
        """The parsed page.

        Raises:
            UnreadablePage: Its markup is beyond the limits.
        """
        return parse_html(self.text)

    @cached_property
    def main(self) -> LexborNode:
        """The main part of the page, without header, footer and navigation.

        Elements that are not visible (scripts, hidden text) are removed from it.

        Raises:
            UnreadablePage: The page has no body.
        """
        for css in ("main", "[role=main]", "body"):
            if (node := self.tree.css_first(css)) is not None:
                remove_hidden(node)
                return node
        raise UnreadablePage("the page has no body")

    @cached_property
    def lines(self) -> tuple[Paragraph, ...]:
        """The visible text, one paragraph a line."""
        return extract_paragraphs(self.main) if self.is_html else split_plain_text(self.text)

    @cached_property
    def canonical_url(self) -> str | None:
        """The address that the page was fetched from, or the canonical link of a saved page.

        In that order, because one wrong canonical link in the site's template would turn all pages
        into the same question.
        """
        if self.url or not self.is_html:
            return self.url
        link = self.tree.css_first("link[rel=canonical]")
        href = (link.attributes.get("href") or "").strip() if link is not None else ""
        return href if href.startswith(("https://", "http://")) and _is_valid_url(href) else None

    def resolve_url(self, href: str) -> str:
        """Return ``href`` as an absolute address, if the address of the page is known.

        A text that is not an address (``http://[insert link]``) is returned as it is.
        """
        href = href.strip()
        return urljoin(self.canonical_url or "", href) if _is_valid_url(href) else href


def decode_document(
    body: bytes, url: str | None = None, content_type: str | None = None
) -> Document:
    """Return the document in ``body``, decoded.

    Bytes that are UTF-8 are read as UTF-8, whatever the page says of itself: other text is never so
    by chance. Else the encoding is that of the byte order mark, the header or the ``meta`` element,
    in this order, and without any of them Windows-1252.

    Args:
        body: The bytes of the page, without content encoding.
        url: The address that the page was fetched from.
        content_type: The Content-Type header.

    Raises:
        UnreadablePage: The body is empty or is not text.
    """
    if not body.strip():
        raise UnreadablePage("the page is empty")
    if b"\x00" in body[:4096] and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadablePage("this is not text, it has null bytes: a saved page is needed")
    return Document(_decode_text(body, content_type).replace("\x00", ""), url)


def _decode_text(body: bytes, content_type: str | None) -> str:
    if guess_encoding(body) == "utf-8":
        return body.decode("utf-8-sig")
    try:
        encoding, text = html_to_unicode(content_type, body, auto_detect_fun=guess_encoding)
    except (LookupError, UnicodeError):  # "zlib" is the name of a codec, and of no text
        return body.decode(guess_encoding(body), "replace")
    # Without a letter in UTF-8, the page is in another encoding than it says.
    return body.decode("cp1252", "replace") if encoding == "utf-8" and _has_no_utf8(body) else text


def _has_no_utf8(body: bytes) -> bool:
    """Return whether no byte sequence beyond ASCII is UTF-8."""
    return all(
        character in "\ufffd" or character.isascii()
        for character in set(body.decode("utf-8", "replace"))
    )


def parse_html(html: str) -> LexborHTMLParser:
    """Return parsed HTML, a page or a part of one.

    Raises:
        UnreadablePage: Its markup is beyond the limits.
    """
    check_markup(html)
    return LexborHTMLParser(html)


def is_cut_html(text: str) -> bool:
    """Return whether ``text`` begins with ``<html`` and has neither ``</body`` nor ``</html``.

    HTML may leave these tags out. A site that prints one of them on some pages and not on others
    has been cut short.
    """
    lower = text.lower()
    return "<html" in lower[:4096] and "</html" not in lower and "</body" not in lower


def _is_valid_url(href: str) -> bool:
    """Return whether the standard library can parse ``href`` as an address."""
    try:
        urlsplit(href)
    except ValueError:
        return False
    return True


def guess_encoding(body: bytes) -> str:
    """Return the encoding of bytes that declare none: UTF-8, or that of old Windows exports."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"

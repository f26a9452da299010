"""A page as it came in: bytes or text, with or without an address. Pure.

A page object never asks for anything: it is given one of these.
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
from crawler.reading.visible_text import extract_paragraphs, remove_hidden, split_plain_text


@dataclass(frozen=True)
class Document:
    """One page. ``url`` is the address that it was fetched from, None for a saved file."""

    text: str
    url: str | None = None

    @cached_property
    def json_object(self) -> dict[str, Any] | None:
        """The object that a page of an API is; None for any other page."""
        if not self.text.lstrip().startswith("{"):
            return None
        try:
            decoded: dict[str, Any] = msgspec.json.decode(self.text, type=dict[str, Any])
        except msgspec.DecodeError:
            return None
        return decoded

    @cached_property
    def is_html(self) -> bool:
        """Whether there is markup at all; a page saved as plain text has none.

        Nor has an object: what stands in its values is a matter of the API.
        """
        if self.json_object is not None:
            return False
        head = self.text[:4096].lower()
        return any(mark in head for mark in ("<!doctype", "<html", "<head", "<body", "<div", "<p>"))

    @cached_property
    def tree(self) -> LexborHTMLParser:
        """The parsed page."""
        return LexborHTMLParser(self.text)

    @cached_property
    def main(self) -> LexborNode:
        """The part of the page that is about the question: no header, footer or navigation.

        What no reader sees in it (scripts, hidden text) is taken out, for every reading alike.
        """
        for css in ("main", "[role=main]", "body"):
            if (node := self.tree.css_first(css)) is not None:
                remove_hidden(node)
                return node
        raise UnreadablePage("the page has no body")

    @cached_property
    def lines(self) -> tuple[Paragraph, ...]:
        """The visible text, a paragraph a line."""
        return extract_paragraphs(self.main) if self.is_html else split_plain_text(self.text)

    @cached_property
    def canonical_url(self) -> str | None:
        """Where the page lives: where it was fetched from, else what a saved page calls canonical.

        In that order, because one wrong canonical link in the site's template would make every
        page the same question.
        """
        if self.url or not self.is_html:
            return self.url
        link = self.tree.css_first("link[rel=canonical]")
        href = (link.attributes.get("href") or "").strip() if link is not None else ""
        return href if href.startswith(("https://", "http://")) and _is_valid_url(href) else None

    def resolve_url(self, href: str) -> str:
        """``href`` as an absolute address where the page's own is known.

        What is no address (``http://[insert link]``) stays as printed.
        """
        href = href.strip()
        return urljoin(self.canonical_url or "", href) if _is_valid_url(href) else href


def decode_document(
    body: bytes, url: str | None = None, content_type: str | None = None
) -> Document:
    """The document in ``body``, decoded as a browser would (BOM, header, meta, then UTF-8).

    Raises :class:`UnreadablePage` for an empty body and for one that is not text at all.
    """
    if not body.strip():
        raise UnreadablePage("the page is empty")
    if b"\x00" in body[:4096] and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadablePage("this is not text: a saved page (HTML or plain text) is needed")
    _, text = html_to_unicode(content_type, body, auto_detect_fun=_guess_encoding)
    return Document(text.replace("\x00", ""), url)


def _is_valid_url(href: str) -> bool:
    """Whether the standard library takes ``href`` for an address at all."""
    try:
        urlsplit(href)
    except ValueError:
        return False
    return True


def _guess_encoding(body: bytes) -> str:
    """The encoding of bytes that declare none: UTF-8, else what old Windows exports use."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"

"""From bytes to a document: encodings, bytes that are not a page, and addresses."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading import Document, UnreadablePage, decode_document

#: Words with each of the characters that encodings dispute.
WORDS = "Léonie Brook’s “ferries” – 5 £"
PAGE = f"<!doctype html><html><body><p>{WORDS}</p></body></html>"
ADDRESS = "https://replica.example/questions/2026/0001"


def lines(document: Document) -> list[str]:
    return [paragraph.text for paragraph in document.lines]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(PAGE.encode(), None, id="utf-8 undeclared"),
        pytest.param(PAGE.encode("cp1252"), None, id="cp1252 undeclared"),
        pytest.param(PAGE.encode("cp1252"), "text/html; charset=windows-1252", id="header"),
        pytest.param(PAGE.encode("cp1252"), "text/html; charset=iso-8859-1", id="latin-1 label"),
        pytest.param(PAGE.encode(), "text/html; charset=UTF-8", id="utf-8 header"),
        pytest.param(PAGE.encode(), "text/html; charset=no-such", id="unknown header"),
        pytest.param(codecs.BOM_UTF8 + PAGE.encode(), None, id="utf-8 mark"),
        pytest.param(
            codecs.BOM_UTF8 + PAGE.encode(), "text/html; charset=cp1252", id="mark over header"
        ),
        pytest.param(codecs.BOM_UTF16_LE + PAGE.encode("utf-16-le"), None, id="utf-16 le"),
        pytest.param(codecs.BOM_UTF16_BE + PAGE.encode("utf-16-be"), None, id="utf-16 be"),
        pytest.param(
            b'<html><head><meta charset="windows-1252">' + PAGE.encode("cp1252"), None, id="meta"
        ),
        pytest.param(b'<html><head><meta charset="utf-8">' + PAGE.encode(), None, id="meta utf-8"),
    ],
)
def test_the_words_survive_every_encoding(body: bytes, content_type: str | None) -> None:
    assert lines(decode_document(body, content_type=content_type)) == [WORDS]


def test_plain_text_in_an_old_encoding() -> None:
    document = decode_document(WORDS.encode("cp1252"))
    assert not document.is_html
    assert lines(document) == [WORDS]


@pytest.mark.parametrize("body", [b"", b" \r\n\t "])
def test_an_empty_page_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadablePage, match="empty"):
        decode_document(body)


@pytest.mark.parametrize(
    "body", [b"PK\x03\x04\x00\x00", b"%PDF-1.7\x00\x01", b"\x89PNG\r\n\x1a\n\x00\x00", b"\x00"]
)
def test_bytes_that_are_not_text_are_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadablePage, match="not text"):
        decode_document(body)


def test_a_stray_nul_far_down_is_dropped() -> None:
    assert lines(decode_document(b"<p>" + b"a" * 5000 + b"\x00b</p>")) == ["a" * 5000 + "b"]


def test_a_page_without_a_letter_in_utf8_is_not_utf8() -> None:
    body = b"<html><p>One \xff two</p></html>"
    assert lines(decode_document(body, content_type="text/html; charset=utf-8")) == ["One \xff two"]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_unreadable(body: bytes) -> None:
    try:
        document = decode_document(body)
    except UnreadablePage:
        return
    assert isinstance(document.lines, tuple)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!DOCTYPE html><p>One", True),
        ("<HTML>", True),
        ("<div class=a>One</div>", True),
        ("<p>One", True),
        ("Session date:\nOne", False),
        ("a < b and b > c", False),
    ],
)
def test_markup_is_distinguished_from_plain_text(text: str, expected: bool) -> None:
    assert Document(text).is_html is expected


@pytest.mark.parametrize(
    "html",
    [
        "<header>Unseen</header><main><p>One</p></main><footer>Unseen</footer>",
        "<nav>Unseen</nav><div role=main><p>One</p></div>",
        "<p>One</p>",
    ],
)
def test_only_the_main_part_is_read(html: str) -> None:
    assert lines(Document(f"<html><body>{html}</body></html>")) == ["One"]


def canonical(href: str, url: str | None = None) -> Document:
    return Document(f'<html><head><link rel="canonical" href="{href}"></head></html>', url)


def test_the_fetched_address_goes_before_the_canonical_link() -> None:
    assert canonical("https://elsewhere.example/wrong", ADDRESS).canonical_url == ADDRESS


def test_a_saved_page_lives_where_it_says() -> None:
    assert canonical(f" {ADDRESS} ").canonical_url == ADDRESS


@pytest.mark.parametrize(
    "href", ["", "/questions/1", "javascript:alert(1)", "file:///questions/1", "http://[no"]
)
def test_a_canonical_link_that_is_no_address_is_none(href: str) -> None:
    assert canonical(href).canonical_url is None


def test_plain_text_has_no_address_of_its_own() -> None:
    assert Document("Session date:").canonical_url is None
    assert Document("Session date:", ADDRESS).canonical_url == ADDRESS


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("/media/7", "https://replica.example/media/7"),
        (" /media/7\n", "https://replica.example/media/7"),
        ("0002", "https://replica.example/questions/2026/0002"),
        ("https://elsewhere.example/a.pdf", "https://elsewhere.example/a.pdf"),
        ("//elsewhere.example/a", "https://elsewhere.example/a"),
        ("http://[insert link]", "http://[insert link]"),
    ],
)
def test_links_become_absolute(href: str, expected: str) -> None:
    assert Document("<html>", ADDRESS).resolve_url(href) == expected


def test_without_an_address_links_stay() -> None:
    assert Document("<html>").resolve_url("/media/7") == "/media/7"


@pytest.mark.parametrize("text", ['{"value": {"text": "<p>Filler.</p>"}}', '\n {"html": "<html>"}'])
def test_an_object_is_no_markup_whatever_stands_in_it(text: str) -> None:
    document = Document(text)
    assert document.json_object is not None
    assert not document.is_html


@pytest.mark.parametrize(
    "text", ["{", '{"a": 1}\n{"a": 2}', "[1]", "<p>{}</p>", "{braces} in text"]
)
def test_a_page_without_a_json_object_has_none(text: str) -> None:
    assert Document(text).json_object is None

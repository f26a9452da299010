"""Inputs that are nearly right: changes of bytes, texts and values, drawn at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

#: Pieces that readers of HTML, XML, MIME, TOML, JSON, HTTP and queries are known to trip over.
HOSTILE_PIECES: tuple[bytes, ...] = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\x1b[31m", b"\r", b"\n\n", b"\r\n\r\n"),
    *(
        "\u202e".encode(),
        "\u2028".encode(),
        "\ufeff".encode(),
        "\U0001f600".encode(),
        b"\xed\xa0\x80",
    ),
    *(b"<", b">", b"</", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&", b"&#0;", b"&#x110000;"),
    *(b"<script>alert(1)</script>", b"<svg onload=x>", b"<table><tr><td>", b"<div>" * 300),
    *(b"<p>" * 50, b"</main>", b"</body>", b'"', b"'", b"\\", b"\\u0000", b"\\ud800", b"{{7*7}}"),
    *(b"%00", b"%", b"%s%n", b"../../etc/passwd", b"{", b"}", b"[" * 200, b"]", b"=", b":", b"::"),
    *(b"NaN", b"-1", b"0", b"1e999", b"99999999999999999999", b"null", b"true", b"''", b'""'),
    *(b"AND", b" OR ", b" NOT ", b"NEAR/2", b"title:", b"*", b"~", b"(", b")", b"|", b"U.S.", b"&"),
    *(b"; boundary=", b"=?utf-8?q?=00?=", b"=?x-none?b?!!!?=", b"Content-Type: ", b"charset=utf-7"),
    *(b"31 February 2026", b"0000-00-00", b"9999-12-31T23:59:60Z", b"Europe/Nowhere", b"a" * 3000),
)


def mutate(chance: random.Random, data: bytes) -> bytes:
    """Return ``data`` with one to six random changes."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        data = chance.choice(_CHANGES)(chance, data)
    return data


def draw_text(chance: random.Random, pieces: Sequence[str], most: int) -> str:
    """Return up to ``most`` pieces, some of them glued together."""
    drawn = [chance.choice(pieces) for _ in range(chance.randint(1, most))]
    return "".join(piece + chance.choice(("", " ", " ")) for piece in drawn)


def _draw_span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.choice((1, 4, 30, 400)))


def _insert(chance: random.Random, data: bytes) -> bytes:
    place = chance.randint(0, len(data))
    return data[:place] + chance.choice(HOSTILE_PIECES) + data[place:]


def _replace(chance: random.Random, data: bytes) -> bytes:
    start, end = _draw_span(chance, data)
    return data[:start] + chance.choice(HOSTILE_PIECES) + data[end:]


def _delete(chance: random.Random, data: bytes) -> bytes:
    start, end = _draw_span(chance, data)
    return data[:start] + data[end:]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    start, end = _draw_span(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 5, 40)) + data[end:]


def _move(chance: random.Random, data: bytes) -> bytes:
    start, end = _draw_span(chance, data)
    rest = data[:start] + data[end:]
    place = chance.randint(0, len(rest))
    return rest[:place] + data[start:end] + rest[place:]


def _flip(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randint(0, len(data))]


_CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_insert, _insert, _replace, _replace, _delete, _repeat, _move, _flip, _cut),
)

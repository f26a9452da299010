"""Passages: a few lines of a text around a match, with the matching words marked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import msgspec

from alerts.language import format_number, ngettext
from alerts.text.tokenizer import Place

#: Characters before and after the first marked word: 340 are about three lines of an email.
_CHARACTERS_BEFORE, _CHARACTERS_AFTER = 110, 230
#: Characters on each side of a place that has a line of its own: 60 and the word fit a terminal.
_CHARACTERS_AROUND = 30
#: Characters of a title: 240 are three lines of an email, and the longest of the sources have 150.
_MAX_TITLE_LENGTH = 240
#: What the crawler writes between the cells of a table's row.
_CELL_SEPARATOR = " | "
#: Tables of one text that are summarised, and characters of the header of each.
_MAX_TABLES, _MAX_HEADER_LENGTH = 2, 120


class Segment(msgspec.Struct, frozen=True):
    """A piece of a passage, marked or not."""

    text: str
    is_marked: bool = False


class Snippet(msgspec.Struct, frozen=True):
    """A passage of one field."""

    field: str
    segments: tuple[Segment, ...]


def find_snippet(
    texts: Mapping[str, Sequence[str]], places: Sequence[Place], preferred: Sequence[str]
) -> Snippet | None:
    """Return the passage around the first place, or None if the preferred fields have none.

    Args:
        texts: Paragraphs by field.
        places: Where the match is, in reading order.
        preferred: Fields to look in, the best first.
    """
    for field in preferred:
        here = [place for place in places if place.field == field]
        if here:
            first = here[0].paragraph
            spans = [(p.start, p.end) for p in here if p.paragraph == first]
            return Snippet(field, _cut(texts[field][first], spans))
    return None


def cut_around(texts: Mapping[str, Sequence[str]], place: Place) -> tuple[Segment, ...]:
    """Return about a line of text around a place, which is marked."""
    text = texts[place.field][place.paragraph]
    return _cut(text, [(place.start, place.end)], _CHARACTERS_AROUND, _CHARACTERS_AROUND)


def mark_spans(text: str, spans: Sequence[tuple[int, int]]) -> tuple[Segment, ...]:
    """Return all of ``text``, with ``spans`` marked."""
    return _split_segments(text, spans, 0, len(text))


def mark_title(text: str, spans: Sequence[tuple[int, int]]) -> tuple[Segment, ...]:
    """Return a title with ``spans`` marked, cut between words where it is too long to be one."""
    if len(text) <= _MAX_TITLE_LENGTH:
        return mark_spans(text, spans)
    end = _find_word_end(text, _MAX_TITLE_LENGTH)
    return (*_split_segments(text, spans, 0, end), Segment(" …"))


def cut_passage(text: str, spans: Sequence[tuple[int, int]]) -> tuple[Segment, ...]:
    """Return ``text`` around the first of ``spans``, with all spans marked.

    An empty span marks nothing but says where to cut.
    """
    return _cut(text, spans)


def cut_opening(texts: Mapping[str, Sequence[str]], field: str) -> Snippet | None:
    """Return the first lines of a field, without rows of tables, or None if it has no text."""
    paragraphs = texts.get(field) or ()
    if not any(text.strip() for text in paragraphs):
        return None
    lead, size = [], 0
    for text in paragraphs:
        if size > _CHARACTERS_AFTER:
            break
        if _CELL_SEPARATOR not in text:
            lead.append(text)
            size += len(text) + 1
    return Snippet(field, _cut(" ".join(lead) or paragraphs[0], [(0, 0)]))


def find_passage(
    texts: Mapping[str, Sequence[str]], places: Sequence[Place], field: str
) -> Snippet | None:
    """Return what a field says: where it matches, else its first lines, and what its tables hold.

    Returns:
        None if the field has no text.
    """
    found = find_snippet(texts, places, (field,)) or cut_opening(texts, field)
    if found is None:
        return None
    paragraphs = texts[field]
    has_match = any(place.field == field for place in places)
    tables = [Segment(f" [{table}]") for table in summarise_tables(paragraphs)]
    if tables and not has_match and all(_CELL_SEPARATOR in text for text in paragraphs):
        tables[0] = Segment(tables[0].text.lstrip())
        return Snippet(field, tuple(tables))  # the first lines are the header, shown already
    return Snippet(field, (*found.segments, *tables))


def summarise_tables(paragraphs: Sequence[str]) -> tuple[str, ...]:
    """Return a line for each of the first tables: ``Table of 12 rows: Estate, Cost``.

    Args:
        paragraphs: A text. Rows of a table are paragraphs that follow each other, with `` | ``
            between their cells; the first is the header.
    """
    if not any(_CELL_SEPARATOR in text for text in paragraphs):
        return ()
    runs = groupby(paragraphs, key=lambda text: _CELL_SEPARATOR in text)
    tables = [rows for is_table, run in runs if is_table and len(rows := list(run)) > 1]
    return tuple(_summarise_table(rows) for rows in tables[:_MAX_TABLES])


def _summarise_table(rows: Sequence[str]) -> str:
    cells = (cell.strip() for cell in rows[0].split(_CELL_SEPARATOR))
    header = ", ".join(cell for cell in cells if cell)
    if len(header) > _MAX_HEADER_LENGTH:
        header = f"{header[: _find_word_end(header, _MAX_HEADER_LENGTH)]} …"
    number = len(rows) - 1
    size = ngettext("Table of %(number)s row", "Table of %(number)s rows", number)
    size %= {"number": format_number(number)}
    return f"{size}: {header}" if header else size


def _cut(
    text: str,
    spans: Sequence[tuple[int, int]],
    characters_before: int = _CHARACTERS_BEFORE,
    characters_after: int = _CHARACTERS_AFTER,
) -> tuple[Segment, ...]:
    """Return ``text`` around the first span, cut between words, with each span in it marked."""
    start = _find_word_start(text, max(0, spans[0][0] - characters_before))
    end = _find_word_end(text, min(len(text), spans[0][1] + characters_after))
    before = (Segment("… "),) if start > 0 else ()
    after = (Segment(" …"),) if end < len(text) else ()
    return (*before, *_split_segments(text, spans, start, end), *after)


def _split_segments(
    text: str, spans: Sequence[tuple[int, int]], start: int, end: int
) -> tuple[Segment, ...]:
    """Return ``text`` from ``start`` to ``end``, split at the spans in it."""
    segments: list[Segment] = []
    at = start
    for left, right in sorted(spans):
        if left < at or right > end or left == right:
            continue
        segments += [Segment(text[at:left]), Segment(text[left:right], is_marked=True)]
        at = right
    segments.append(Segment(text[at:end]))
    return tuple(s for s in segments if s.text)


def _find_word_start(text: str, at: int) -> int:
    if at == 0:
        return 0
    space = text.find(" ", at)
    return space + 1 if 0 <= space < at + 30 else at


def _find_word_end(text: str, at: int) -> int:
    if at == len(text):
        return at
    space = text.rfind(" ", 0, at)
    return space if space > at - 30 else at

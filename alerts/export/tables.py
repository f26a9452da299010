"""Records as files for spreadsheets and programs. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from crawler.records import Question, encode_record, iter_paragraphs

_COLUMNS = (
    *("id", "reference", "date", "meeting", "title", "asked_by", "party", "asked_of", "status"),
    *("answered_by", "answered_on", "url", "question", "answer"),
)
#: What a spreadsheet would take for the beginning of a formula (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def encode_json_lines(records: Iterator[Question]) -> Iterator[bytes]:
    """Canonical records, one a line."""
    for record in records:
        yield encode_record(record) + b"\n"


def encode_csv(records: Iterator[Question]) -> Iterator[bytes]:
    """A table (RFC 4180) with a head, in UTF-8 with the mark that spreadsheets look for."""
    yield b"\xef\xbb\xbf" + _encode_row(_COLUMNS)
    for record in records:
        yield _encode_row(_build_row(record))


def _encode_row(cells: tuple[str, ...]) -> bytes:
    made = StringIO()
    csv.writer(made).writerow([_escape_formula(cell) for cell in cells])
    return made.getvalue().encode("utf-8", "replace")


def _escape_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _build_row(question: Question) -> tuple[str, ...]:
    asker, meeting = question.asked_by, question.meeting
    given = [answer for answer in question.answers if not answer.holding]
    by = dict.fromkeys(name for answer in given for name in answer.answered_by)
    days = [str(answer.date) for answer in given if answer.date]
    said = [text for answer in given for text in iter_paragraphs(answer.speeches)]
    return (
        question.id,
        question.reference or "",
        str(meeting.date or "") if meeting else "",
        (meeting.name or "") if meeting else "",
        question.title or "",
        asker.name if asker else "",
        (asker.party or "") if asker else "",
        "; ".join(one.name for one in question.asked_of),
        question.status,
        "; ".join(by),
        min(days, default=""),
        question.url or "",
        "\n\n".join(iter_paragraphs(question.question)),
        "\n\n".join(said),
    )

"""Records as JSON Lines for programs, and as CSV for spreadsheets. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from crawler.records import Question, encode_record, iter_paragraphs

_COLUMNS = (
    "id",
    "reference",
    "date",
    "meeting",
    "title",
    "asked_by",
    "party",
    "asked_of",
    "status",
    "answered_by",
    "answered_on",
    "url",
    "question",
    "answer",
)
#: A spreadsheet reads a cell that begins with one of these as a formula (OWASP, CSV Injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def encode_json_lines(records: Iterable[Question]) -> Iterator[bytes]:
    """Yield canonical records as JSON, one a line."""
    for record in records:
        yield encode_record(record) + b"\n"


def encode_csv_header() -> bytes:
    """Return the first row of a CSV file (RFC 4180): the names of its columns.

    It begins with the byte order mark of UTF-8, without which Excel takes it for another encoding.
    """
    return b"\xef\xbb\xbf" + _encode_row(_COLUMNS)


def encode_csv(records: Iterable[Question]) -> Iterator[bytes]:
    """Yield records as CSV, one a row, without a header."""
    for record in records:
        yield _encode_row(_build_row(record))


def _encode_row(cells: tuple[str, ...]) -> bytes:
    text = StringIO()
    csv.writer(text).writerow([_escape_formula(cell) for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def _escape_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _build_row(question: Question) -> tuple[str, ...]:
    asker, meeting = question.asked_by, question.meeting
    answers = [answer for answer in question.answers if not answer.holding]
    names = dict.fromkeys(name for answer in answers for name in answer.answered_by)
    days = [str(answer.date) for answer in answers if answer.date]
    texts = [text for answer in answers for text in iter_paragraphs(answer.speeches)]
    return (
        question.id,
        question.reference or "",
        str(meeting.date or "") if meeting else "",
        (meeting.name or "") if meeting else "",
        question.title or "",
        asker.name if asker else "",
        (asker.party or "") if asker else "",
        "; ".join(addressee.name for addressee in question.asked_of),
        question.status,
        "; ".join(names),
        min(days, default=""),
        question.url or "",
        "\n\n".join(iter_paragraphs(question.question)),
        "\n\n".join(texts),
    )

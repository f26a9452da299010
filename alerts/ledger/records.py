"""Questions as JSON in the tables ``question``, ``change`` and ``held_change``.

A row may be years old: it is read leniently (:func:`crawler.records.decode_stored`). A row that
cannot be read at all is logged and left out, so that it costs nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from crawler.event_log import get_logger
from crawler.records import Question, decode_stored, encode_stored

log = get_logger("watchword.ledger")


def format_record(record: Question) -> str:
    """Return a question as it is stored."""
    return encode_stored(record)


def read_record(text: str, name: str) -> Question | None:
    """Return a stored question; None if it cannot be read, which is logged as an error.

    ``name`` says in the log which one it is: ``change 12``.
    """
    try:
        return decode_stored(text)
    except msgspec.MsgspecError as error:
        log.error("the ledger holds a record that cannot be read", record=name, reason=error)
        return None


def read_records(rows: Iterable[tuple[str, str]]) -> Iterator[Question]:
    """Yield the questions of some rows (id, record) that can be read."""
    for question_id, text in rows:
        record = read_record(text, f"question {question_id}")
        if record is not None:
            yield record

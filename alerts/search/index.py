"""The step from question to words: what the search finds questions by, and the acronyms in them.

It asks the ledger which questions are not yet worded, so it may be killed and run again anywhere.
"""

from __future__ import annotations

from itertools import chain

from alerts.ledger import Ledger
from alerts.ledger import word_index as words
from alerts.ledger.word_index import Unworded
from alerts.queries.acronyms import pairs
from alerts.queries.fields import fields
from alerts.queries.index_terms import keys_of
from alerts.queries.tokens import prepare

_BATCH = 100


def write_words(ledger: Ledger, most: int | None = None) -> int:
    """Write the words of the questions that were saved since the last time, ``most`` at most.

    Gives how many those are. Each takes some 5 ms.
    """
    with ledger.reading() as connection:
        if not words.unworded(connection, 1):
            return 0
    written = 0
    while True:
        with ledger.writing() as connection:
            some = words.unworded(connection, _BATCH)
            for question in some:
                words.write(connection, _worded(question))
        written += len(some)
        if len(some) < _BATCH or (most is not None and written >= most):
            return written


def _worded(question: Unworded) -> words.Worded:
    record = question.record
    texts = fields(record)
    seen = question.first_seen_at.date()
    # What is published before its meeting is new that day; what a backfill brings is of its day.
    met = record.meeting.date if record.meeting else None
    return words.Worded(
        record.id,
        min(seen, met) if met else seen,
        frozenset(keys_of(prepare(texts))),
        frozenset(pairs(chain(texts["title"], texts["question"], texts["answer"]))),
    )

"""The step from question to words: what the search finds questions by, and the acronyms in them.

It asks the ledger which questions are not yet worded, so it may be killed and run again anywhere.
"""

from __future__ import annotations

from itertools import chain

from alerts.ledger import Ledger, word_index
from alerts.ledger.word_index import UnindexedQuestion
from alerts.queries import extract_fields
from alerts.queries.index_terms import build_index_keys
from alerts.text import find_definitions, prepare_texts

_BATCH = 100


def index_questions(ledger: Ledger, limit: int | None = None) -> int:
    """Write the words of the questions that were saved since the last time, ``limit`` at most.

    Gives how many those are. Each takes some 5 ms.
    """
    with ledger.reading() as connection:
        if not word_index.list_unindexed(connection, 1):
            return 0
    written = 0
    while True:
        with ledger.writing() as connection:
            some = word_index.list_unindexed(connection, _BATCH)
            for question in some:
                word_index.write_question(connection, _build_words(question))
        written += len(some)
        if len(some) < _BATCH or (limit is not None and written >= limit):
            return written


def _build_words(question: UnindexedQuestion) -> word_index.IndexedQuestion:
    record = question.record
    texts = extract_fields(record)
    seen = question.first_seen_at.date()
    # What is published before its meeting is new that day; what a backfill brings is of its day.
    met = record.meeting.date if record.meeting else None
    return word_index.IndexedQuestion(
        record.id,
        min(seen, met) if met else seen,
        frozenset(build_index_keys(prepare_texts(texts))),
        frozenset(find_definitions(chain(texts["title"], texts["question"], texts["answer"]))),
    )

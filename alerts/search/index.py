"""The step from stored questions to the index of words, and to the acronyms that they define.

The ledger knows which questions are not indexed yet, so this step can be killed and run again at
any time. Several processes may do it at once, each with questions of its own, and while crawls
record: a question that is saved meanwhile is indexed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from alerts.ledger import Ledger, questions, word_index
from alerts.ledger.facets import Person, encode_people
from alerts.queries import extract_fields, index_terms, list_name_texts, prepare_fields
from alerts.text import find_definitions
from crawler.records import Question

#: Questions in one transaction: at 5 ms each, whoever saves one of them, and on SQLite every other
#: writer, waits for half a second at most.
_BATCH = 100


def index_questions(ledger: Ledger, limit: int | None = None) -> int:
    """Index the questions that were saved since the last call; each takes about 5 ms.

    Args:
        ledger: Where the questions are.
        limit: Stop after the batch that reaches this number. None: index all.

    Returns:
        How many questions were indexed.
    """
    with ledger.reading() as connection:
        if not word_index.has_unindexed(connection):
            return 0
    indexed = 0
    while True:
        with ledger.writing_shard() as connection:
            done = _index_some(connection)
        indexed += done
        if done < _BATCH or (limit is not None and indexed >= limit):
            return indexed


def _index_some(connection: Connection) -> int:
    """Index the next questions that no other transaction has; return how many."""
    batch = word_index.lock_unindexed(connection, _BATCH)
    readable = []
    for question in batch:
        if question.record is None:
            word_index.skip_question(connection, question.question_id)
        else:
            readable.append(_build_words(question.record, question.first_seen_at))
    word_index.write_questions(connection, readable)
    return len(batch)


def _build_words(record: Question, first_seen_at: datetime) -> word_index.IndexedQuestion:
    """Return what to index. A question's day is that of its meeting, or earlier if seen earlier."""
    texts = extract_fields(record)
    seen = first_seen_at.date()
    meeting_date = record.meeting.date if record.meeting else None
    return word_index.IndexedQuestion(
        record.id,
        min(seen, meeting_date) if meeting_date else seen,
        frozenset(index_terms.build_index_keys(prepare_fields(texts))),
        frozenset(find_definitions(chain(texts["title"], texts["question"], texts["answer"]))),
        build_facets(record, texts),
    )


def build_facets(record: Question, texts: Mapping[str, Sequence[str]]) -> word_index.Facets:
    """Return what a question is counted by; ``texts`` are those of its fields."""
    asker, day = record.asked_by, record.meeting.date if record.meeting else None
    slug = questions.find_person_slug(asker) if asker else None
    askers = [Person(asker.name, slug, tuple(texts["asked_by"]))] if asker else []
    addressees = [
        Person(one.name, None, tuple(list_name_texts(one.printed, one.name, one.role)))
        for one in record.asked_of
    ]
    return word_index.Facets(
        year=day.year if day else None,
        status=record.status,
        source=record.source,
        askers=encode_people(askers),
        party=asker.party if asker else None,
        addressees=encode_people(addressees),
    )

"""The task that indexes the words of questions for search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import word_index
from alerts.search import index_questions
from scheduler.service import Service
from scheduler.tasks.task import Task

#: Questions whose words are indexed in one piece: a second or two.
_QUESTIONS = 250
#: Pieces at a time, which different workers can do. A backfill brings more, and the digests of a
#: single process must not wait for all of them.
_MAX_PIECES = 4


def _list_waiting(connection: Connection, _now: datetime) -> Sequence[str]:
    waiting = word_index.count_unindexed(connection, _MAX_PIECES * _QUESTIONS)
    return [str(number) for number in range(-(-waiting // _QUESTIONS))]


def _run(service: Service, _key: str) -> Counter[str]:
    """Index the next questions that no other worker has: the key only counts the pieces."""
    return Counter(words=index_questions(service.ledger, _QUESTIONS))


#: Last: no email waits for the search.
WORDS = Task("words", -10, _list_waiting, _run)

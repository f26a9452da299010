"""The task that indexes the words of questions for search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import word_index
from alerts.search import index_questions
from scheduler.service import Service
from scheduler.tasks.task import WHOLE, Task

#: Questions whose words are indexed in one run: a few seconds. A backfill brings more, and digests
#: must not wait for all of them.
_MAX_QUESTIONS = 1000


def _list_waiting(connection: Connection, _now: datetime) -> Sequence[str]:
    return [WHOLE] if word_index.list_unindexed(connection, 1) else []


def _run(service: Service, _key: str) -> Counter[str]:
    return Counter(words=index_questions(service.ledger, _MAX_QUESTIONS))


#: Last: no email waits for the search.
WORDS = Task("words", -10, _list_waiting, _run)

"""One page of the results of a query, after the newest ones that a preview shows."""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions
from alerts.queries import parse_query
from alerts.search.position import SearchPosition
from alerts.search.results import QuestionExcerpt, build_excerpt
from alerts.search.search import TimeBudget, search_questions


class ResultPage(msgspec.Struct, frozen=True):
    """A page of results. It can be empty, and still have a next one."""

    excerpts: tuple[QuestionExcerpt, ...]
    first_number: int  #: of the first excerpt among all results, from 1
    total: int
    is_complete: bool  #: whether :attr:`total` is all; if not, there are at least so many
    decided_to: date | None  #: the day down to which questions were compared; None: all
    next: str | None  #: where the next page begins; None on the last


def build_result_page(
    connection: Connection, typed: str, limit: int, budget: TimeBudget, after: SearchPosition
) -> ResultPage:
    """Return the page of results that begins at a position.

    Args:
        connection: The ledger.
        typed: The query as somebody typed it.
        limit: How many questions a page has at most.
        budget: The time after which no older questions are compared.
        after: Where the page begins.

    Raises:
        QueryError: ``typed`` is no query.
    """
    query = parse_query(typed)
    found = search_questions(connection, query, limit, budget, after)
    records = questions.list_records(connection, [one.question_id for one in found.newest])
    return ResultPage(
        tuple(build_excerpt(record, query) for record in records),
        first_number=after.results_before + 1,
        total=found.total,
        is_complete=found.is_complete,
        decided_to=found.decided_to,
        next=found.next.format() if found.next else None,
    )

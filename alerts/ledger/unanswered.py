"""Questions that wait for an answer: how many each body owes, and those that wait longest.

A question with a holding reply waits. One whose page is gone does not: nobody will answer it there.
Two indexes have these questions alone (:data:`alerts.ledger.schema.IS_WAITING`), in the order in
which they are listed.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

import msgspec
from sqlalchemy import ColumnElement, Connection, TextClause, and_, func, or_, select

from alerts.ledger.question_counts import Party
from alerts.ledger.schema import IS_WAITING, question
from alerts.ledger.word_index import DatedQuestion


class WaitingFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the questions that wait."""

    before: date | None = None  #: only those of meetings before this day
    body: str | None = None  #: only those put to this body: ``the-mayor``
    person: str | None = None  #: only those of this member: ``ada-brook``


class WaitingCount(msgspec.Struct, frozen=True):
    """How many questions of one member to one body wait."""

    body: str | None
    person: str | None
    is_overdue: bool
    questions: int


class WaitingGroup(msgspec.Struct, frozen=True):
    """Somebody who owes answers, or waits for them."""

    id: str | None  #: of the body or the member; None for questions that name none
    questions: int


class WaitingCounts(msgspec.Struct, frozen=True):
    """All questions that wait, counted by body, member and whether they are overdue."""

    rows: tuple[WaitingCount, ...]

    def select(
        self, *, body: str | None = None, person: str | None = None, is_overdue: bool = False
    ) -> WaitingCounts:
        """Return the counts of some questions.

        Args:
            body: Only those put to this body; None for all.
            person: Only those of this member; None for all.
            is_overdue: Only those that are overdue.
        """
        return WaitingCounts(
            tuple(
                one
                for one in self.rows
                if (body is None or one.body == body)
                and (person is None or one.person == person)
                and (one.is_overdue or not is_overdue)
            )
        )

    @property
    def total(self) -> int:
        """How many questions there are."""
        return sum(one.questions for one in self.rows)

    def group_by(self, party: Party) -> list[WaitingGroup]:
        """Return who owes answers (``body``) or waits for them (``person``), the most first."""
        found: Counter[str | None] = Counter()
        for one in self.rows:
            found[one.body if party == "body" else one.person] += one.questions
        groups = [WaitingGroup(key, number) for key, number in found.items()]
        return sorted(groups, key=lambda group: (-group.questions, group.id or ""))


def count_all(connection: Connection, before: date) -> WaitingCounts:
    """Return all questions that wait, counted.

    Args:
        connection: The ledger.
        before: Those of meetings before this day are overdue.
    """
    is_overdue = func.coalesce(question.c.meeting_date < before, False)
    keys = question.c.body, question.c.person, is_overdue
    rows = connection.execute(select(*keys, func.count()).where(IS_WAITING).group_by(*keys))
    return WaitingCounts(
        tuple(WaitingCount(body, person, bool(late), number) for body, person, late, number in rows)
    )


def count(connection: Connection, wanted: WaitingFilter) -> int:
    """Return how many questions wait."""
    counted = select(func.count()).select_from(question).where(*_build_conditions(wanted))
    return connection.execute(counted).scalar_one()


def list_longest(
    connection: Connection,
    wanted: WaitingFilter,
    limit: int,
    after: DatedQuestion | None = None,
) -> list[DatedQuestion]:
    """Return the questions that wait longest, with their meeting days, in order.

    Those without a day come last, with the day :attr:`datetime.date.max`.

    Args:
        connection: The ledger.
        wanted: Which of them.
        limit: How many to return at most.
        after: Only those that come after this one; None to begin with the oldest.
    """
    listed = select(question.c.id, question.c.meeting_date).where(*_build_conditions(wanted))
    if after is not None:
        listed = listed.where(_comes_after(after))
    order = question.c.meeting_date.nulls_last(), question.c.id
    rows = connection.execute(listed.order_by(*order).limit(limit))
    return [DatedQuestion(row.id, row.meeting_date or date.max) for row in rows]


def _comes_after(last: DatedQuestion) -> ColumnElement[bool]:
    """Return the condition that a question comes after ``last``, oldest first."""
    day = question.c.meeting_date
    if last.day == date.max:
        return and_(day.is_(None), question.c.id > last.question_id)
    is_same_day = and_(day == last.day, question.c.id > last.question_id)
    return or_(day > last.day, is_same_day, day.is_(None))


def _build_conditions(wanted: WaitingFilter) -> list[ColumnElement[bool] | TextClause]:
    found: list[ColumnElement[bool] | TextClause] = [IS_WAITING]
    if wanted.before is not None:
        found.append(question.c.meeting_date < wanted.before)
    if wanted.body is not None:
        found.append(question.c.body == wanted.body)
    if wanted.person is not None:
        found.append(question.c.person == wanted.person)
    return found

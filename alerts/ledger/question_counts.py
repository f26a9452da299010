"""Questions counted: how many are answered, how soon, and who asked or was asked most.

Each function counts the questions for which a condition holds. The indexes of the table hold what
is counted beside the person and the body, so that no record is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, TextClause, and_, func, or_, select, text, true

from alerts.ledger.questions import NEWEST_FIRST
from alerts.ledger.schema import question
from alerts.ledger.word_index import DatedQuestion

#: Whom questions are counted by: who asked, or who was asked.
Party: TypeAlias = Literal["person", "body"]

#: A tab of a list of questions; a holding reply does not answer a question.
AnswerState: TypeAlias = Literal["answered", "unanswered"]

#: The condition that a question has a full answer.
IS_ANSWERED = question.c.status == "answered"

_KEYS = {"person": question.c.person, "body": question.c.body}
#: A column that pages show of somebody's newest question.
Column: TypeAlias = Literal["asker", "body_name", "party"]
#: Ids in one statement: SQLite joins at most 500 selects.
_NAMES_AT_ONCE = 50


class AnswerTimes(msgspec.Struct, frozen=True):
    """Questions counted by whether and how soon they were answered."""

    answered: int
    unanswered: int  #: those with a holding reply are among them
    #: Days from the meeting to the answer and the answers that took so long, quickest first;
    #: without the answers whose days are not known.
    days: tuple[tuple[int, int], ...]

    @property
    def questions(self) -> int:
        """How many there are in all."""
        return self.answered + self.unanswered

    @property
    def timed(self) -> int:
        """How many answers have a known time."""
        return sum(number for _, number in self.days)

    @property
    def median_days(self) -> int | None:
        """The median of the known times, in whole days; None without one."""
        if not self.timed:
            return None
        upper, is_even = self.timed // 2, self.timed % 2 == 0
        middle = self._find_nth(upper)
        return round((self._find_nth(upper - 1) + middle) / 2) if is_even else middle

    def _find_nth(self, place: int) -> int:
        """Return the days of the answer at a place, counted from 0 for the quickest."""
        passed = 0
        for days, number in self.days:
            passed += number
            if passed > place:
                return days
        raise IndexError(place)

    def count_days(self, first: int, last: int | None = None) -> int:
        """Return how many answers took from ``first`` to ``last`` days; None: or more."""
        return sum(
            number for days, number in self.days if first <= days and (last is None or days <= last)
        )


class Ranked(msgspec.Struct, frozen=True):
    """One who asked, or was asked, with the number of their questions."""

    id: str  #: the same for all spellings of the name: ``ada-brook``
    name: str
    answered: int
    unanswered: int

    @property
    def total(self) -> int:
        """Answered or not."""
        return self.answered + self.unanswered


class Ranking(msgspec.Struct, frozen=True):
    """Those with the most questions, and the others together."""

    first: tuple[Ranked, ...]  #: the most questions first
    others: int  #: how many more there are
    others_answered: int
    others_unanswered: int


class Tally(msgspec.Struct, frozen=True):
    """Questions counted by their answers, by who asked and by who was asked."""

    answers: AnswerTimes
    #: By id, how many are answered and how many there are; empty if they were not counted.
    people: dict[str, tuple[int, int]]
    bodies: dict[str, tuple[int, int]]


def count(connection: Connection, by: Party, condition: ColumnElement[bool]) -> Tally:
    """Return the questions for which a condition holds, counted, also by who asked or was asked.

    Args:
        connection: The ledger.
        by: ``person`` to count by who asked, ``body`` by who was asked; the other is not counted.
        condition: On the table of questions.
    """
    columns = _KEYS[by], IS_ANSWERED, question.c.days_to_answer
    rows = connection.execute(select(*columns, func.count()).where(condition).group_by(*columns))
    if by == "person":
        return add_up((person, None, *rest) for person, *rest in rows)
    return add_up((None, *values) for values in rows)


def add_up(rows: Iterable[Sequence[Any]]) -> Tally:
    """Return the sums of rows: person, body, whether answered, days to the answer, questions."""
    totals, days = [0, 0], Counter[int]()
    people: dict[str, tuple[int, int]] = {}
    bodies: dict[str, tuple[int, int]] = {}
    for person, body, is_answered, taken, number in rows:
        totals[bool(is_answered)] += number
        if is_answered and taken is not None:
            days[taken] += number
        for one, found in ((person, people), (body, bodies)):
            if one is not None:
                answered, total = found.get(one, (0, 0))
                found[one] = answered + (number if is_answered else 0), total + number
    return Tally(AnswerTimes(totals[1], totals[0], tuple(sorted(days.items()))), people, bodies)


def rank(connection: Connection, party: Party, counted: Tally, limit: int) -> Ranking:
    """Return who asked, or was asked, most of the counted questions.

    Args:
        connection: The ledger, for the names.
        party: Who is named: ``person`` for who asked, ``body`` for who was asked.
        counted: What :func:`count` returned.
        limit: How many to name; one more is named rather than called "1 other".
    """
    numbers = counted.people if party == "person" else counted.bodies
    in_order = sorted(numbers.items(), key=lambda item: (-item[1][1], item[0]))
    shown = limit if len(in_order) > limit + 1 else len(in_order)
    names = find_names(connection, party, [one for one, _ in in_order[:shown]])
    rest = [number for _, number in in_order[shown:]]
    return Ranking(
        tuple(
            Ranked(one, names.get(one, one), answered, total - answered)
            for one, (answered, total) in in_order[:shown]
        ),
        others=len(rest),
        others_answered=sum(answered for answered, _ in rest),
        others_unanswered=sum(total - answered for answered, total in rest),
    )


def find_names(connection: Connection, party: Party, ids: Sequence[str]) -> dict[str, str]:
    """Return the name to show for each id: that of the newest question."""
    return find_newest_values(connection, party, ids, "asker" if party == "person" else "body_name")


def find_newest_values(
    connection: Connection, party: Party, ids: Sequence[str], column: Column
) -> dict[str, str]:
    """Return a column of each one's newest question; without those where it is null."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _NAMES_AT_ONCE):
        some = ids[start : start + _NAMES_AT_ONCE]
        statement = _build_newest_statement(party, column, len(some))
        rows = connection.execute(statement, {f"id{place}": one for place, one in enumerate(some)})
        found |= {one: value for one, value in rows if value}
    return found


@lru_cache(maxsize=4 * _NAMES_AT_ONCE)
def _build_newest_statement(party: Party, column: Column, number: int) -> TextClause:
    """Return the statement for some ids: an index leads to each one's newest question."""
    newest = "ORDER BY meeting_date DESC NULLS LAST, id DESC LIMIT 1"
    parts = (
        f"SELECT CAST(:id{place} AS TEXT), "  # noqa: S608  # the names are ours
        f"(SELECT {column} FROM question WHERE {party} = :id{place} {newest})"
        for place in range(number)
    )
    return text(" UNION ALL ".join(parts))


def find_newest(
    connection: Connection, party: Party, one: str, column: ColumnElement[str]
) -> str | None:
    """Return a column of somebody's newest question; None if there is none."""
    wanted = select(column).where(_KEYS[party] == one)
    return connection.execute(wanted.order_by(*NEWEST_FIRST).limit(1)).scalar()


def list_ids(connection: Connection, party: Party) -> Sequence[str]:
    """Return the ids of all who asked, or were asked, in the order of the ids.

    The index is read from one to the next, which takes as long as there are ids and not as there
    are questions.
    """
    key = _KEYS[party]
    first = select(func.min(key).label("id")).cte("ids", recursive=True)
    following = select(func.min(key)).where(key > first.c.id).scalar_subquery()
    ids = first.union_all(select(following).where(first.c.id.is_not(None)))
    found = connection.execute(select(ids.c.id).where(ids.c.id.is_not(None))).scalars()
    return [one for one in found if one is not None]


def list_newest(
    connection: Connection,
    limit: int,
    after: DatedQuestion | None,
    *conditions: ColumnElement[bool],
) -> list[DatedQuestion]:
    """Return questions for which conditions hold with their meeting days, newest first.

    Those without a day come last, with the day :attr:`datetime.date.min`.

    Args:
        connection: The ledger.
        limit: How many to return at most.
        after: Only those that come after this one; None to begin with the newest.
        conditions: On the table of questions.
    """
    wanted = select(question.c.id, question.c.meeting_date).where(*conditions)
    if after is not None:
        wanted = wanted.where(_comes_after(after))
    rows = connection.execute(wanted.order_by(*NEWEST_FIRST).limit(limit))
    return [DatedQuestion(row.id, row.meeting_date or date.min) for row in rows]


def _comes_after(last: DatedQuestion) -> ColumnElement[bool]:
    """Return the condition that a question comes after ``last``, newest first."""
    day = question.c.meeting_date
    if last.day == date.min:
        return and_(day.is_(None), question.c.id < last.question_id)
    is_same_day = and_(day == last.day, question.c.id < last.question_id)
    return or_(day < last.day, is_same_day, day.is_(None))


def has_state(state: AnswerState | None) -> ColumnElement[bool]:
    """Return the condition that a question is answered, or is not; None for all."""
    if state is None:
        return true()
    return IS_ANSWERED if state == "answered" else ~IS_ANSWERED

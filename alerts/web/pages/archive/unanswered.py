"""The page of unanswered questions, by who owes the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.ledger import changes, question_counts, questions, unanswered
from alerts.ledger.question_counts import Party
from alerts.ledger.unanswered import WaitingCounts, WaitingFilter, WaitingGroup
from alerts.search import SearchPosition
from alerts.web.context import WebContext
from alerts.web.kept import KeptValue
from alerts.web.pages.archive.lists import (
    ListedQuestion,
    ListPage,
    describe_questions,
    load_list_page,
    read_position,
    read_text,
)

#: Questions on one page of the list: titles and days alone.
_PAGE_SIZE = 50
#: Bodies whose questions are shown on the page of all, and questions of each.
_MAX_GROUPS, _GROUP_SIZE = 12, 5
#: Members that the list can be narrowed to by a link: a ranking has at most eight rows.
_MAX_RANKED = 8
#: Characters of the id of a body or a member.
_MAX_ID = 120


class NamedGroup(msgspec.Struct, frozen=True):
    """Somebody who owes answers, or waits for them, as the page names them."""

    id: str | None  #: None for questions that name nobody
    name: str | None
    questions: int


class OwedQuestions(msgspec.Struct, frozen=True):
    """A body with the questions that have waited longest for its answer."""

    group: NamedGroup
    questions: tuple[ListedQuestion, ...]


def find_first_day_in_time(context: WebContext) -> date:
    """Return the day of the oldest meeting whose questions are not overdue yet."""
    return context.clock().date() - timedelta(days=context.overdue_days)


class UnansweredPage:
    """The list of questions that wait for an answer."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._counts: KeptValue[WaitingCounts] = KeptValue()

    def build_routes(self) -> list[Route]:
        """Return the routes of the page and of its former address."""
        return [
            Route("/unanswered", self._get_unanswered, methods=["GET"]),
            Route("/overdue", self._get_overdue, methods=["GET"]),
        ]

    async def _get_overdue(self, request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/unanswered{query}", 308)

    async def _get_unanswered(self, request: Request) -> Response:
        is_all = request.query_params.get("show") == "all"
        body, person = (read_text(request, name, _MAX_ID) or None for name in ("body", "member"))
        is_list = request.query_params.get("view") == "list"
        return await run_in_threadpool(
            self.render_unanswered,
            body=body,
            person=person,
            after=read_position(request),
            is_all=is_all,
            is_list=is_list,
        )

    def render_unanswered(
        self,
        *,
        body: str | None,
        person: str | None,
        after: SearchPosition | None,
        is_all: bool,
        is_list: bool,
    ) -> Response:
        """Return the questions that wait for an answer, longest waiting first.

        Args:
            body: whose answers are missing: ``the-mayor``; None for everybody's.
            person: who asked: ``ada-brook``; None for everybody.
            after: where the page of the list begins; None for the first.
            is_all: whether those that are not overdue yet are among them.
            is_list: whether they are one list, not grouped by who owes the answer.
        """
        site = self._context
        today, before = site.clock().date(), find_first_day_in_time(site)
        wanted = WaitingFilter(before=None if is_all else before, body=body, person=person)
        with site.ledger.reading() as connection:
            counts = self._count(connection, before)
            listed_counts = counts if is_all else counts.select(is_overdue=True)
            groups = listed_counts.select(person=person).group_by("body")
            people = listed_counts.select(body=body).group_by("person")
            mine = counts.select(body=body, person=person)
            overdue_total, all_total = mine.select(is_overdue=True).total, mine.total
            total = all_total if is_all else overdue_total
            bodies = _name_groups(connection, "body", groups[:_MAX_GROUPS])
            is_grouped = not is_list and body is None and after is None and len(groups) > 1
            shown = _list_groups(connection, wanted, bodies, today) if is_grouped else ()
            listed = None if is_grouped else _list_page(connection, wanted, total, after, today)
            ranked = [one for one in people if one.id][:_MAX_RANKED]
            return site.render_cacheable_page(
                "unanswered",
                is_all=is_all,
                body=_find_chosen(connection, "body", groups, body),
                person=_find_chosen(connection, "person", people, person),
                wanted=wanted,
                bodies=bodies,
                other_bodies=max(0, len(groups) - _MAX_GROUPS),
                people=_name_groups(connection, "person", ranked),
                shown=shown,
                listed=listed,
                total=total,
                overdue_total=overdue_total,
                all_total=all_total,
                overdue_days=site.overdue_days,
            )

    def _count(self, connection: Connection, before: date) -> WaitingCounts:
        """Return all that waits, counted once for everybody until something changes."""
        state = changes.get_newest_seq(connection), before
        return self._counts.get(state, lambda: unanswered.count_all(connection, before))


def _name_groups(
    connection: Connection, party: Party, groups: Sequence[WaitingGroup]
) -> list[NamedGroup]:
    names = question_counts.find_names(connection, party, [one.id for one in groups if one.id])
    return [
        NamedGroup(one.id, names.get(one.id) if one.id else None, one.questions) for one in groups
    ]


def _find_chosen(
    connection: Connection, party: Party, groups: Sequence[WaitingGroup], chosen: str | None
) -> NamedGroup | None:
    """Return the body or member that the list is narrowed to, if it is in the list."""
    some = [one for one in groups if chosen is not None and one.id == chosen]
    return next(iter(_name_groups(connection, party, some)), None)


def _list_groups(
    connection: Connection, wanted: WaitingFilter, groups: Sequence[NamedGroup], today: date
) -> tuple[OwedQuestions, ...]:
    """Return the bodies that owe most, each with the questions that have waited longest."""
    found = []
    for group in [one for one in groups if one.id]:
        mine = msgspec.structs.replace(wanted, body=group.id)
        ids = [one.question_id for one in unanswered.list_longest(connection, mine, _GROUP_SIZE)]
        found.append(
            OwedQuestions(group, describe_questions(questions.list_records(connection, ids), today))
        )
    return tuple(found)


def _list_page(
    connection: Connection,
    wanted: WaitingFilter,
    total: int,
    after: SearchPosition | None,
    today: date,
) -> ListPage:
    dated = unanswered.list_longest(
        connection, wanted, _PAGE_SIZE + 1, after.last if after else None
    )
    return load_list_page(connection, dated, _PAGE_SIZE, after=after, total=total, today=today)

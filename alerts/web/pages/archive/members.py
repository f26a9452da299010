"""Pages of members: the list of all who ask, and one page for each."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.language import gettext_noop as _
from alerts.ledger import members, question_counts, unanswered
from alerts.ledger.members import MemberSummary
from alerts.ledger.question_counts import AnswerState
from alerts.rendering import member_path
from alerts.search import SearchPosition
from alerts.text import fold_to_letters
from alerts.web.charts import build_member_chart, count_member_months
from alerts.web.context import WebContext
from alerts.web.errors import LikelyPage, PageNotFound
from alerts.web.forms import FormTokens
from alerts.web.pages.archive.lists import (
    NumberedPage,
    build_name_query,
    count_state,
    cut_page,
    load_list_page,
    read_number,
    read_position,
    read_state,
    read_text,
    set_form_cookie,
)
from alerts.web.pages.archive.unanswered import find_first_day_in_time

#: Questions on one page of a member's list: titles alone.
_PAGE_SIZE = 20
#: Members on one page of the list: 100 rows are about 35 kB.
_MEMBERS_PAGE_SIZE = 100
#: Topics and bodies named on a member's page: a ranking has at most eight rows.
_MAX_RANKED = 8
#: Characters of a name that is searched for.
_MAX_NAME = 60


class MemberPages:
    """The list of members, and the page of each."""

    def __init__(self, context: WebContext, form_tokens: FormTokens) -> None:
        self._context, self._form_tokens = context, form_tokens

    def build_routes(self) -> list[Route]:
        """Return the routes of the list and of the pages."""
        return [
            Route("/members", self._get_members, methods=["GET"]),
            Route("/member/{member}", self._get_member, methods=["GET"]),
        ]

    async def _get_members(self, request: Request) -> Response:
        typed = read_text(request, "q", _MAX_NAME)
        letter = read_text(request, "letter", 1).upper()
        by_number = request.query_params.get("sort") == "questions"
        page = read_number(request, "page") or 1
        return await run_in_threadpool(self.render_members, typed, letter, page, by_number)

    def render_members(self, typed: str, letter: str, page: int, by_number: bool) -> Response:
        """Return one page of the list of everybody who ever asked a question.

        Args:
            typed: a part of the names that are listed; empty for all.
            letter: that the last names begin with; empty for all.
            page: its number, from 1.
            by_number: whether those with the most questions come first, rather than by name.
        """
        with self._context.ledger.reading() as connection:
            everybody = members.list_members(connection)
            found = _select_members(everybody, typed, letter)
            if not by_number:
                found = sorted(found, key=lambda one: sort_name(one.name))
            shown: NumberedPage[MemberSummary] = cut_page(found, page, _MEMBERS_PAGE_SIZE)
            parties = members.find_parties(connection, [one.person for one in shown.items])
        return self._context.render_cacheable_page(
            "members",
            shown=shown,
            total=len(everybody),
            letters=sorted({find_letter(one.name) for one in everybody}),
            letter=letter,
            typed=typed,
            by_number=by_number,
            parties=parties,
        )

    async def _get_member(self, request: Request) -> Response:
        csrf_pair = self._form_tokens.issue(request)
        response = await run_in_threadpool(
            self.render_member,
            request.path_params["member"],
            read_position(request),
            read_state(request),
            csrf_pair.csrf,
        )
        return set_form_cookie(self._context, self._form_tokens, request, response, csrf_pair)

    def render_member(
        self, member_id: str, after: SearchPosition | None, state: AnswerState | None, csrf: str
    ) -> Response:
        """Return a member's page.

        Args:
            member_id: identifies a member over all spellings of the name: ``ada-brook``.
            after: where the page of the list of questions begins; None for the newest.
            state: which of the questions are listed; None for all.
            csrf: hidden in the form.

        Raises:
            PageNotFound: there is no such member.
        """
        site = self._context
        with site.ledger.reading() as connection:
            member = members.find_member(connection, member_id)
            if member is None:
                similar = members.list_similar_names(connection, member_id)
                near = [LikelyPage(name, member_path(one)) for one, name in similar]
                raise PageNotFound(_("There is no such member."), near)
            counted = members.count_questions(connection, member_id)
            listed = members.list_questions(
                connection, member_id, _PAGE_SIZE + 1, after.last if after else None, state
            )
            topics = members.list_topics(connection, member_id, _MAX_RANKED)
            bodies = question_counts.rank(connection, "body", counted, _MAX_RANKED)
            months = count_member_months(connection, member_id, site.clock().date())
            page = load_list_page(
                connection,
                listed,
                _PAGE_SIZE,
                after=after,
                total=count_state(counted.answers, state),
                today=site.clock().date(),
            )
            overdue = unanswered.count(
                connection,
                unanswered.WaitingFilter(before=find_first_day_in_time(site), person=member_id),
            )
        return site.render_page(
            "member",
            member=member,
            chart=build_member_chart(site.work_context, member.person, member.name, months),
            source_names=[site.name_source(one) for one in member.sources],
            query=build_name_query("asked_by", member.name),
            answers=counted.answers,
            overdue=overdue,
            overdue_days=site.overdue_days,
            topics=topics,
            bodies=bodies,
            state=state,
            listed=page,
            csrf=csrf,
            accepts_sign_ups=site.accepts_sign_ups,
        )


def _select_members(
    everybody: Sequence[MemberSummary], typed: str, letter: str
) -> Sequence[MemberSummary]:
    """Return the members whose name has what was typed and begins with a letter."""
    wanted = fold_to_letters(typed)
    return [
        one
        for one in everybody
        if wanted in fold_to_letters(one.name) and letter in ("", find_letter(one.name))
    ]


def sort_name(name: str) -> tuple[str, str]:
    """Return what a name is sorted by: the last name, then the whole."""
    return fold_to_letters(name.rpartition(" ")[2]), fold_to_letters(name)


def find_letter(name: str) -> str:
    """Return the letter under which a name is listed: the first of the last name."""
    return sort_name(name)[0][:1].upper() or "?"

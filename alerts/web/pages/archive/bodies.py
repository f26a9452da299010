"""Pages of answering bodies: the list of all who are asked, and one page for each."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.language import gettext_noop as _
from alerts.ledger import bodies, changes, question_counts, unanswered
from alerts.ledger.bodies import BodySummary
from alerts.ledger.question_counts import AnswerState
from alerts.rendering import body_path
from alerts.search import SearchPosition
from alerts.web.charts import build_body_chart, count_body_months
from alerts.web.context import WebContext
from alerts.web.errors import LikelyPage, PageNotFound
from alerts.web.forms import FormTokens
from alerts.web.kept import KeptValue
from alerts.web.pages.archive.lists import (
    build_name_query,
    count_state,
    cut_page,
    load_list_page,
    read_number,
    read_position,
    read_state,
    set_form_cookie,
)
from alerts.web.pages.archive.unanswered import find_first_day_in_time

#: Questions on one page of a body's list: titles alone.
_PAGE_SIZE = 20
#: Bodies on one page of the list.
_BODIES_PAGE_SIZE = 100
#: Members named on a body's page: a ranking has at most eight rows.
_MAX_RANKED = 8


class BodyPages:
    """The list of bodies, and the page of each."""

    def __init__(self, context: WebContext, form_tokens: FormTokens) -> None:
        self._context, self._form_tokens = context, form_tokens
        self._listed: KeptValue[Sequence[BodySummary]] = KeptValue()

    def build_routes(self) -> list[Route]:
        """Return the routes of the list and of the pages."""
        return [
            Route("/bodies", self._get_bodies, methods=["GET"]),
            Route("/bodies/{body}", self._get_body, methods=["GET"]),
        ]

    async def _get_bodies(self, request: Request) -> Response:
        return await run_in_threadpool(self.render_bodies, read_number(request, "page") or 1)

    def render_bodies(self, page: int) -> Response:
        """Return one page of the list of everybody who was asked, with what they owe."""
        site = self._context
        with site.ledger.reading() as connection:
            listed = self._listed.get(
                changes.get_newest_seq(connection), lambda: bodies.list_all(connection)
            )
            waiting = unanswered.count_all(connection, find_first_day_in_time(site))
        return site.render_cacheable_page(
            "bodies",
            shown=cut_page(listed, page, _BODIES_PAGE_SIZE),
            overdue={
                group.id: group.questions
                for group in waiting.select(is_overdue=True).group_by("body")
            },
            overdue_days=site.overdue_days,
        )

    async def _get_body(self, request: Request) -> Response:
        csrf_pair = self._form_tokens.issue(request)
        response = await run_in_threadpool(
            self.render_body,
            request.path_params["body"],
            read_position(request),
            read_state(request),
            csrf_pair.csrf,
        )
        return set_form_cookie(self._context, self._form_tokens, request, response, csrf_pair)

    def render_body(
        self, body_id: str, after: SearchPosition | None, state: AnswerState | None, csrf: str
    ) -> Response:
        """Return the page of an answering body.

        Args:
            body_id: identifies it: ``the-mayor``.
            after: where the page of the list of questions begins; None for the newest.
            state: which of the questions are listed; None for all.
            csrf: hidden in the form.

        Raises:
            PageNotFound: there is no such body.
        """
        site = self._context
        with site.ledger.reading() as connection:
            body = bodies.find(connection, body_id)
            if body is None:
                similar = bodies.list_similar_names(connection, body_id)
                near = [LikelyPage(name, body_path(one)) for one, name in similar]
                raise PageNotFound(_("Nobody of this name was asked a question."), near)
            counted = bodies.count_questions(connection, body_id)
            listed = bodies.list_questions(
                connection, body_id, _PAGE_SIZE + 1, after.last if after else None, state
            )
            ranking = question_counts.rank(connection, "person", counted, _MAX_RANKED)
            months = count_body_months(connection, body_id, site.clock().date())
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
                unanswered.WaitingFilter(before=find_first_day_in_time(site), body=body_id),
            )
        query = build_name_query("asked_of", body.name)
        return site.render_page(
            "body",
            body=body,
            chart=build_body_chart(site.work_context, body.id, body.name, months),
            source_names=[site.name_source(one) for one in body.sources],
            query=query,
            answers=counted.answers,
            overdue=overdue,
            overdue_days=site.overdue_days,
            ranking=ranking,
            state=state,
            listed=page,
            csrf=csrf,
            accepts_sign_ups=site.accepts_sign_ups,
        )

"""The results of a search, with alerts for exactly what is shown.

A page of results is heavy work (:mod:`alerts.web.heavy_work`). The page for a query that is refused
says what to change, at the box, and keeps what was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import cast, get_args

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts.charts import Figure, count_months
from alerts.language import gettext
from alerts.ledger import StatementTimeout, topics
from alerts.ledger.topics import Topic
from alerts.limits import Limit
from alerts.queries import QueryError, suggest_repairs
from alerts.results import (
    CorrectedQuery,
    ResultPage,
    ResultRequest,
    build_result_page,
    find_correction,
)
from alerts.search import SortOrder, TimeBudget, parse_position
from alerts.web.charts import build_search_chart
from alerts.web.context import WebContext
from alerts.web.forms import FormTokens
from alerts.web.heavy_work import HeavyWork, TooBusy, describe_work
from alerts.web.rate_limits import RateLimits, TooManyRequests
from alerts.web.work import WorkContext

#: Seconds that a page of results may spend on matching.
_SEARCH_SECONDS = 0.04
#: Seconds that counting what a refused query may have meant may take.
_REPAIR_SECONDS = 0.02
#: Questions on a page of results: each is searched for its snippet (1 ms).
_PAGE_SIZE = 12
#: Topics that are offered beside the results.
_MAX_RELATED = 6
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 2.0


class SentAlertForm(msgspec.Struct, frozen=True):
    """What is in the form for alerts, after it was sent with an error."""

    email: str = ""
    frequency: str = ""  #: empty for the one that the page suggests
    updates: str = "all"
    error: str | None = None  #: what is wrong with it


class ResultsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a page of results is made from."""

    query: str = ""  #: as typed
    order: SortOrder = "newest"
    after: str | None = None  #: the position where the page begins, as text; None for the first
    csrf: str = ""  #: hidden in the form
    form: SentAlertForm = SentAlertForm()
    is_swapped: bool = False  #: whether a script puts the page in place of another one


class ResultsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a page of results shows."""

    request: ResultsRequest
    today: date
    page: ResultPage | None = None  #: None where there is an error, or no query
    topic: Topic | None = None  #: the public topic of the same query
    related: tuple[Topic, ...] = ()  #: public topics that some of the results match
    error: str | None = None  #: what to change in the query
    repairs: tuple[CorrectedQuery, ...] = ()  #: what a refused query may have meant
    status: int = 200
    headers: Mapping[str, str] = {}


class ResultsPage:
    """The page of results."""

    def __init__(
        self, context: WebContext, form_tokens: FormTokens, limits: RateLimits, work: HeavyWork
    ) -> None:
        self._context, self._form_tokens = context, form_tokens
        self._limits, self._work = limits, work

    def build_routes(self) -> list[Route]:
        """Return the route of the page."""
        return [Route("/search", self._get_results, methods=["GET"])]

    async def _get_results(self, request: Request) -> Response:
        parameters = request.query_params
        order = parameters.get("sort", "")
        return await self.respond(
            request,
            ResultsRequest(
                query=parameters.get("q", "").strip(),
                order=cast("SortOrder", order) if order in get_args(SortOrder) else "newest",
                after=parameters.get("after"),
                is_swapped=request.headers.get("hx-request") == "true",
            ),
        )

    async def respond(
        self, request: Request, wanted: ResultsRequest, status: int | None = None
    ) -> Response:
        """Return a page of results, with a new form.

        Args:
            request: Whose page it is.
            wanted: What it is made from, without a CSRF token.
            status: Of the response; None for that of the page.
        """
        csrf_pair = self._form_tokens.issue(request)
        wanted = msgspec.structs.replace(wanted, csrf=csrf_pair.csrf)
        response = await self._search(request, wanted)
        response.status_code = status or response.status_code
        if self._context.accepts_sign_ups:  # otherwise the page has no form
            self._form_tokens.set_cookie(request, response, csrf_pair.nonce)
        return response

    async def _search(self, request: Request, wanted: ResultsRequest) -> Response:
        context = self._context.work_context
        if not wanted.query:
            view = ResultsView(request=wanted, today=context.clock().date())
            return HTMLResponse(_render(context, view))
        try:
            await self._limits.count_often(Limit.PREVIEWS, request)
            asked = describe_work(request, "search")
            status, page = await self._work.run(asked, render_results, wanted)
        except (TooManyRequests, TooBusy) as error:
            view = ResultsView(
                request=wanted,
                today=context.clock().date(),
                error=gettext(error.detail),
                status=error.status_code,
                headers=error.headers or {},
            )
            return HTMLResponse(_render(context, view), view.status, view.headers)
        return HTMLResponse(page, status)


def render_results(context: WorkContext, wanted: ResultsRequest) -> tuple[int, bytes]:
    """Return the status and the HTML of a page of results."""
    view = find_results(context, wanted)
    return view.status, _render(context, view)


def find_results(context: WorkContext, wanted: ResultsRequest) -> ResultsView:
    """Return what a page of results shows."""
    today = context.clock().date()
    try:
        with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            return _find_view(connection, wanted, today)
    except StatementTimeout:
        error = gettext("This search takes too long. Add a rarer word.")
        return ResultsView(request=wanted, today=today, error=error, status=503)


def _find_view(connection: Connection, wanted: ResultsRequest, today: date) -> ResultsView:
    position = parse_position(wanted.after) if wanted.after is not None else None
    if wanted.after is not None and position is None:
        error = gettext("This link to older results is incomplete. Search again.")
        return ResultsView(request=wanted, today=today, error=error, status=400)
    asked = ResultRequest(typed=wanted.query, order=wanted.order, after=position, limit=_PAGE_SIZE)
    try:
        page = build_result_page(connection, asked, today, TimeBudget(_SEARCH_SECONDS))
    except QueryError as error:
        return ResultsView(
            request=wanted,
            today=today,
            error=str(error),
            repairs=_find_repairs(connection, wanted.query),
            status=400,
        )
    topic = topics.find_public(connection, page.canonical)
    ids = [excerpt.question.id for excerpt in page.excerpts]
    related = topics.list_public_of_questions(connection, ids, _MAX_RELATED + 1)
    others = [one for one in related if topic is None or one.id != topic.id]
    return ResultsView(
        request=wanted, today=today, page=page, topic=topic, related=tuple(others[:_MAX_RELATED])
    )


def _find_repairs(connection: Connection, typed: str) -> tuple[CorrectedQuery, ...]:
    budget = TimeBudget(_REPAIR_SECONDS)
    found = (find_correction(connection, one, budget) for one in suggest_repairs(typed))
    return tuple(one for one in found if one is not None)


def _render(context: WorkContext, view: ResultsView) -> bytes:
    page = view.page
    return context.render_html(
        "results",
        view=view,
        page=page,
        topic_slug=view.topic.slug if view.topic else None,
        chart=_build_chart(context, view, page) if page and not page.request.after else None,
        query=view.request.query,
        form=view.request.form,
        csrf=view.request.csrf,
        accepts_sign_ups=context.accepts_sign_ups,
        overdue_days=context.overdue_days,
        sources=context.site.sources,
    )


def _build_chart(context: WorkContext, view: ResultsView, page: ResultPage) -> Figure:
    by_day, unanswered = page.counts_by_day, page.unanswered_by_day
    months = count_months(by_day, unanswered, view.today, page.decided_to)
    return build_search_chart(context, view.request.query, months)

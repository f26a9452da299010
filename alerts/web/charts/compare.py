"""The page that compares two topics: how often each is asked about, month by month."""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts.charts import Figure
from alerts.language import gettext
from alerts.ledger import StatementTimeout, topics, word_index
from alerts.limits import Limit
from alerts.queries import QueryError
from alerts.search import TimeBudget
from alerts.web.charts.figures import (
    CountedMonths,
    build_search_chart,
    compare_with_search,
    count_search,
)
from alerts.web.context import WebContext
from alerts.web.heavy_work import HeavyWork, TooBusy, describe_work
from alerts.web.rate_limits import RateLimits, TooManyRequests
from alerts.web.work import WorkContext

#: Seconds that each of the two searches may spend on matching.
_SEARCH_SECONDS = 0.1
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 2.0


class _Side(msgspec.Struct, frozen=True):
    """One of the two topics: what was typed, and what it found."""

    typed: str
    error: str | None = None
    found: CountedMonths | None = None
    last_12_months: int = 0


class _CompareView(msgspec.Struct, frozen=True):
    """What the page shows."""

    first: _Side
    second: _Side
    archive_start: date | None = None
    comparison: Figure | None = None
    chart: Figure | None = None  #: of the first topic alone, until there is a second
    error: str | None = None  #: of both
    examples: tuple[str, ...] = ()  #: two queries to compare, where none was typed

    @property
    def status(self) -> int:
        """The status of the response."""
        return 400 if self.first.error or self.second.error else 200


class ComparePage:
    """The page ``/compare``."""

    def __init__(self, context: WebContext, limits: RateLimits, work: HeavyWork) -> None:
        self._context, self._limits, self._work = context, limits, work

    def build_routes(self) -> list[Route]:
        """Return the route of the page."""
        return [Route("/compare", self._get_comparison, methods=["GET"])]

    async def _get_comparison(self, request: Request) -> Response:
        first, second = (request.query_params.get(name, "").strip() for name in ("q", "vs"))
        if not first and not second:
            return await run_in_threadpool(self.render_empty)
        try:
            await self._limits.count_often(Limit.PREVIEWS, request)
            asked = describe_work(request, "search")
            status, page = await self._work.run(asked, render_comparison, first, second)
        except (TooManyRequests, TooBusy) as error:
            view = _CompareView(_Side(first), _Side(second), error=error.detail)
            return self._render(view, error.status_code, error.headers)
        return HTMLResponse(page, status)

    def render_empty(self) -> HTMLResponse:
        """Return the page without topics, with two public ones as an example."""
        with self._context.ledger.reading() as connection:
            listed = topics.list_page(connection, 0, 2)
        examples = tuple(one.canonical for one in listed if one.canonical)
        return self._render(_CompareView(_Side(""), _Side(""), examples=examples))

    def _render(
        self, view: _CompareView, status: int = 200, headers: object = None
    ) -> HTMLResponse:
        page = _render_compare(self._context.work_context, view)
        return HTMLResponse(page, status, dict(headers) if isinstance(headers, dict) else None)


def render_comparison(context: WorkContext, first: str, second: str) -> tuple[int, bytes]:
    """Return the status and the HTML of the page for two queries; one of them may be empty."""
    try:
        with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            view = _compare(connection, first, second, context)
    except StatementTimeout:
        sentence = gettext("This search takes too long. Add a rarer word.")
        view = _CompareView(_Side(first), _Side(second), error=sentence)
        return 503, _render_compare(context, view)
    return view.status, _render_compare(context, view)


def _render_compare(context: WorkContext, view: _CompareView) -> bytes:
    return context.render_html("compare", view=view)


def _compare(connection: Connection, first: str, second: str, context: WorkContext) -> _CompareView:
    today = context.clock().date()
    one, other = (_count_side(connection, typed, today) for typed in (first, second))
    comparison, chart = _draw(one, other, context)
    return _CompareView(
        one,
        other,
        archive_start=word_index.get_first_day(connection),
        comparison=comparison,
        chart=chart,
    )


def _count_side(connection: Connection, typed: str, today: date) -> _Side:
    if not typed:
        return _Side(typed)
    try:
        found = count_search(connection, typed, today, TimeBudget(_SEARCH_SECONDS))
    except QueryError as error:
        return _Side(typed, error=str(error))
    return _Side(
        typed,
        found=found,
        last_12_months=sum(one.total for one in found.months[-12:]),
    )


def _draw(first: _Side, second: _Side, context: WorkContext) -> tuple[Figure | None, Figure | None]:
    """Return the comparison, or the chart of the one topic that there is so far."""
    figures = [
        build_search_chart(context, side.typed, side.found.months, can_compare=False)
        for side in (first, second)
        if side.found is not None
    ]
    if len(figures) == 2:
        return compare_with_search(figures[0], figures[1], second.typed), None
    return None, figures[0] if figures else None

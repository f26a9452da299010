"""The home page: a search that previews a topic, and signing up for alerts about it.

The answer to a sign-up never tells who is subscribed: it is the same for every address, it comes
after the same time, and the confirmation email goes to the address alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import date
from typing import cast, get_args

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts.ledger import StatementTimeout, topics, word_index
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.ledger.topics import Topic
from alerts.limits import Client, Limit, allow_email_to_unconfirmed
from alerts.model import AddressError, Frequency, Updates
from alerts.queries import QueryError
from alerts.search import (
    Preview,
    ResultPage,
    TimeBudget,
    build_preview,
    build_result_page,
    parse_position,
)
from alerts.subscribers import UnknownQuestionError, request_confirmation
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.heavy_work import HeavyWork, TooBusy, describe_work
from alerts.web.rate_limits import RateLimits, TooManyRequests, find_request_client
from alerts.web.work import WorkContext

#: Seconds that a preview may spend on matching: it is shown while somebody types.
_SEARCH_SECONDS = 0.04
#: Seconds that a page of older results may spend on matching: nothing else is counted for it.
_OLDER_SECONDS = 0.08
#: Questions on a page of older results: each is searched for its snippet (1 ms).
_PAGE_SIZE = 12
_UNKNOWN_POSITION = "This link to older results is incomplete. Search again."
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 2.0
#: Seconds after which an answer about an address is sent: longer than any of them takes (20 ms).
_MIN_RESPONSE_SECONDS = 0.25
_SEARCH_TOO_LONG = "This search takes too long. Add a rarer word."


class _HomeView(msgspec.Struct, frozen=True):
    """What the home page shows."""

    query: str = ""
    email: str = ""
    preview: Preview | None = None
    older: ResultPage | None = None  #: a page of older results, in place of a preview
    topic: Topic | None = None  #: the public topic of the same query
    archive_start: date | None = None  #: day of our oldest question
    error: str | None = None
    status: int = 200
    headers: Mapping[str, str] = {}


class HomePage:
    """The home page and its sign-up form."""

    def __init__(
        self, context: WebContext, form_tokens: FormTokens, limits: RateLimits, work: HeavyWork
    ) -> None:
        self._context, self._form_tokens = context, form_tokens
        self._limits, self._work = limits, work

    def build_routes(self) -> list[Route]:
        """Return the routes of the page and of the form."""
        return [
            Route("/", self._get_home, methods=["GET"]),
            Route("/search", self._get_home, methods=["GET"]),
            Route("/sign-up", self._post_sign_up, methods=["POST"]),
        ]

    async def _get_home(self, request: Request) -> Response:
        query = request.query_params.get("q", "").strip()
        csrf_pair = self._form_tokens.issue(request)
        response = await self._search(request, query, csrf_pair.csrf)
        if query and self._context.accepts_sign_ups:  # otherwise the page has no form
            self._form_tokens.set_cookie(request, response, csrf_pair.nonce)
        return response

    async def _search(self, request: Request, query: str, csrf: str) -> Response:
        if not query:
            return self._render(_HomeView(), csrf)
        after = request.query_params.get("after")
        try:
            await self._limits.count_often(Limit.PREVIEWS, request)
            asked = describe_work(request, "search")
            status, page = await self._work.run(asked, render_search, query, after, csrf)
        except (TooManyRequests, TooBusy) as error:
            headers, status = error.headers or {}, error.status_code
            view = _HomeView(query, error=error.detail, status=status, headers=headers)
            return self._render(view, csrf)
        return HTMLResponse(page, status)

    async def _post_sign_up(self, request: Request) -> Response:
        began = time.monotonic()
        form = await read_form(request)
        if not self._form_tokens.is_valid(request, form.get("csrf", "")):
            return self._render_error(request, form, EXPIRED_FORM, 403)
        await self._limits.count(Limit.SIGN_UPS, request)
        await self._limits.check(Limit.CONFIRMATIONS, request)
        try:
            await run_in_threadpool(self.send_confirmation, form, find_request_client(request))
        except (AddressError, QueryError, UnknownQuestionError) as error:
            return self._render_error(request, form, str(error), 400)
        await wait_for_min_response_time(began)
        return self._context.render_page("check_email")

    def send_confirmation(self, form: Mapping[str, str], client: Client) -> None:
        """Send a confirmation email, unless the address is not to be emailed now.

        Args:
            form: fields ``email``, ``frequency``, ``updates``, and ``q`` with a query or
                ``question`` with the id of a question to follow.
            client: whose form it is.

        Raises:
            AddressError: the address cannot be used.
            QueryError: the query cannot be read, or holds contact details.
            UnknownQuestionError: the question does not exist.
        """
        site, request = self._context, _read_subscription(form)
        if not site.accepts_sign_ups:
            raise AddressError("This service does not accept sign-ups.")
        with site.ledger.writing() as connection:
            request_confirmation(
                connection,
                site.create_message_context(),
                form.get("email", "").strip(),
                request=request,
                defaults=site.subscriber_defaults,
                allow_email=lambda address: allow_email_to_unconfirmed(
                    self._limits.limiter, address, client
                ),
            )
        site.deliver_soon()  # whether or not there is a message: both take the same time

    def _render_error(
        self, request: Request, form: Mapping[str, str], error: str, status: int
    ) -> Response:
        """Return the page with an error message and a new form."""
        csrf_pair = self._form_tokens.issue(request)
        view = _HomeView(form.get("q", ""), error=error, status=status)
        response = self._render(view, csrf_pair.csrf)
        self._form_tokens.set_cookie(request, response, csrf_pair.nonce)
        return response

    def _render(self, view: _HomeView, csrf: str) -> Response:
        page = _render_home(self._context.work_context, view, csrf)
        return HTMLResponse(page, view.status, view.headers)


def render_search(
    context: WorkContext, query: str, after: str | None, csrf: str
) -> tuple[int, bytes]:
    """Return the status and the HTML of the home page for a search.

    Args:
        context: what it is made with.
        query: as typed.
        after: the position where a page of older results begins; None for the preview.
        csrf: hidden in the form.
    """
    view = search_home(context, query, after)
    return view.status, _render_home(context, view, csrf)


def search_home(context: WorkContext, query: str, after: str | None = None) -> _HomeView:
    """Return what the page shows for a search."""
    try:
        with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            if after is not None:
                return _find_older(connection, query, after)
            return _preview(connection, query, context.clock().date())
    except QueryError as error:
        return _HomeView(query, error=str(error), status=400)
    except StatementTimeout:
        return _HomeView(query, error=_SEARCH_TOO_LONG, status=503)


def _render_home(context: WorkContext, view: _HomeView, csrf: str) -> bytes:
    return context.render_html(
        "home",
        query=view.query,
        email=view.email,
        csrf=csrf,
        preview=view.preview,
        older=view.older,
        topic=view.topic,
        archive_start=view.archive_start,
        error=view.error,
        accepts_sign_ups=context.accepts_sign_ups,
    )


def _preview(connection: Connection, query: str, today: date) -> _HomeView:
    preview = build_preview(connection, query, today, TimeBudget(_SEARCH_SECONDS))
    return _HomeView(
        query,
        preview=preview,
        topic=topics.find_public(connection, preview.canonical),
        archive_start=word_index.get_first_day(connection),
    )


def _find_older(connection: Connection, query: str, after: str) -> _HomeView:
    """Return the page of results that begins at a position."""
    position = parse_position(after)
    if position is None:
        return _HomeView(query, error=_UNKNOWN_POSITION, status=400)
    budget = TimeBudget(_OLDER_SECONDS)
    older = build_result_page(connection, query, _PAGE_SIZE, budget, position)
    return _HomeView(query, older=older, archive_start=word_index.get_first_day(connection))


def _read_subscription(form: Mapping[str, str]) -> SubscriptionRequest:
    """Return what a sign-up form asks for; an unknown choice counts as the default."""
    frequency, updates = form.get("frequency", ""), form.get("updates", "")
    question_id = form.get("question") or None
    return SubscriptionRequest(
        query="" if question_id else form.get("q", "").strip(),
        frequency=(Frequency(frequency) if frequency in tuple(Frequency) else Frequency.DAILY),
        updates=cast("Updates", updates) if updates in get_args(Updates) else "all",
        origin="page",
        question_id=question_id,
    )


async def wait_for_min_response_time(began: float) -> None:
    """Wait until a quarter of a second after ``began`` (monotonic time).

    Without this the time of an answer would tell whether an address is subscribed.
    """
    await asyncio.sleep(max(0.0, began + _MIN_RESPONSE_SECONDS - time.monotonic()))

"""The first page: what a topic would bring, shown while it is typed, and signing up for it.

Nobody learns here who is subscribed: whatever address is typed, the answer is the same, after the
same time, and the letter goes to its owner alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.ledger import questions, topics
from alerts.ledger.engine import StatementTimeout
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.ledger.topics import Topic
from alerts.model import AddressError, Frequency, Updates
from alerts.queries import QueryError
from alerts.search import Preview, TimeBudget, build_preview
from alerts.subscribers import request_confirmation, send_manage_link
from alerts.web.context import WebContext
from alerts.web.forms import CsrfPair, FormTokens, read_form
from alerts.web.rate_limits import RateLimits

#: What a preview may spend on deciding, and the database on one statement, in seconds.
_SEARCH_SECONDS, _STATEMENT_SECONDS = 0.04, 2.0
#: Every answer about an address comes after so long, in seconds, whether it is known or not.
_MIN_RESPONSE_SECONDS = 0.25

_TOO_MANY_REQUESTS = PlainTextResponse("That was often. Please try again in an hour.\n", 429)
_SEARCH_TOO_LONG = "That takes too long to look for. Add a rarer word."
_EXPIRED_FORM = (
    "This page was open for long, or your browser kept no cookie of it. Please press once more."
)


class HomePage:
    """The page, over an open ledger."""

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits

    def build_routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route("/", self._get_home, methods=["GET"]),
            Route("/sign-up", self._post_sign_up, methods=["POST"]),
            Route("/my-page", self._handle_manage_link, methods=["GET", "POST"]),
        ]

    async def _get_home(self, request: Request) -> Response:
        typed = request.query_params.get("q", "").strip()
        ticket = self._form_tokens.issue(request)
        response = await run_in_threadpool(self.render_search, typed, ticket)
        if (
            typed and self._context.accepts_sign_ups
        ):  # else there is no form that it would belong to
            self._form_tokens.set_cookie(request, response, ticket.nonce)
        return response

    def render_search(self, typed: str, csrf_pair: CsrfPair, email: str = "") -> Response:
        """The page with what was ``typed`` into its search box."""
        if not typed:
            return self._render_home(typed, csrf_pair)
        site = self._context
        try:
            with site.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
                found = build_preview(
                    connection, typed, site.clock().date(), TimeBudget(_SEARCH_SECONDS)
                )
                topic = topics.find(connection, found.canonical)
            return self._render_home(typed, csrf_pair, found, topic, email=email)
        except QueryError as error:
            return self._render_home(typed, csrf_pair, error=str(error), status=400)
        except StatementTimeout:
            return self._render_home(typed, csrf_pair, error=_SEARCH_TOO_LONG, status=503)

    async def _post_sign_up(self, request: Request) -> Response:
        began = time.monotonic()
        form = await read_form(request)
        if not self._form_tokens.is_valid(request, form.get("csrf", "")):
            return await self._render_error(request, form, _EXPIRED_FORM, 403)
        if not self._limits.allow_sign_up(request):
            return _TOO_MANY_REQUESTS
        try:
            await run_in_threadpool(self.send_confirmation, form)
        except (AddressError, QueryError) as error:
            return await self._render_error(request, form, str(error), 400)
        await _wait_until(began + _MIN_RESPONSE_SECONDS)
        return self._context.render_page(
            "check_email", query=form.get("title") or form.get("q", "")
        )

    async def _render_error(
        self, request: Request, form: Mapping[str, str], error: str, status: int
    ) -> Response:
        """The page once more, with what is wrong and a fresh form."""
        ticket = self._form_tokens.issue(request)
        response = self._render_home(form.get("q", ""), ticket, error=error, status=status)
        self._form_tokens.set_cookie(request, response, ticket.nonce)
        return response

    def send_confirmation(self, form: Mapping[str, str]) -> None:
        """Send a letter with a link, unless one is on its way; nobody is told which.

        Raises :class:`AddressError` and :class:`QueryError`.
        """
        site = self._context
        wish = _read_subscription(form)
        if not site.accepts_sign_ups:
            raise AddressError("Nobody can sign up here.")
        with site.ledger.writing() as connection:
            if wish.question_id is not None:
                stored = questions.find(connection, wish.question_id)
                if stored is None:
                    raise AddressError("There is no such question.")
            request_confirmation(
                connection,
                site.create_message_context(),
                form.get("email", "").strip(),
                request=wish,
                defaults=site.subscriber_defaults,
            )

    async def _handle_manage_link(self, request: Request) -> Response:
        """Somebody has lost the link to their own page: a letter brings it."""
        site, ticket = self._context, self._form_tokens.issue(request)
        if request.method == "GET":
            response: Response = site.render_page(
                "request_manage_link", csrf=ticket.csrf, sent=False, error=None
            )
            self._form_tokens.set_cookie(request, response, ticket.nonce)
            return response
        began = time.monotonic()
        form = await read_form(request)
        error: str | None = None
        if not self._form_tokens.is_valid(request, form.get("csrf", "")):
            error = _EXPIRED_FORM
        elif not self._limits.allow_sign_up(request):
            return _TOO_MANY_REQUESTS
        elif site.accepts_sign_ups:
            try:
                await run_in_threadpool(self.send_manage_link, form.get("email", "").strip())
            except AddressError as wrong:
                error = str(wrong)
        await _wait_until(began + _MIN_RESPONSE_SECONDS)
        status = 400 if error else 200
        values = {"csrf": ticket.csrf, "sent": error is None, "error": error}
        response = site.render_page("request_manage_link", status, **values)
        self._form_tokens.set_cookie(request, response, ticket.nonce)
        return response

    def send_manage_link(self, email: str) -> None:
        """Write to whom an address belongs, if they are subscribed."""
        site = self._context
        with site.ledger.writing() as connection:
            send_manage_link(connection, site.create_message_context(), email)

    def _render_home(
        self,
        typed: str,
        csrf_pair: CsrfPair,
        preview: Preview | None = None,
        topic: Topic | None = None,
        error: str | None = None,
        status: int = 200,
        email: str = "",
    ) -> Response:
        return self._context.render_page(
            "home",
            status,
            typed=typed,
            email=email,
            csrf=csrf_pair.csrf,
            found=preview,
            topic=topic,
            error=error,
            open=self._context.accepts_sign_ups,
        )


def _read_subscription(form: Mapping[str, str]) -> SubscriptionRequest:
    every, wants = form.get("every", "daily"), form.get("wants", "all")
    question = form.get("question") or None
    return SubscriptionRequest(
        (form.get("title", "") if question else form.get("q", "")).strip()[:500],
        Frequency(every) if every in tuple(Frequency) else Frequency.DAILY,
        cast("Any", wants if wants in get_args(Updates) else "all"),
        "page",
        question_id=question,
    )


async def _wait_until(moment: float) -> None:
    """Wait, so that an answer does not tell by its time what was done for it."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))

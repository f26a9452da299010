"""Signing up for alerts about what a search finds.

The answer to a sign-up never tells who is subscribed: it is the same for every address, it comes
after the same time, and the confirmation email goes to the address alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.language import gettext
from alerts.ledger import questions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.limits import Client, Limit, allow_email_to_unconfirmed
from alerts.model import AddressError, Frequency, Updates
from alerts.queries import QueryError
from alerts.search import TimeBudget, estimate_volume
from alerts.subscribers import AlertSample, UnknownQuestionError, request_confirmation
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.pages.results import ResultsPage, ResultsRequest, SentAlertForm
from alerts.web.pages.sign_up_links import render_check_email
from alerts.web.rate_limits import RateLimits, find_request_client

#: Seconds after which an answer about an address is sent: longer than any of them takes (20 ms).
_MIN_RESPONSE_SECONDS = 0.25
#: Seconds to find out how much an alert brings, so that all of it fits into those.
_SAMPLE_SECONDS = 0.04


class SignUpPage:
    """``/sign-up``, where the form for alerts is sent to."""

    def __init__(
        self,
        context: WebContext,
        form_tokens: FormTokens,
        limits: RateLimits,
        results: ResultsPage,
    ) -> None:
        self._context, self._form_tokens = context, form_tokens
        self._limits, self._results = limits, results

    def build_routes(self) -> list[Route]:
        """Return the route of the form."""
        return [
            Route("/sign-up", self._post_sign_up, methods=["POST"]),
        ]

    async def _post_sign_up(self, request: Request) -> Response:
        began = time.monotonic()
        form = await read_form(request)
        if not self._form_tokens.is_valid(request, form.get("csrf", "")):
            return await self._respond_error(request, form, gettext(EXPIRED_FORM), 403)
        await self._limits.count(Limit.SIGN_UPS, request)
        await self._limits.check(Limit.CONFIRMATIONS, request)
        try:
            await run_in_threadpool(self.send_confirmation, form, find_request_client(request))
        except (AddressError, QueryError, UnknownQuestionError) as error:
            return await self._respond_error(request, form, str(error), 400)
        await wait_for_min_response_time(began)
        return render_check_email(self._context, form)

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
            raise AddressError(gettext("This service does not accept sign-ups."))
        sample = self._find_sample(request)
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
                sample=sample,
            )
        site.deliver_soon()  # whether or not there is a message: both take the same time

    def _find_sample(self, request: SubscriptionRequest) -> AlertSample:
        """Return how much an alert brings; nothing where that takes too long to find.

        It is found whether or not an email follows: the time must not tell.

        Raises:
            QueryError: The query cannot be read.
        """
        site = self._context
        with site.ledger.reading() as connection:
            if request.question_id is not None:
                stored = questions.find(connection, request.question_id)
                return AlertSample(question=stored.record if stored else None)
            today, budget = site.clock().date(), TimeBudget(_SAMPLE_SECONDS)
            volume = estimate_volume(connection, request.query, today, budget)
            newest = questions.find(connection, volume.newest_id) if volume.newest_id else None
            return AlertSample(volume.per_month, newest.record if newest else None)

    async def _respond_error(
        self, request: Request, form: Mapping[str, str], error: str, status: int
    ) -> Response:
        """Return the results with the error at the form, and what was typed in it."""
        sent = SentAlertForm(
            email=form.get("email", ""),
            frequency=form.get("frequency", ""),
            updates=form.get("updates", "all"),
            error=error,
        )
        wanted = ResultsRequest(query=form.get("q", "").strip(), form=sent)
        return await self._results.respond(request, wanted, status)


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

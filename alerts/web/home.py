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
from alerts.ledger.engine import TooLong
from alerts.ledger.subscriptions import Wish
from alerts.ledger.topics import Topic
from alerts.model import FREQUENCIES, Wants
from alerts.queries.parse import QueryError
from alerts.search.preview import Preview, preview
from alerts.search.search import Budget
from alerts.subscribers.confirm import ask, send_link
from alerts.subscribers.subscribe import AddressError
from alerts.web.context import Site
from alerts.web.forms import Forms, Ticket, fields_of
from alerts.web.limits import Limits

#: What a preview may spend on deciding, and the database on one statement, in seconds.
_DECIDING, _ASKING = 0.04, 2.0
#: Every answer about an address comes after so long, in seconds, whether it is known or not.
_EVEN = 0.25

_OFTEN = PlainTextResponse("That was often. Please try again in an hour.\n", 429)
_TOO_LONG = "That takes too long to look for. Add a rarer word."
_STALE = (
    "This page was open for long, or your browser kept no cookie of it. Please press once more."
)


class Home:
    """The page, over an open ledger."""

    def __init__(self, site: Site, forms: Forms, limits: Limits) -> None:
        self._site, self._forms, self._limits = site, forms, limits

    def routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route("/", self._show, methods=["GET"]),
            Route("/sign-up", self._sign_up, methods=["POST"]),
            Route("/my-page", self._my_page, methods=["GET", "POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        typed = request.query_params.get("q", "").strip()
        ticket = self._forms.ticket(request)
        response = await run_in_threadpool(self.show, typed, ticket)
        if typed and self._site.is_open:  # else there is no form that it would belong to
            self._forms.keep(request, response, ticket.nonce)
        return response

    def show(self, typed: str, ticket: Ticket, email: str = "") -> Response:
        """The page with what was ``typed`` into its search box."""
        if not typed:
            return self._page(typed, ticket)
        site = self._site
        try:
            with site.ledger.reading_for(_ASKING) as connection:
                found = preview(connection, typed, site.clock().date(), Budget(_DECIDING))
                topic = topics.find(connection, found.canonical)
            return self._page(typed, ticket, found, topic, email=email)
        except QueryError as error:
            return self._page(typed, ticket, error=str(error), status=400)
        except TooLong:
            return self._page(typed, ticket, error=_TOO_LONG, status=503)

    async def _sign_up(self, request: Request) -> Response:
        began = time.monotonic()
        form = await fields_of(request)
        if not self._forms.is_ours(request, form.get("csrf", "")):
            return await self._again(request, form, _STALE, 403)
        if not self._limits.sign_up(request):
            return _OFTEN
        try:
            await run_in_threadpool(self.sign_up, form)
        except (AddressError, QueryError) as error:
            return await self._again(request, form, str(error), 400)
        await _until(began + _EVEN)
        return self._site.page("asked", query=form.get("title") or form.get("q", ""))

    async def _again(
        self, request: Request, form: Mapping[str, str], error: str, status: int
    ) -> Response:
        """The page once more, with what is wrong and a fresh form."""
        ticket = self._forms.ticket(request)
        response = self._page(form.get("q", ""), ticket, error=error, status=status)
        self._forms.keep(request, response, ticket.nonce)
        return response

    def sign_up(self, form: Mapping[str, str]) -> None:
        """Send a letter with a link, unless one is on its way; nobody is told which.

        Raises :class:`AddressError` and :class:`QueryError`.
        """
        site = self._site
        wish = _wish(form)
        if not site.is_open:
            raise AddressError("Nobody can sign up here.")
        with site.ledger.writing() as connection:
            if wish.question_id is not None:
                stored = questions.find(connection, wish.question_id)
                if stored is None:
                    raise AddressError("There is no such question.")
            ask(
                *(connection, site.templates, site.letterhead, form.get("email", "").strip()),
                wish=wish,
                habits=site.habits,
                now=site.clock(),
            )

    async def _my_page(self, request: Request) -> Response:
        """Somebody has lost the link to their own page: a letter brings it."""
        site, ticket = self._site, self._forms.ticket(request)
        if request.method == "GET":
            response: Response = site.page("my_page", csrf=ticket.csrf, sent=False, error=None)
            self._forms.keep(request, response, ticket.nonce)
            return response
        began = time.monotonic()
        form = await fields_of(request)
        error: str | None = None
        if not self._forms.is_ours(request, form.get("csrf", "")):
            error = _STALE
        elif not self._limits.sign_up(request):
            return _OFTEN
        elif site.is_open:
            try:
                await run_in_threadpool(self.send_link, form.get("email", "").strip())
            except AddressError as wrong:
                error = str(wrong)
        await _until(began + _EVEN)
        status = 400 if error else 200
        values = {"csrf": ticket.csrf, "sent": error is None, "error": error}
        response = site.page("my_page", status, **values)
        self._forms.keep(request, response, ticket.nonce)
        return response

    def send_link(self, email: str) -> None:
        """Write to whom an address belongs, if they are subscribed."""
        site = self._site
        with site.ledger.writing() as connection:
            send_link(connection, site.templates, site.letterhead, email, site.clock())

    def _page(
        self,
        typed: str,
        ticket: Ticket,
        found: Preview | None = None,
        topic: Topic | None = None,
        error: str | None = None,
        status: int = 200,
        email: str = "",
    ) -> Response:
        return self._site.page(
            "home",
            status,
            typed=typed,
            email=email,
            csrf=ticket.csrf,
            found=found,
            topic=topic,
            error=error,
            open=self._site.is_open,
        )


def _wish(form: Mapping[str, str]) -> Wish:
    every, wants = form.get("every", "daily"), form.get("wants", "all")
    question = form.get("question") or None
    return Wish(
        (form.get("title", "") if question else form.get("q", "")).strip()[:500],
        cast("Any", every if every in FREQUENCIES else "daily"),
        cast("Any", wants if wants in get_args(Wants) else "all"),
        "page",
        question_id=question,
    )


async def _until(moment: float) -> None:
    """Wait, so that an answer does not tell by its time what was done for it."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))

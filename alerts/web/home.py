"""The first page: what a topic would bring, shown at once, and signing up for it.

Nobody learns here who is subscribed: whatever address is typed, the answer is the same, and the
letter goes to its owner alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast, get_args
from urllib.parse import urlsplit

from limits import parse as limit
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts.confirming import ask
from alerts.due import FREQUENCIES
from alerts.ledger import Ledger, topics
from alerts.ledger.subscriptions import Wants, Wish
from alerts.ledger.topics import Topic
from alerts.mail import Letterhead
from alerts.previewing import Preview, preview
from alerts.query import QueryError
from alerts.rendering import Templates
from alerts.subscriptions import AddressError, Habits

#: From one network address; each may cost somebody a letter.
_SIGN_UPS = limit("10/hour")
#: What a form may hold, in bytes; a query is refused long before.
_LARGEST = 10_000


class Home:
    """The page, over an open ledger."""

    def __init__(
        self,
        ledger: Ledger,
        templates: Templates,
        head: Letterhead,
        habits: Habits,
        clock: Callable[[], datetime],
        *,
        is_open: bool,
    ) -> None:
        self._is_open = is_open
        self._ledger, self._templates, self._head = ledger, templates, head
        self._habits, self._clock = habits, clock
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def routes(self, headers: Mapping[str, str]) -> list[Route]:
        """Where it is; every answer bears ``headers``."""

        async def show(request: Request) -> Response:
            typed = request.query_params.get("q", "").strip()
            status, html = await run_in_threadpool(self.show, typed)
            return HTMLResponse(html, status, dict(headers))

        async def sign_up(request: Request) -> Response:
            if not _is_from_here(request):
                return _plain("This form was sent from another site.", 403, headers)
            if int(request.headers.get("content-length") or _LARGEST + 1) > _LARGEST:
                return _plain("That is too much for this form.", 413, headers)
            host = request.client.host if request.client else "unknown"
            if not self._limiter.hit(_SIGN_UPS, host):
                return _plain("That was often. Please try again in an hour.", 429, headers)
            async with request.form() as form:
                typed = {name: str(form.get(name, "")) for name in ("q", "email", "every", "wants")}
            status, html = await run_in_threadpool(self.sign_up, typed)
            return HTMLResponse(html, status, dict(headers))

        return [
            Route("/", show, methods=["GET"]),
            Route("/sign-up", sign_up, methods=["POST"]),
        ]

    def show(self, typed: str) -> tuple[int, str]:
        """The page with what was ``typed`` into its search box, and the status to send it with."""
        if not typed:
            return 200, self._page(typed)
        try:
            with self._ledger.reading() as connection:
                found = preview(connection, typed, self._clock().date())
                topic = topics.find(connection, found.canonical)
            return 200, self._page(typed, found, topic)
        except QueryError as error:
            return 400, self._page(typed, error=str(error))

    def sign_up(self, typed: Mapping[str, str]) -> tuple[int, str]:
        """Send a letter with a link, unless one is on its way; nobody is told which."""
        every = typed["every"] if typed["every"] in FREQUENCIES else "daily"
        wants = typed["wants"] if typed["wants"] in get_args(Wants) else "all"
        wish = Wish(typed["q"].strip(), cast("Any", every), cast("Any", wants), "page")
        if not self._is_open:
            return 404, self._page(typed["q"])
        try:
            with self._ledger.writing() as connection:
                ask(
                    *(connection, self._templates, self._head, typed["email"].strip()),
                    wish=wish,
                    habits=self._habits,
                    now=self._clock(),
                )
        except (AddressError, QueryError) as error:
            return 400, self._page(typed["q"], error=str(error))
        values = {"name": self._head.name, "query": wish.query}
        return 200, self._templates.html("web/asked.html", **values)

    def _page(
        self,
        typed: str,
        found: Preview | None = None,
        topic: Topic | None = None,
        error: str | None = None,
    ) -> str:
        return self._templates.html(
            "web/home.html",
            name=self._head.name,
            typed=typed,
            found=found,
            topic=topic,
            error=error,
            most=max(found.months.values(), default=0) if found else 0,
            open=self._is_open,
        )


def _plain(text: str, status: int, headers: Mapping[str, str]) -> Response:
    return Response(f"{text}\n", status, dict(headers), "text/plain")


def _is_from_here(request: Request) -> bool:
    """Whether a form was sent from our own page, as browsers tell (Fetch Metadata, Origin).

    A program that sends neither is no browser, and has nobody's cookies to misuse: there are none.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")

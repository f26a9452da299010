"""The pages that our emails lead to: confirming, leaving, and all of a long digest.

A GET never changes anything: link scanners open every link in an email. Confirming and leaving are
a POST, from the page's button or from the mail program itself (RFC 8058). The link's token is the
authority, so there is no cookie and nothing to forge across sites.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts import confirming
from alerts.kept import kept_digest
from alerts.ledger import Ledger, bounces, subscriptions
from alerts.rendering import KEPT_DAYS, Templates
from alerts.subscriptions import Habits

#: Takes a token, and whether the button was pressed; gives the page, None for a wrong token.
_Page: TypeAlias = Callable[[str, bool], str | None]


class Letters:
    """The pages, over an open ledger."""

    def __init__(
        self,
        name: str,
        domain: str,
        ledger: Ledger,
        templates: Templates,
        habits: Habits,
        clock: Callable[[], datetime],
    ) -> None:
        self._name, self._domain, self._ledger = name, domain, ledger
        self._templates, self._habits, self._clock = templates, habits, clock

    def routes(self, headers: dict[str, str]) -> list[Route]:
        """Where they are; every answer bears ``headers``."""

        def route(path: str, page: _Page, methods: list[str]) -> Route:
            async def answer(request: Request) -> Response:
                is_pressed = request.method == "POST"
                html = await run_in_threadpool(page, request.path_params["token"], is_pressed)
                if html is None:
                    raise HTTPException(404, "This link is not valid, or no longer.", headers)
                return HTMLResponse(html, headers=headers)

            return Route(path, answer, methods=methods)

        return [
            route("/u/{token}", self.leave, ["GET", "POST"]),
            route("/c/{token}", self.confirm, ["GET", "POST"]),
            route("/d/{token}", self.digest, ["GET"]),
        ]

    def leave(self, token: str, is_pressed: bool) -> str | None:
        """Shows what the link's owner watches for; pressed, it ends all of it."""
        with self._ledger.writing() if is_pressed else self._ledger.reading() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            if is_pressed:
                subscriptions.unsubscribe(connection, person.id, self._clock())
            mine = [s for s in subscriptions.living(connection) if s.subscriber_id == person.id]
            stopped = bounces.suppressed(connection, person.email)
        return self._templates.html(
            "web/unsubscribe.html",
            name=self._name,
            email=person.email,
            queries=[s.query for s in mine],
            done=is_pressed,
            stopped=stopped,
        )

    def confirm(self, token: str, is_pressed: bool) -> str | None:
        """Shows what was asked for; pressed, it begins."""
        now = self._clock()
        if is_pressed:
            with self._ledger.writing() as connection:
                found = confirming.confirm(connection, token, self._habits, now)
        else:
            with self._ledger.reading() as connection:
                found = confirming.asked(connection, token, now)
        if found is None:
            return None
        values = {"name": self._name, "asked": found, "done": is_pressed}
        return self._templates.html("web/confirm.html", **values)

    def digest(self, token: str, _is_pressed: bool) -> str | None:
        """All of a digest that was too long for an email, for some days."""
        since = self._clock() - timedelta(days=KEPT_DAYS)
        with self._ledger.reading() as connection:
            found = kept_digest(connection, f"<digest.{token}@{self._domain}>", since)
        if found is None:
            return None
        return self._templates.html("web/digest.html", name=self._name, digest=found)

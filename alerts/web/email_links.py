"""The pages that our emails lead to: confirming, leaving, and all of a long digest.

A GET never changes anything: link scanners open every link in an email. Confirming and leaving are
a POST, from the page's button or from the mail program itself (RFC 8058). The link's token is the
authority, so there is no cookie and nothing to forge across sites.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.digests.compose import kept_digest
from alerts.ledger import bounces, subscriptions
from alerts.rendering.templates import KEPT_DAYS
from alerts.subscribers import confirm as confirming
from alerts.web.context import Site
from alerts.web.limits import Limits

#: Takes a token, and whether the button was pressed; gives the page, None for a wrong token.
_Page: TypeAlias = Callable[[str, bool], Response | None]

#: Scanners open a link, and run what is on its page, when a letter arrives; people come later.
_SCANNED = timedelta(minutes=5)
_NOT_VALID = "This link is not valid, or no longer."


class Letters:
    """The pages, over an open ledger."""

    def __init__(self, site: Site, limits: Limits) -> None:
        self._site, self._limits = site, limits

    def routes(self) -> list[Route]:
        """Where they are."""

        def route(path: str, page: _Page, methods: list[str]) -> Route:
            async def answer(request: Request) -> Response:
                # Leaving is never refused: one mail provider's network leaves for many.
                if not path.startswith("/u/") and not self._limits.may_guess(request):
                    raise HTTPException(429, "Too many wrong links came from your network.")
                is_pressed = request.method == "POST"
                found = await run_in_threadpool(page, request.path_params["token"], is_pressed)
                if found is None:
                    self._limits.guessed(request)
                    raise HTTPException(404, _NOT_VALID)
                return found

            return Route(path, answer, methods=methods)

        return [
            route("/u/{token}", self.leave, ["GET", "POST"]),
            route("/c/{token}", self.confirm, ["GET", "POST"]),
            route("/d/{token}", self.digest, ["GET"]),
        ]

    def leave(self, token: str, is_pressed: bool) -> Response | None:
        """Shows what the link's owner watches for; pressed, it ends all of it."""
        site = self._site
        with site.ledger.writing() if is_pressed else site.ledger.reading() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            if is_pressed:
                subscriptions.unsubscribe(connection, person.id, site.clock())
            mine = subscriptions.living(connection, person.id)
            stopped = bounces.suppressed(connection, person.email)
        return site.page(
            "unsubscribe",
            email=person.email,
            queries=[s.query for s in mine],
            done=is_pressed,
            stopped=stopped,
        )

    def confirm(self, token: str, is_pressed: bool) -> Response | None:
        """Shows what was asked for; pressed, it begins."""
        site, now = self._site, self._site.clock()
        if is_pressed:
            with site.ledger.writing() as connection:
                found = confirming.confirm(connection, token, site.habits, now, site.most_topics)
        else:
            with site.ledger.reading() as connection:
                found = confirming.asked(connection, token, now)
        if found is None:
            return None
        # The letter names one wish. What came since anybody may have typed: that is to be read.
        presses_itself = len(found.wishes) == 1 and now - found.asked_at > _SCANNED
        return site.page("confirm", asked=found, done=is_pressed, presses_itself=presses_itself)

    def digest(self, token: str, _is_pressed: bool) -> Response | None:
        """All of a digest that was too long for an email, for some days."""
        site = self._site
        since = site.clock() - timedelta(days=KEPT_DAYS)
        with site.ledger.reading() as connection:
            found = kept_digest(connection, f"<digest.{token}@{site.domain}>", since)
        return site.page("digest", digest=found) if found else None

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

from alerts.digests import DIGEST_PAGE_DAYS, load_sent_digest
from alerts.ledger import bounces, subscriptions
from alerts.subscribers import confirmation
from alerts.web.context import WebContext
from alerts.web.rate_limits import RateLimits

#: Takes a token, and whether the button was pressed; gives the page, None for a wrong token.
_LinkHandler: TypeAlias = Callable[[str, bool], Response | None]

#: Scanners open a link, and run what is on its page, when a letter arrives; people come later.
_SCANNER_WINDOW = timedelta(minutes=5)
_INVALID_LINK = "This link is not valid, or no longer."


class EmailLinkPages:
    """The pages, over an open ledger."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits

    def build_routes(self) -> list[Route]:
        """Where they are."""

        def route(path: str, page: _LinkHandler, methods: list[str]) -> Route:
            async def answer(request: Request) -> Response:
                # Leaving is never refused: one mail provider's network leaves for many.
                if not path.startswith("/u/") and not self._limits.may_try_link(request):
                    raise HTTPException(429, "Too many wrong links came from your network.")
                is_pressed = request.method == "POST"
                found = await run_in_threadpool(page, request.path_params["token"], is_pressed)
                if found is None:
                    self._limits.count_wrong_link(request)
                    raise HTTPException(404, _INVALID_LINK)
                return found

            return Route(path, answer, methods=methods)

        return [
            route("/u/{token}", self.unsubscribe, ["GET", "POST"]),
            route("/c/{token}", self.confirm, ["GET", "POST"]),
            route("/d/{token}", self.show_digest, ["GET"]),
        ]

    def unsubscribe(self, token: str, is_pressed: bool) -> Response | None:
        """Shows what the link's owner watches for; pressed, it ends all of it."""
        site = self._context
        with site.ledger.writing() if is_pressed else site.ledger.reading() as connection:
            person = subscriptions.find_subscriber_by_token(connection, token)
            if person is None:
                return None
            if is_pressed:
                subscriptions.unsubscribe(connection, person.id, site.clock())
            mine = subscriptions.list_active(connection, person.id)
            stopped = bounces.find_suppression(connection, person.email)
        return site.render_page(
            "unsubscribe",
            email=person.email,
            queries=[s.query for s in mine],
            done=is_pressed,
            stopped=stopped,
        )

    def confirm(self, token: str, is_pressed: bool) -> Response | None:
        """Shows what was asked for; pressed, it begins."""
        site, now = self._context, self._context.clock()
        if is_pressed:
            with site.ledger.writing() as connection:
                found = confirmation.confirm_signup(
                    connection, token, site.subscriber_defaults, now, site.max_topics
                )
        else:
            with site.ledger.reading() as connection:
                found = confirmation.find_pending_signup(connection, token, now)
        if found is None:
            return None
        # The letter names one wish. What came since anybody may have typed: that is to be read.
        presses_itself = len(found.requests) == 1 and now - found.requested_at > _SCANNER_WINDOW
        return site.render_page(
            "confirm", asked=found, done=is_pressed, presses_itself=presses_itself
        )

    def show_digest(self, token: str, _is_pressed: bool) -> Response | None:
        """All of a digest that was too long for an email, for some days."""
        site = self._context
        since = site.clock() - timedelta(days=DIGEST_PAGE_DAYS)
        with site.ledger.reading() as connection:
            found = load_sent_digest(connection, f"<digest.{token}@{site.domain}>", since)
        return site.render_page("digest", digest=found) if found else None

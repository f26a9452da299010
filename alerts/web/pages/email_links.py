"""Pages that digests link to: unsubscribing, and the whole of a long digest.

A GET changes nothing, because link scanners open every link in an email. Unsubscribing is a
POST, from the page's button or from the mail program (RFC 8058). The token in
the link is the authority, so these forms need no cookie.
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
from alerts.mail import build_message_id, find_message_key
from alerts.secret import list_accepted, mask_address
from alerts.subscribers import (
    UNDO_PERIOD,
    list_restorable,
    restore_alerts,
)
from alerts.web.context import WebContext
from alerts.web.forms import read_form
from alerts.web.pages.alerts import INVALID_LINK
from alerts.web.rate_limits import RateLimits

#: Given a token, and for a POST what its form asks for, returns the page; None for a wrong token.
_LinkHandler: TypeAlias = Callable[[str, str | None], Response | None]
#: What the form on the page of somebody who has unsubscribed asks for.
_UNDO = "restore"
#: As our pages send forms. Mail programs may send theirs as multipart/form-data too (RFC 8058).
_FORM_TYPE = "application/x-www-form-urlencoded"


class EmailLinkPages:
    """The pages at ``/u/`` and ``/d/``."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits

    def build_routes(self) -> list[Route]:
        """Return the routes of all pages."""
        return [
            # Never limited: one mail provider's network unsubscribes for many people.
            self._build_route("/u/{token}", self.unsubscribe, ["GET", "POST"], is_limited=False),
            self._build_route("/d/{token}", self.show_digest, ["GET"]),
        ]

    def _build_route(
        self, path: str, handler: _LinkHandler, methods: list[str], *, is_limited: bool = True
    ) -> Route:
        async def answer(request: Request) -> Response:
            action = await _read_action(request) if request.method == "POST" else None
            page = await run_in_threadpool(handler, request.path_params["token"], action)
            if page is None:
                if is_limited:
                    await self._limits.count_wrong_link(request)
                raise HTTPException(404, INVALID_LINK)
            return page

        return Route(path, answer, methods=methods)

    def unsubscribe(self, token: str, action: str | None) -> Response | None:
        """Show a subscriber's alerts; with a POST end all of them, or undo that for a day."""
        site, now = self._context, self._context.clock()
        with site.ledger.reading() as connection:  # a wrong link does not wait for the writer
            if subscriptions.find_subscriber_by_token(connection, token) is None:
                return None
        with site.ledger.writing() if action is not None else site.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_token(connection, token)
            if subscriber is None:
                return None
            since, is_restored = now - UNDO_PERIOD, False
            suppression = bounces.find_suppression(connection, subscriber.email)
            if action == _UNDO:
                is_restored = not suppression and bool(
                    restore_alerts(connection, subscriber, now, since)
                )
            elif action is not None:
                subscriptions.unsubscribe(connection, subscriber.id, now)
            alerts = subscriptions.list_active(connection, subscriber.id)
            ended = [] if suppression else list_restorable(connection, subscriber.id, since)
        if action is not None:
            site.delete_withdrawn_feeds()
        return site.render_page(
            "unsubscribe",
            email=mask_address(subscriber.email),
            queries=[alert.query for alert in alerts],
            restorable=[alert.query for alert in ended],
            is_unsubscribed=action is not None and action != _UNDO,
            is_restored=is_restored,
            suppression=suppression,
        )

    def show_digest(self, token: str, _action: str | None) -> Response | None:
        """Show all entries of a digest that was too long for an email, for `DIGEST_PAGE_DAYS`."""
        site = self._context
        secrets = list_accepted(site.mail_identity.token_secret)
        keys = filter(None, (find_message_key(token, secret) for secret in secrets))
        names = [build_message_id("digest", key, site.domain) for key in keys]
        since = site.clock() - timedelta(days=DIGEST_PAGE_DAYS)
        with site.ledger.reading() as connection:
            found = (load_sent_digest(connection, name, since) for name in names)
            digest = next(filter(None, found), None)
        return site.render_page("digest", digest=digest) if digest else None


async def _read_action(request: Request) -> str:
    """Return what the form of a POST asks for; empty where it does not say it."""
    if not request.headers.get("Content-Type", "").startswith(_FORM_TYPE):
        return ""
    return (await read_form(request)).get("action", "")

"""Pages that digests link to: unsubscribing from all or one, and the whole of a long digest.

A GET changes nothing, because link scanners open every link in an email. Unsubscribing is a
POST, from the page's button or from the mail program (RFC 8058). The token in
the link is the authority, so these forms need no cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.digests import DIGEST_PAGE_DAYS, load_sent_digest
from alerts.language import gettext
from alerts.ledger import bounces, subscriptions
from alerts.ledger.subscriptions import Subscription
from alerts.limits import Limit
from alerts.mail import build_message_id, find_message_key
from alerts.model import Frequency, Subscriber
from alerts.secret import list_accepted, mask_address
from alerts.subscribers import (
    MONTH_PAUSE,
    UNDO_PERIOD,
    UndoableChange,
    end_alerts,
    list_restorable,
    list_undoable,
    pause_alert,
    restore_alerts,
    set_frequency,
    undo_change,
)
from alerts.web.context import WebContext
from alerts.web.forms import read_form
from alerts.web.pages.alerts import INVALID_LINK
from alerts.web.rate_limits import RateLimits

#: Given a request and what the form of a POST asks for (None for a GET), returns the page; None
#: for a wrong token.
_LinkHandler: TypeAlias = Callable[[Request, str | None], Response | None]
#: What the form on the page of somebody who has unsubscribed asks for.
_UNDO = "restore"
#: What the page of one alert does beside unsubscribing. These are changes, which are limited;
#: leaving is never refused.
_CHANGES = frozenset(("weekly", "pause-month", "undo"))
#: As our pages send forms. Mail programs may send theirs as multipart/form-data too (RFC 8058).
_FORM_TYPE = "application/x-www-form-urlencoded"


class EmailLinkPages:
    """The pages at ``/u/`` and ``/d/``."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits

    def build_routes(self) -> list[Route]:
        """Return the routes of all pages."""
        methods = ["GET", "POST"]
        return [
            # Never limited: one mail provider's network unsubscribes for many people.
            self._build_route("/u/{token}", self.unsubscribe, methods, is_limited=False),
            self._build_route("/u/{token}/{alert:int}", self.stop_alert, methods, is_limited=False),
            self._build_route("/d/{token}", self.show_digest, ["GET"]),
        ]

    def _build_route(
        self, path: str, handler: _LinkHandler, methods: list[str], *, is_limited: bool = True
    ) -> Route:
        async def answer(request: Request) -> Response:
            action = await _read_action(request) if request.method == "POST" else None
            page = await run_in_threadpool(handler, request, action)
            if page is None:
                if is_limited:
                    await self._limits.count_wrong_link(request)
                raise HTTPException(404, gettext(INVALID_LINK))
            return page

        return Route(path, answer, methods=methods)

    def unsubscribe(self, request: Request, action: str | None) -> Response | None:
        """Show a subscriber's alerts; with a POST end all of them, or undo that for a day."""
        site, now = self._context, self._context.clock()
        token = request.path_params["token"]
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
        ended_at = ended[0].ended_at if ended else None
        return site.render_page(
            "unsubscribe",
            email=mask_address(subscriber.email),
            alerts=alerts,
            form_path=f"/u/{token}",
            restorable=[alert.query for alert in ended],
            undo_until=ended_at + UNDO_PERIOD if ended_at else None,
            now=now.astimezone(ZoneInfo(subscriber.zone)),
            is_unsubscribed=action is not None and action != _UNDO,
            is_restored=is_restored,
            suppression=suppression,
        )

    def stop_alert(self, request: Request, action: str | None) -> Response | None:
        """Ask whether one alert is to end; with a POST end it, or do what the form asks for."""
        site, key = self._context, request.path_params["alert"]
        with site.ledger.reading() as connection:
            subscriber = _find_subscriber(connection, request)
            if subscriber is None:
                return None
            known = subscriptions.find_own(connection, subscriber.id, key)
            if known is None:
                return self.unsubscribe(request, None)
            if action is None and known.ended_at is None:
                return self._ask_to_stop(connection, subscriber, known)
        if action is None:
            with site.ledger.reading() as connection:
                return self._render_stopped(connection, subscriber, known, "")
        if action in _CHANGES:
            self._limits.count_address(Limit.CHANGES, request, subscriber.email)
        with site.ledger.writing() as connection:
            done = self._change(connection, subscriber, known, action)
            page = self._render_stopped(connection, subscriber, known, done)
        site.delete_withdrawn_feeds()
        return page

    def _change(
        self, connection: Connection, subscriber: Subscriber, alert: Subscription, action: str
    ) -> str:
        """Do what a form asks for; return what was done, empty for nothing."""
        now = self._context.clock()
        if action == "undo":
            change = self._find_undoable(connection, subscriber, alert)
            is_done = change is not None and bool(
                undo_change(connection, subscriber, change.id, now)
            )
        elif alert.ended_at is not None:
            is_done = False
        elif action == "weekly":
            is_done = alert.frequency != Frequency.WEEKLY
            if is_done:
                set_frequency(connection, alert, Frequency.WEEKLY, now)
        elif action == "pause-month":
            is_done = pause_alert(connection, subscriber.id, alert.topic_id, now, MONTH_PAUSE)
        else:  # the button, or a mail program (RFC 8058)
            action, is_done = (
                "unsubscribe",
                end_alerts(connection, subscriber.id, alert.topic_id, now),
            )
        return action if is_done else ""

    def _find_undoable(
        self, connection: Connection, subscriber: Subscriber, alert: Subscription
    ) -> UndoableChange | None:
        """Return the newest change of an alert alone that can be undone.

        While nothing may be sent to the address, whoever has the email can undo nothing.
        """
        if bounces.find_suppression(connection, subscriber.email) is not None:
            return None
        undoable = list_undoable(connection, subscriber.id, self._context.clock())
        return next((one for one in undoable if one.subscription_ids == (alert.id,)), None)

    def _ask_to_stop(
        self, connection: Connection, subscriber: Subscriber, alert: Subscription
    ) -> Response:
        path = f"/u/{subscriber.token}"
        return self._context.render_page(
            "stop_alert",
            alert=alert,
            others=subscriptions.count_active(connection, subscriber.id) - 1,
            email=mask_address(subscriber.email),
            form_path=f"{path}/{alert.id}",
            all_path=path,
            csrf=None,
            link=None,
        )

    def _render_stopped(
        self, connection: Connection, subscriber: Subscriber, alert: Subscription, done: str
    ) -> Response:
        """Return the page after a change, or about an alert that has ended."""
        now = self._context.clock()
        found = subscriptions.find_own(connection, subscriber.id, alert.id) or alert
        others = subscriptions.count_active(connection, subscriber.id)
        return self._context.render_page(
            "alert_stopped",
            done=done,
            topic=alert.query,
            is_active=found.ended_at is None,
            resume_at=found.resume_at,
            undoable=self._find_undoable(connection, subscriber, alert) if done != "undo" else None,
            form_path=f"/u/{subscriber.token}/{alert.id}",
            others=others - (found.ended_at is None),
            feed_path=_build_feed_path(found) if found.ended_at is not None else None,
            now=now.astimezone(ZoneInfo(subscriber.zone)),
        )

    def show_digest(self, request: Request, _action: str | None) -> Response | None:
        """Show all entries of a digest that was too long for an email, for `DIGEST_PAGE_DAYS`."""
        site, token = self._context, request.path_params["token"]
        secrets = list_accepted(site.mail_identity.token_secret)
        keys = filter(None, (find_message_key(token, secret) for secret in secrets))
        names = [build_message_id("digest", key, site.domain) for key in keys]
        since = site.clock() - timedelta(days=DIGEST_PAGE_DAYS)
        with site.ledger.reading() as connection:
            found = (load_sent_digest(connection, name, since) for name in names)
            digest = next(filter(None, found), None)
        if digest is None:
            return None
        return site.render_page("digest", digest=digest, days=DIGEST_PAGE_DAYS)


def _find_subscriber(connection: Connection, request: Request) -> Subscriber | None:
    return subscriptions.find_subscriber_by_token(connection, request.path_params["token"])


def _build_feed_path(alert: Subscription) -> str | None:
    """Return the feed that anybody can have of a query: it needs no alert."""
    if alert.canonical is None:
        return None
    return f"/feeds/queries/feed.rss.xml?{urlencode({'q': alert.query})}"


async def _read_action(request: Request) -> str:
    """Return what the form of a POST asks for; empty where it does not say it."""
    if not request.headers.get("Content-Type", "").startswith(_FORM_TYPE):
        return ""
    return (await read_form(request)).get("action", "")

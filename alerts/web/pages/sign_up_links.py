"""The page after a sign-up, and those that its email links to: to confirm, and to get no more.

A GET changes nothing, because link scanners open every link in an email. The token in the link is
the authority, so these forms need no cookie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.language import gettext
from alerts.ledger import subscriptions, topics
from alerts.ledger.topics import Topic
from alerts.limits import Limit
from alerts.mail import STOP_LINK_VALIDITY
from alerts.model import Subscriber
from alerts.queries import QueryError, format_canonical, parse_query
from alerts.rendering import describe_schedule, question_path
from alerts.schedule import find_next_due
from alerts.search import TimeBudget, Volume, estimate_volume, list_results
from alerts.subscribers import (
    CONFIRMATION_LINK_VALIDITY,
    ConfirmationView,
    SignUp,
    allow_emails,
    confirm_signup,
    find_pending_signup,
    get_permission,
    refuse_emails,
)
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext
from alerts.web.forms import read_choices, read_form
from alerts.web.pages.alerts import INVALID_LINK
from alerts.web.pages.alerts_view import describe_feeds
from alerts.web.rate_limits import RateLimits

#: Mail scanners open a link, and some run its scripts, within minutes of an email's arrival.
#: People who open it later are spared the button.
_SCANNER_WINDOW = timedelta(minutes=5)
#: Newest questions in which related topics are looked for, and how many of those are shown.
_RELATED_SAMPLE = 12
_MAX_RELATED = 5
#: Seconds that a page may spend on counting what its topics have brought.
_COUNTING_SECONDS = 0.04


def render_check_email(site: WebContext, form: Mapping[str, str]) -> Response:
    """Return the page for a sign-up form that was accepted, from what was typed alone.

    Args:
        site: What pages are made with.
        form: The fields ``email``, and ``q`` with a query or ``question`` with the id of a question
            to follow.
    """
    question_id = form.get("question") or None
    query = "" if question_id else form.get("q", "").strip()
    back_path = question_path(question_id) if question_id else f"/search?{urlencode({'q': query})}"
    return site.render_page(
        "check_email",
        email=form.get("email", "").strip(),
        query=query,
        back_path=back_path,
        sender=site.mail_identity.address,
        hours=int(CONFIRMATION_LINK_VALIDITY.total_seconds() // 3600),
    )


class SignUpDetail(msgspec.Struct, frozen=True):
    """What a page says about one sign-up."""

    schedule: str  #: ``Daily, at 07:00``
    results_path: str  #: the page that shows what there is so far
    volume: Volume | None = None  #: how much it brings; None for a question, or if not known
    feed_path: str | None = None  #: the same as a feed; for whoever has just confirmed


class SignUpLinkPages:
    """The pages at ``/c/`` and ``/n/``."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits

    def build_routes(self) -> list[Route]:
        """Return the routes of both pages."""
        return [
            Route("/c/{token}", self._get_sign_up, methods=["GET"]),
            Route("/c/{token}", self._post_sign_up, methods=["POST"]),
            Route("/n/{token}", self._get_email_permission, methods=["GET"]),
            Route("/n/{token}", self._post_email_permission, methods=["POST"]),
        ]

    async def _get_sign_up(self, request: Request) -> Response:
        return await self._answer(request, self.show_sign_up)

    async def _post_sign_up(self, request: Request) -> Response:
        chosen = await read_choices(request, "sign_up", marker="choice")
        return await self._answer(
            request, lambda token: self.confirm_within_limits(request, token, chosen)
        )

    async def _get_email_permission(self, request: Request) -> Response:
        return await self._answer(request, self.show_email_permission)

    async def _post_email_permission(self, request: Request) -> Response:
        is_allowed = (await read_form(request)).get("action") == "allow"
        return await self._answer(
            request, lambda token: self.set_email_permission(token, is_allowed)
        )

    async def _answer(self, request: Request, show: Callable[[str], Response | None]) -> Response:
        """Return the page for the request's link; raise a 404, and count it, for a wrong link."""
        page = await run_in_threadpool(show, request.path_params["token"])
        if page is None:
            await self._limits.count_wrong_link(request)
            raise HTTPException(404, gettext(INVALID_LINK))
        return page

    def show_sign_up(self, token: str) -> Response | None:
        """Show what a sign-up asked for, and the other open ones for the same address."""
        with self._context.ledger.reading() as connection:
            view = find_pending_signup(connection, token, self._context.clock())
            return self._render_sign_up(connection, view) if view else None

    def confirm_within_limits(
        self, request: Request, token: str, chosen: frozenset[int] | None
    ) -> Response | None:
        """Do what `confirm` does, as a change that is counted for the address.

        A wrong link is found by reading: it does not wait for the ledger's writer.

        Raises:
            TooManyRequests: there were too many changes for this address.
        """
        with self._context.ledger.reading() as connection:
            view = find_pending_signup(connection, token, self._context.clock())
        if view is None:
            return None
        self._limits.count_address(Limit.CHANGES, request, view.email)
        return self.confirm(token, chosen)

    def confirm(self, token: str, chosen: frozenset[int] | None) -> Response | None:
        """Subscribe to the sign-ups with the chosen ids; None stands for the email's own."""
        site = self._context
        with site.ledger.writing() as connection:
            view = confirm_signup(
                connection,
                token,
                site.subscriber_defaults,
                site.clock(),
                site.max_topics,
                chosen,
            )
        if view is None:
            return None
        is_empty = chosen is not None and not view.accepted and not view.over_limit
        with site.ledger.reading() as connection:  # counting must not hold up the writer
            return self._render_sign_up(connection, view, is_empty=is_empty)

    def _render_sign_up(
        self, connection: Connection, view: ConfirmationView, *, is_empty: bool = False
    ) -> Response:
        site, now = self._context, self._context.clock()
        subscriber = subscriptions.find_subscriber_by_email(connection, view.email)
        zone = subscriber.zone if subscriber else site.subscriber_defaults.zone
        shown = view.accepted or (view.own,)
        due_times = [find_next_due(one.request.frequency, now, zone, self._get_hour(subscriber))
                     for one in shown]  # fmt: skip
        return site.render_page(
            "confirm",
            view=view,
            # Where there is a choice, it is the reader's.
            submits_itself=not view.others and now - view.requested_at > _SCANNER_WINDOW,
            is_empty=is_empty,
            related=_list_related(connection, view.accepted),
            details=self._describe_all(connection, view, subscriber),
            next_due=min((due for due in due_times if due), default=None),
            now=now.astimezone(ZoneInfo(zone)),
            zone=zone,
            sender=site.mail_identity.address,
            hours=int(CONFIRMATION_LINK_VALIDITY.total_seconds() // 3600),
            manage_path=self._build_manage_path(subscriber) if view.accepted else None,
        )

    def _get_hour(self, subscriber: Subscriber | None) -> int:
        return subscriber.hour if subscriber else self._context.subscriber_defaults.hour

    def _build_manage_path(self, subscriber: Subscriber | None) -> str | None:
        """Return the way to the alerts of somebody who has just confirmed.

        Only the answer to the button has it: the link of the email opens the page again for two
        days, for whoever has the email.
        """
        if subscriber is None:
            return None
        return f"/m/{self._context.token_signer.issue('manage', subscriber.link_subject)}"

    def _describe_all(
        self, connection: Connection, view: ConfirmationView, subscriber: Subscriber | None
    ) -> dict[int, SignUpDetail]:
        """Return what the page says about each sign-up that it is about, by its id."""
        shown = view.accepted or (view.own,)
        hour = self._get_hour(subscriber)
        feeds = self._list_feeds(connection, subscriber) if view.accepted and subscriber else {}
        budget = TimeBudget(_COUNTING_SECONDS)
        return {
            one.id: SignUpDetail(
                schedule=describe_schedule(one.request.frequency, hour),
                results_path=_find_results_path(one),
                volume=self._estimate(connection, one, budget),
                feed_path=feeds.get(one.request.query),
            )
            for one in shown
        }

    def _estimate(
        self, connection: Connection, sign_up: SignUp, budget: TimeBudget
    ) -> Volume | None:
        """Return how much a sign-up would bring; None for a question, or if the time is over."""
        if sign_up.request.question_id is not None or budget.is_spent():
            return None
        try:
            today = self._context.clock().date()
            return estimate_volume(connection, sign_up.request.query, today, budget)
        except QueryError:  # accepted by an earlier version of the query language
            return None

    def _list_feeds(self, connection: Connection, subscriber: Subscriber) -> dict[str, str]:
        """Return the addresses of a subscriber's feeds, by their queries."""
        alerts = subscriptions.list_active(connection, subscriber.id)
        feeds = describe_feeds(connection, self._context, alerts)
        return {
            one.query: f"/feeds/{feeds[one.topic_id].metadata.base_path}.rss.xml" for one in alerts
        }

    def show_email_permission(self, token: str) -> Response | None:
        """Show whether an address is sent confirmation emails, with the button to change it."""
        site, address_hash = self._context, self._open_stop_link(token)
        if address_hash is None:
            return None
        with site.ledger.reading() as connection:
            permission = get_permission(connection, address_hash, site.clock())
        return site.render_page("email_permission", permission=permission, is_changed=False)

    def set_email_permission(self, token: str, is_allowed: bool) -> Response | None:
        """Let an address be sent confirmation emails, or none from now on."""
        site, address_hash = self._context, self._open_stop_link(token)
        if address_hash is None:
            return None
        with site.ledger.writing() as connection:
            if is_allowed:
                allow_emails(connection, address_hash)
            else:
                refuse_emails(connection, address_hash, site.clock())
        permission = "allowed" if is_allowed else "refused"
        return site.render_page("email_permission", permission=permission, is_changed=True)

    def _open_stop_link(self, token: str) -> str | None:
        """Return the keyed hash of the address whose link this is; None for a wrong link."""
        try:
            return self._context.token_signer.verify("stop", token, STOP_LINK_VALIDITY)
        except ExpiredToken:
            return None


def _list_related(connection: Connection, accepted: Sequence[SignUp]) -> list[Topic]:
    """Return the public topics that the newest questions of a confirmed query match, most first."""
    query = next((one.request.query for one in accepted if one.request.question_id is None), None)
    try:
        parsed = parse_query(query) if query is not None else None
    except QueryError:  # accepted by an earlier version of the query language
        return []
    if parsed is None:
        return []
    newest, _ = list_results(connection, parsed, _RELATED_SAMPLE)
    ids = [one.question_id for one in newest]
    related = topics.list_public_of_questions(connection, ids, _MAX_RELATED + 1)
    canonical = format_canonical(parsed)
    return [one for one in related if one.canonical != canonical][:_MAX_RELATED]


def _find_results_path(sign_up: SignUp) -> str:
    """Return the page that shows what a sign-up is about."""
    if sign_up.request.question_id is not None:
        return question_path(sign_up.request.question_id)
    return f"/search?{urlencode({'q': sign_up.request.query})}"

"""The page where a subscriber manages their alerts, schedule and data.

The signed link in their emails is the authority; it is valid for `MANAGE_LINK_VALIDITY`. A GET
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.digests import find_next_digest
from alerts.feeds import build_opml
from alerts.language import gettext, gettext_noop
from alerts.ledger import LedgerUnavailable, personal_data, subscriptions
from alerts.ledger.erasure import erase_deleted
from alerts.ledger.personal_data import DeletedData
from alerts.limits import Limit
from alerts.mail import MANAGE_LINK_VALIDITY
from alerts.model import Subscriber
from alerts.subscribers import send_manage_link
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.pages.alert_form import AlertForm, FormOutcome, apply_alert_form
from alerts.web.pages.alerts_view import describe_feeds, list_zones, load_alerts_view
from alerts.web.rate_limits import RateLimits
from crawler.event_log import get_logger

log = get_logger("watchword.web")

#: Seconds for which a page waits for readers of the ledger.
_MAX_ERASING_SECONDS = 0.5
INVALID_LINK = gettext_noop(
    "This link is not valid. Use the link in the newest email, or ask for a new one."
)
#: What a form may do as often as it likes: leaving is never refused.
_UNLIMITED_ACTIONS = frozenset(("unsubscribe", "unsubscribe-all", "delete"))


class AlertsPages:
    """The page and its two downloads."""

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits

    def build_routes(self) -> list[Route]:
        """Return the routes of the page and of the downloads."""
        return [
            Route("/m/{link}", self._get_alerts, methods=["GET"]),
            Route("/m/{link}", self._post_alerts, methods=["POST"]),
            Route("/m/{link}/unsubscribe/{topic:int}", self._get_unsubscribing, methods=["GET"]),
            Route("/m/{link}/preview", self._get_preview, methods=["GET"]),
            Route("/m/{link}/delete", self._get_deletion, methods=["GET"]),
            Route("/m/{link}/data.json", self._download_data, methods=["GET"]),
            Route("/m/{link}/topics.opml", self._download_opml, methods=["GET"]),
        ]

    async def _get_alerts(self, request: Request) -> Response:
        asked = request.query_params.get("edit", "")
        editing = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
        return await self._show(
            request,
            lambda token, link: self.render_alerts(token, link, FormOutcome(), editing),
        )

    async def _get_unsubscribing(self, request: Request) -> Response:
        topic_id = request.path_params["topic"]
        return await self._show(
            request, lambda token, link: self.render_unsubscribing(token, link, topic_id)
        )

    async def _get_deletion(self, request: Request) -> Response:
        return await self._show(request, self.render_deletion)

    async def _get_preview(self, request: Request) -> Response:
        return await self._show(request, self.render_preview)

    async def _show(
        self, request: Request, render: Callable[[str, str], Response | None]
    ) -> Response:
        """Return a page for the token and the link of a request, or say that it has expired."""
        try:
            token = await self._open_link(request)
        except ExpiredToken:
            return self._context.render_page(
                "link_expired", 410, is_sent=False, link=request.path_params["link"]
            )
        page = await run_in_threadpool(render, token, request.path_params["link"])
        return await self._require_found(request, page)

    async def _post_alerts(self, request: Request) -> Response:
        form = await read_form(request)
        try:
            token = await self._open_link(request)
        except ExpiredToken as error:
            await run_in_threadpool(self.send_new_link, error.subject)
            return self._context.render_page("link_expired", is_sent=True, link="")
        link = request.path_params["link"]
        if self._form_tokens.is_valid_for(form.get("csrf", ""), link):
            page = await run_in_threadpool(self.apply_within_limits, request, token, form)
        else:
            expired = FormOutcome(gettext(EXPIRED_FORM), is_good=False)
            page = await run_in_threadpool(self.render_alerts, token, link, expired)
        return await self._require_found(request, page)

    async def _download_data(self, request: Request) -> Response:
        data = await run_in_threadpool(self.export_data, await self._open_unexpired_link(request))
        return await self._require_found(
            request, _build_download(data, "my-data.json", "application/json")
        )

    async def _download_opml(self, request: Request) -> Response:
        token = await self._open_unexpired_link(request)
        outline = await run_in_threadpool(self.export_opml, token)
        return await self._require_found(
            request, _build_download(outline, "watchword.opml", "text/x-opml")
        )

    async def _open_link(self, request: Request) -> str:
        """Return the token of the subscriber whose link this is.

        Raises:
            ExpiredToken: the link was valid once.
            HTTPException: 404 for a link that is not ours.
            TooManyRequests: there were too many of those.
        """
        token = self._context.token_signer.verify(
            "manage", request.path_params["link"], MANAGE_LINK_VALIDITY
        )
        if token is None:
            await self._limits.count_wrong_link(request)
            raise HTTPException(404, gettext(INVALID_LINK))
        return token

    async def _open_unexpired_link(self, request: Request) -> str:
        try:
            return await self._open_link(request)
        except ExpiredToken as error:
            raise HTTPException(
                410, gettext("Ask for a new link on the page “Your alerts”.")
            ) from error

    async def _require_found(self, request: Request, found: Response | None) -> Response:
        """Return ``found``; count a wrong link and raise 404 where it is None."""
        if found is None:
            await self._limits.count_wrong_link(request)
            raise HTTPException(404, gettext(INVALID_LINK))
        return found

    def send_new_link(self, token: str) -> None:
        """Email the owner of an expired link a new one."""
        site = self._context
        with site.ledger.writing() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
            if subscriber is not None:
                send_manage_link(connection, site.create_message_context(), subscriber.email)
        site.deliver_soon()

    def render_alerts(
        self, token: str, link: str, outcome: FormOutcome, editing: int = 0
    ) -> Response | None:
        """Return the page of the subscriber with ``token`` after ``outcome``, or None."""
        with self._context.ledger.reading() as connection:
            return self._render(connection, token, link, outcome, editing)

    def apply_within_limits(
        self, request: Request, token: str, form: Mapping[str, str]
    ) -> Response | None:
        """Do what a form asks for, or show the page with the sentence that it is too much today."""
        link = request.path_params["link"]
        if form.get("action") in _UNLIMITED_ACTIONS:
            return self.apply_form(token, link, form)
        with self._context.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
        if subscriber is None:
            return None
        try:
            self._limits.count_address(Limit.CHANGES, request, subscriber.email)
        except HTTPException as error:
            page = self.render_alerts(token, link, FormOutcome(error.detail, is_good=False))
            if page is not None:
                page.status_code = error.status_code
                page.headers.update(error.headers or {})
            return page
        return self.apply_form(token, link, form)

    def apply_form(self, token: str, link: str, form: Mapping[str, str]) -> Response | None:
        """Do what a form asks for, and return the page after it; None for an unknown token."""
        with self._context.ledger.writing() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
            if subscriber is None:
                return None
            site = self._context
            if form.get("action") == "renew-links":
                self._renew_links(connection, subscriber)
                return site.render_page("links_renewed")
            outcome = apply_alert_form(
                AlertForm(connection, subscriber, form, site.clock(), site.data_stores)
            )
            page = self._render(connection, token, link, outcome)
            left = personal_data.find_data(connection, subscriber.email)
        site.delete_withdrawn_feeds()
        return page or self._finish_deletion(left)

    def _renew_links(self, connection: Connection, subscriber: Subscriber) -> None:
        """Make all links invalid and email the owner a new one: who asked may be somebody else."""
        subscriptions.renew_token(connection, subscriber.id)
        send_manage_link(connection, self._context.create_message_context(), subscriber.email)

    def _finish_deletion(self, left: DeletedData) -> Response:
        """Erase what was deleted from the files of the ledger, and say what is kept."""
        try:
            erase_deleted(self._context.ledger, _MAX_ERASING_SECONDS)
        except LedgerUnavailable as error:
            log.warning("deleted data is not erased yet", reason=error)
        return self._context.render_page("data_deleted", kept=left.kept.values())

    def _render(
        self,
        connection: Connection,
        token: str,
        link: str,
        outcome: FormOutcome,
        editing: int = 0,
    ) -> Response | None:
        subscriber = subscriptions.find_subscriber_by_link(connection, token)
        if subscriber is None:
            return None
        editing = outcome.topic_id or editing
        return self._context.render_page(
            "alerts",
            link=link,
            csrf=self._form_tokens.issue_for(link),
            view=load_alerts_view(connection, self._context, subscriber, editing),
            outcome=outcome,
            editing=editing,
            zones=list_zones(),
        )

    def render_unsubscribing(self, token: str, link: str, topic_id: int) -> Response | None:
        """Return the page that asks whether one alert is to end; None where there is no such."""
        with self._context.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
            if subscriber is None:
                return None
            alerts = subscriptions.list_active(connection, subscriber.id)
        alert = next((one for one in alerts if one.topic_id == topic_id), None)
        if alert is None:
            return self.render_alerts(token, link, FormOutcome())
        return self._context.render_page(
            "stop_alert",
            alert=alert,
            others=len(alerts) - 1,
            email=subscriber.email,
            form_path=f"/m/{link}",
            csrf=self._form_tokens.issue_for(link),
            link=link,
        )

    def render_deletion(self, token: str, link: str) -> Response | None:
        """Return the page that asks whether all alerts are to end, and the data be deleted."""
        with self._context.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
            if subscriber is None:
                return None
            count = subscriptions.count_active(connection, subscriber.id)
        return self._context.render_page(
            "delete_data",
            link=link,
            csrf=self._form_tokens.issue_for(link),
            email=subscriber.email,
            count=count,
        )

    def render_preview(self, token: str, link: str) -> Response | None:
        """Return the page with the next digest as it would be now; it changes nothing."""
        site, now = self._context, self._context.clock()
        with site.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
            if subscriber is None:
                return None
            found = find_next_digest(
                connection, subscriber, now, site.batch_interval, loads_digest=True
            )
        return site.render_page(
            "digest_preview",
            link=link,
            next=found,
            now=now.astimezone(ZoneInfo(subscriber.zone)),
        )

    def export_data(self, token: str) -> bytes | None:
        """Return everything we keep about a subscriber as JSON; None for an unknown token."""
        with self._context.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
            if subscriber is None:
                return None
            data = personal_data.collect_data(connection, subscriber.email)
        return msgspec.json.format(msgspec.json.encode(data), indent=2)

    def export_opml(self, token: str) -> bytes | None:
        """Return the feeds of a subscriber's topics as OPML 2.0; None for an unknown token."""
        site = self._context
        with site.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_link(connection, token)
            if subscriber is None:
                return None
            alerts = subscriptions.list_active(connection, subscriber.id)
            feeds = describe_feeds(connection, site, alerts)
        listed = [(one.query, feeds[one.topic_id].metadata) for one in alerts]
        return build_opml(listed, site.feed_identity)


def _build_download(content: bytes | None, name: str, media_type: str) -> Response | None:
    """Return a response that browsers save as ``name``; None for no content."""
    if content is None:
        return None
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, 200, headers, media_type)

"""The page where a subscriber manages their alerts, schedule and data.

The signed link in their emails is the authority; it is valid for `MANAGE_LINK_VALIDITY`. A GET
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast, get_args
from zoneinfo import available_timezones

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.feeds import build_opml
from alerts.ledger import bounces, changes, personal_data, subscriptions, topics
from alerts.ledger.subscriptions import SubscriptionEdit
from alerts.mail.identity import MANAGE_LINK_VALIDITY
from alerts.model import Detail, Frequency, Subscriber, Updates
from alerts.queries import QueryError
from alerts.subscribers import change_query, send_manage_link
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.rate_limits import RateLimits

INVALID_LINK = "This link is not valid. Use the link in the newest email, or ask for a new one."
TOO_MANY_WRONG_LINKS = "Too many wrong links from your network. Try again in an hour."
_NOTHING_CHANGED = "Nothing was changed."
#: Characters of a note that are stored.
_MAX_NOTE_LENGTH = 200

#: Does what a form asks for, and returns the message for the page.
_Action: TypeAlias = Callable[[Connection, Subscriber, Mapping[str, str]], str]


class AlertsPages:
    """The page and its two downloads."""

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits

    def build_routes(self) -> list[Route]:
        """Return the routes of the page and of the downloads."""
        return [
            Route("/m/{link}", self._get_alerts, methods=["GET"]),
            Route("/m/{link}", self._post_alerts, methods=["POST"]),
            Route("/m/{link}/data.json", self._download_data, methods=["GET"]),
            Route("/m/{link}/topics.opml", self._download_opml, methods=["GET"]),
        ]

    async def _get_alerts(self, request: Request) -> Response:
        try:
            token = self._open_link(request)
        except ExpiredToken:
            return self._context.render_page("link_expired", 410, is_sent=False)
        link = request.path_params["link"]
        return self._require_found(
            request, await run_in_threadpool(self.render_alerts, token, link, None)
        )

    async def _post_alerts(self, request: Request) -> Response:
        form = await read_form(request)
        try:
            token = self._open_link(request)
        except ExpiredToken as error:
            await run_in_threadpool(self.send_new_link, error.subject)
            return self._context.render_page("link_expired", is_sent=True)
        link = request.path_params["link"]
        if self._form_tokens.is_valid_for(form.get("csrf", ""), link):
            page = await run_in_threadpool(self.apply_form, token, link, form)
        else:
            page = await run_in_threadpool(self.render_alerts, token, link, EXPIRED_FORM)
        return self._require_found(request, page)

    async def _download_data(self, request: Request) -> Response:
        data = await run_in_threadpool(self.export_data, self._open_unexpired_link(request))
        return self._require_found(
            request, _build_download(data, "my-data.json", "application/json")
        )

    async def _download_opml(self, request: Request) -> Response:
        outline = await run_in_threadpool(self.export_opml, self._open_unexpired_link(request))
        return self._require_found(
            request, _build_download(outline, "watchword.opml", "text/x-opml")
        )

    def _open_link(self, request: Request) -> str:
        """Return the token of the subscriber whose link this is.

        Raises:
            ExpiredToken: the link was valid once.
            HTTPException: 404 for a link that is not ours, 429 after too many of those.
        """
        if not self._limits.may_try_link(request):
            raise HTTPException(429, TOO_MANY_WRONG_LINKS)
        token = self._context.token_signer.verify(
            "manage", request.path_params["link"], MANAGE_LINK_VALIDITY
        )
        if token is None:
            self._limits.count_wrong_link(request)
            raise HTTPException(404, INVALID_LINK)
        return token

    def _open_unexpired_link(self, request: Request) -> str:
        try:
            return self._open_link(request)
        except ExpiredToken as error:
            raise HTTPException(410, "Ask for a new link on the page “Your alerts”.") from error

    def _require_found(self, request: Request, found: Response | None) -> Response:
        """Return ``found``; count a wrong link and raise 404 where it is None."""
        if found is None:
            self._limits.count_wrong_link(request)
            raise HTTPException(404, INVALID_LINK)
        return found

    def send_new_link(self, token: str) -> None:
        """Email the owner of an expired link a new one."""
        site = self._context
        with site.ledger.writing() as connection:
            subscriber = subscriptions.find_subscriber_by_token(connection, token)
            if subscriber is not None:
                send_manage_link(connection, site.create_message_context(), subscriber.email)

    def render_alerts(self, token: str, link: str, message: str | None) -> Response | None:
        """Return the page of the subscriber with ``token``, with a message above it, or None."""
        with self._context.ledger.reading() as connection:
            return self._render(connection, token, link, message)

    def apply_form(self, token: str, link: str, form: Mapping[str, str]) -> Response | None:
        """Do what a form asks for, and return the page after it; None for an unknown token."""
        with self._context.ledger.writing() as connection:
            subscriber = subscriptions.find_subscriber_by_token(connection, token)
            if subscriber is None:
                return None
            message = self._apply_action(connection, subscriber, form)
            page = self._render(connection, token, link, message)
        return page or self._context.render_page("data_deleted")

    def _render(
        self, connection: Connection, token: str, link: str, message: str | None
    ) -> Response | None:
        subscriber = subscriptions.find_subscriber_by_token(connection, token)
        if subscriber is None:
            return None
        return self._context.render_page(
            "alerts",
            link=link,
            csrf=self._form_tokens.issue_for(link),
            subscriber=subscriber,
            alerts=subscriptions.list_active(connection, subscriber.id),
            message=message,
            suppression=bounces.find_suppression(connection, subscriber.email),
            zones=sorted(available_timezones()),
        )

    def export_data(self, token: str) -> bytes | None:
        """Return everything we keep about a subscriber as JSON; None for an unknown token."""
        with self._context.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_token(connection, token)
            if subscriber is None:
                return None
            data = personal_data.collect_data(connection, subscriber.id)
        return msgspec.json.format(msgspec.json.encode(data), indent=2)

    def export_opml(self, token: str) -> bytes | None:
        """Return the feeds of a subscriber's topics as OPML 2.0; None for an unknown token."""
        site = self._context
        with site.ledger.reading() as connection:
            subscriber = subscriptions.find_subscriber_by_token(connection, token)
            if subscriber is None:
                return None
            alerts = subscriptions.list_active(connection, subscriber.id)
            by_query = {one.query: topics.get(connection, one.topic_id) for one in alerts}
        return build_opml(by_query, site.feed_identity)

    def _apply_action(
        self, connection: Connection, subscriber: Subscriber, form: Mapping[str, str]
    ) -> str:
        """Do what a form's ``action`` says, and return the message for the page."""
        actions: dict[str, _Action] = {
            "save": self._save_alert,
            "pause": self._pause_alert,
            "resume": _resume_alert,
            "unsubscribe": self._end_alert,
            "schedule": _set_schedule,
            "delete": self._delete_subscriber,
        }
        action = actions.get(form.get("action", ""))
        return action(connection, subscriber, form) if action else _NOTHING_CHANGED

    def _pause_alert(
        self, connection: Connection, subscriber: Subscriber, form: Mapping[str, str]
    ) -> str:
        topic_id, now = _read_topic_id(form), self._context.clock()
        is_paused = subscriptions.pause(connection, subscriber.id, topic_id, now)
        return "Alert paused." if is_paused else _NOTHING_CHANGED

    def _end_alert(
        self, connection: Connection, subscriber: Subscriber, form: Mapping[str, str]
    ) -> str:
        topic_id, now = _read_topic_id(form), self._context.clock()
        is_ended = subscriptions.unsubscribe(connection, subscriber.id, now, topic_id)
        return "You’re unsubscribed from this alert." if is_ended else _NOTHING_CHANGED

    def _delete_subscriber(
        self, connection: Connection, subscriber: Subscriber, _form: Mapping[str, str]
    ) -> str:
        """Unsubscribe from everything, and delete the data unless a message is on its way."""
        subscriptions.unsubscribe(connection, subscriber.id, self._context.clock())
        if personal_data.has_unsent_messages(connection, subscriber.id):
            return "You’re unsubscribed. We’ll delete your data when no email to you is being sent."
        personal_data.delete_subscriber(connection, subscriber.id)
        return "Your data has been deleted."

    def _save_alert(
        self, connection: Connection, subscriber: Subscriber, form: Mapping[str, str]
    ) -> str:
        topic_id, edit = _read_topic_id(form), _read_edit(form)
        if edit is None:
            return _NOTHING_CHANGED
        subscriptions.edit(connection, subscriber.id, topic_id, edit)
        query = form.get("query", "").strip()
        return self._change_query(connection, subscriber, topic_id, query) or "Alert saved."

    def _change_query(
        self, connection: Connection, subscriber: Subscriber, topic_id: int, query: str
    ) -> str | None:
        """Change an alert's query; return why it was not changed, None where nothing is wrong."""
        alerts = {s.topic_id: s for s in subscriptions.list_active(connection, subscriber.id)}
        alert = alerts.get(topic_id)
        if not alert or not query or query == alert.query or alert.kind == "question":
            return None
        try:
            if change_query(connection, alert, query, self._context.clock()):
                return None
        except QueryError as error:
            return f"The topic was not changed: {error}"
        return "You already have an alert for this topic, so this one was not changed."


def _resume_alert(connection: Connection, subscriber: Subscriber, form: Mapping[str, str]) -> str:
    """Resume an alert; what happened while it was paused is not sent."""
    newest = changes.get_newest_seq(connection)
    is_resumed = subscriptions.resume(connection, subscriber.id, _read_topic_id(form), newest)
    return "Alert resumed." if is_resumed else _NOTHING_CHANGED


def _set_schedule(connection: Connection, subscriber: Subscriber, form: Mapping[str, str]) -> str:
    hour, zone = form.get("hour", ""), form.get("zone", "")
    if hour not in {str(n) for n in range(24)} or zone not in available_timezones():
        return _NOTHING_CHANGED
    subscriptions.set_digest_time(connection, subscriber.id, zone, int(hour))
    return "Schedule saved."


def _build_download(content: bytes | None, name: str, media_type: str) -> Response | None:
    """Return a response that browsers save as ``name``; None for no content."""
    if content is None:
        return None
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, 200, headers, media_type)


def _read_topic_id(form: Mapping[str, str]) -> int:
    """Return the form's topic; 0, which no topic has, where it names none."""
    number = form.get("topic", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _read_edit(form: Mapping[str, str]) -> SubscriptionEdit | None:
    """Return what a form changes in an alert; None for a choice that does not exist."""
    frequency, updates, detail = (form.get(name, "") for name in ("frequency", "updates", "detail"))
    is_known = (
        frequency in tuple(Frequency)
        and updates in get_args(Updates)
        and detail in get_args(Detail)
    )
    if not is_known:
        return None
    note = form.get("note", "").strip()[:_MAX_NOTE_LENGTH] or None
    return SubscriptionEdit(
        frequency=Frequency(frequency),
        updates=cast("Any", updates),
        detail=cast("Any", detail),
        note=note,
    )

"""A subscriber's own page: each topic changed, paused or ended, their hour, their data.

The link in their emails is the authority, sealed for this page and good for some weeks. A GET
shows; only the buttons act.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args
from zoneinfo import available_timezones

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.feeds import opml
from alerts.ledger import bounces, changes, personal_data, subscriptions, topics
from alerts.ledger.subscriptions import SubscriptionEdit
from alerts.mail.identity import MANAGE_LINK_VALIDITY
from alerts.model import Detail, Frequency, Subscriber, Updates
from alerts.queries import QueryError
from alerts.subscribers import change_query, send_manage_link
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext
from alerts.web.forms import FormTokens, read_form
from alerts.web.rate_limits import RateLimits

_NOTHING_CHANGED = "Nothing was changed."
_EXPIRED_FORM = "This page was open for long, so nothing was changed. Please press once more."
_INVALID_LINK = "This link is not valid, or no longer."


class AlertsPages:
    """The page, over an open ledger."""

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits

    def build_routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route("/m/{link}", self._handle_alerts, methods=["GET", "POST"]),
            Route("/m/{link}/data.json", self._download_data, methods=["GET"]),
            Route("/m/{link}/topics.opml", self._download_opml, methods=["GET"]),
        ]

    async def _handle_alerts(self, request: Request) -> Response:
        link = request.path_params["link"]
        form = await read_form(request) if request.method == "POST" else None
        try:
            token = self._open_link(request)
        except ExpiredToken as error:
            return await run_in_threadpool(self.handle_expired_link, error.subject, form)
        said = None
        if form is not None and not self._form_tokens.is_valid_for(form.get("csrf", ""), link):
            form, said = None, _EXPIRED_FORM
        found = await run_in_threadpool(self.render_alerts, token, link, form, said)
        return self._require_found(request, found)

    async def _download_data(self, request: Request) -> Response:
        found = await run_in_threadpool(self.export_data, self._open_unexpired_link(request))
        return self._require_found(
            request, _build_download(found, "my-data.json", "application/json")
        )

    async def _download_opml(self, request: Request) -> Response:
        found = await run_in_threadpool(self.export_opml, self._open_unexpired_link(request))
        return self._require_found(request, _build_download(found, "watchword.opml", "text/x-opml"))

    def _open_link(self, request: Request) -> str:
        """Whose page a link leads to. Raises :class:`ExpiredToken`, and 404 for what is no link."""
        if not self._limits.may_try_link(request):
            raise HTTPException(429, "Too many wrong links came from your network.")
        token = self._context.token_signer.verify(
            "manage", request.path_params["link"], MANAGE_LINK_VALIDITY
        )
        if token is None:
            self._limits.count_wrong_link(request)
            raise HTTPException(404, _INVALID_LINK)
        return token

    def _open_unexpired_link(self, request: Request) -> str:
        try:
            return self._open_link(request)
        except ExpiredToken as error:
            raise HTTPException(410, "This link is too old.") from error

    def _require_found(self, request: Request, found: Response | None) -> Response:
        if found is None:
            self._limits.count_wrong_link(request)
            raise HTTPException(404, _INVALID_LINK)
        return found

    def handle_expired_link(self, token: str, form: Mapping[str, str] | None) -> Response:
        """A link that was right once: its owner may have a new one, by a letter."""
        site = self._context
        if form is not None:
            with site.ledger.writing() as connection:
                person = subscriptions.find_subscriber_by_token(connection, token)
                if person is not None:
                    send_manage_link(connection, site.create_message_context(), person.email)
        return site.render_page("link_expired", 410 if form is None else 200, sent=form is not None)

    def render_alerts(
        self, token: str, link: str, form: Mapping[str, str] | None, message: str | None = None
    ) -> Response | None:
        """The page of the link's owner, after what a form asks for; None for a wrong link."""
        site = self._context
        with site.ledger.reading() if form is None else site.ledger.writing() as connection:
            person = subscriptions.find_subscriber_by_token(connection, token)
            if person is None:
                return None
            message = self._apply_form(connection, person, form) if form is not None else message
            person = subscriptions.find_subscriber_by_token(connection, token)
            if person is None:
                return site.render_page("data_deleted")
            mine = subscriptions.list_active(connection, person.id)
            stopped = bounces.find_suppression(connection, person.email)
        return site.render_page(
            "alerts",
            link=link,
            csrf=self._form_tokens.issue_for(link),
            person=person,
            mine=mine,
            said=message,
            stopped=stopped,
            zones=sorted(available_timezones()),
        )

    def export_data(self, token: str) -> bytes | None:
        """All that is kept of the link's owner, as JSON."""
        with self._context.ledger.reading() as connection:
            person = subscriptions.find_subscriber_by_token(connection, token)
            if person is None:
                return None
            kept = personal_data.collect_data(connection, person.id)
        return msgspec.json.format(msgspec.json.encode(kept), indent=2)

    def export_opml(self, token: str) -> bytes | None:
        """The feeds of what the link's owner watches for, for a feed reader to take over."""
        site = self._context
        with site.ledger.reading() as connection:
            person = subscriptions.find_subscriber_by_token(connection, token)
            if person is None:
                return None
            mine = subscriptions.list_active(connection, person.id)
            found = {s.query: topics.get(connection, s.topic_id) for s in mine}
        return opml.build_opml(found, site.feed_identity)

    def _apply_form(
        self, connection: Connection, person: Subscriber, form: Mapping[str, str]
    ) -> str:
        """Do what a form asks for; what was done, in a sentence."""
        match form.get("do"):
            case "forget":
                return self._delete_subscriber(connection, person)
            case "habits":
                return _set_schedule(connection, person, form)
            case "change":
                return self._change_alert(connection, person, _read_topic_id(form), form)
            case action:
                return self._apply_action(connection, person, _read_topic_id(form), action)

    def _apply_action(
        self, connection: Connection, person: Subscriber, topic_id: int, action: str | None
    ) -> str:
        done, now = 0, self._context.clock()
        if action == "leave":
            done = subscriptions.unsubscribe(connection, person.id, now, topic_id)
        elif action == "pause":
            done = subscriptions.pause(connection, person.id, topic_id, now)
        elif action == "resume":
            newest = changes.get_newest_seq(connection)
            done = subscriptions.resume(connection, person.id, topic_id, newest)
        words = {"leave": "ended", "pause": "paused", "resume": "going on"}
        return f"That topic is {words[action]}." if action and done else _NOTHING_CHANGED

    def _delete_subscriber(self, connection: Connection, person: Subscriber) -> str:
        subscriptions.unsubscribe(connection, person.id, self._context.clock())
        if personal_data.has_unsent_messages(connection, person.id):
            return "You get nothing more. Your data goes once no email is on its way."
        personal_data.delete_subscriber(connection, person.id)
        return "You are forgotten."

    def _change_alert(
        self, connection: Connection, person: Subscriber, topic_id: int, form: Mapping[str, str]
    ) -> str:
        every, wants, length = (form.get(name, "") for name in ("every", "wants", "length"))
        if (
            every not in tuple(Frequency)
            or wants not in get_args(Updates)
            or length not in get_args(Detail)
        ):
            return _NOTHING_CHANGED
        note = form.get("note", "").strip()[:200] or None
        wish = SubscriptionEdit(Frequency(every), cast("Any", wants), cast("Any", length), note)
        subscriptions.edit(connection, person.id, topic_id, wish)
        typed = form.get("query", "").strip()
        return self._change_query(connection, person, topic_id, typed) or "That topic is changed."

    def _change_query(
        self, connection: Connection, person: Subscriber, topic_id: int, typed: str
    ) -> str | None:
        """Let a subscription watch other words; what is in the way, in a sentence."""
        mine = {s.topic_id: s for s in subscriptions.list_active(connection, person.id)}
        known = mine.get(topic_id)
        if known is None or not typed or typed == known.query or known.kind == "question":
            return None
        try:
            if change_query(connection, known, typed, self._context.clock()):
                return None
        except QueryError as error:
            return f"The words were not changed: {error}"
        return "You watch for these words already, so this topic stays as it was."


def _build_download(content: bytes | None, name: str, media_type: str) -> Response | None:
    """A file to be saved."""
    if content is None:
        return None
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, 200, named, media_type)


def _read_topic_id(form: Mapping[str, str]) -> int:
    """The topic that a form is about; 0, which none is, where it names none."""
    number = form.get("topic", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _set_schedule(connection: Connection, person: Subscriber, form: Mapping[str, str]) -> str:
    hour, zone = form.get("hour", ""), form.get("zone", "")
    if hour not in {str(n) for n in range(24)} or zone not in available_timezones():
        return _NOTHING_CHANGED
    subscriptions.set_digest_time(connection, person.id, zone, int(hour))
    return "Your emails come at that hour."

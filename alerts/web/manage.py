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
from alerts.ledger import bounces, changes, people, subscriptions, topics
from alerts.ledger.subscriptions import Changed
from alerts.mail.message import MANAGED
from alerts.model import FREQUENCIES, Length, Subscriber, Wants
from alerts.queries.parse import QueryError
from alerts.subscribers.confirm import send_link
from alerts.subscribers.subscribe import reword
from alerts.tokens import Expired
from alerts.web.context import Site
from alerts.web.forms import Forms, fields_of
from alerts.web.limits import Limits

_NOTHING = "Nothing was changed."
_STALE = "This page was open for long, so nothing was changed. Please press once more."
_WRONG = "This link is not valid, or no longer."


class Manage:
    """The page, over an open ledger."""

    def __init__(self, site: Site, forms: Forms, limits: Limits) -> None:
        self._site, self._forms, self._limits = site, forms, limits

    def routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route("/m/{link}", self._page, methods=["GET", "POST"]),
            Route("/m/{link}/data.json", self._data, methods=["GET"]),
            Route("/m/{link}/topics.opml", self._opml, methods=["GET"]),
        ]

    async def _page(self, request: Request) -> Response:
        link = request.path_params["link"]
        form = await fields_of(request) if request.method == "POST" else None
        try:
            token = self._opened(request)
        except Expired as error:
            return await run_in_threadpool(self.too_old, error.subject, form)
        said = None
        if form is not None and not self._forms.belongs(form.get("csrf", ""), link):
            form, said = None, _STALE
        found = await run_in_threadpool(self.page, token, link, form, said)
        return self._known(request, found)

    async def _data(self, request: Request) -> Response:
        found = await run_in_threadpool(self.data, self._opened_now(request))
        return self._known(request, _file(found, "my-data.json", "application/json"))

    async def _opml(self, request: Request) -> Response:
        found = await run_in_threadpool(self.opml, self._opened_now(request))
        return self._known(request, _file(found, "watchword.opml", "text/x-opml"))

    def _opened(self, request: Request) -> str:
        """Whose page a link leads to. Raises :class:`Expired`, and 404 for what is no link."""
        if not self._limits.may_guess(request):
            raise HTTPException(429, "Too many wrong links came from your network.")
        token = self._site.seal.open("manage", request.path_params["link"], MANAGED)
        if token is None:
            self._limits.guessed(request)
            raise HTTPException(404, _WRONG)
        return token

    def _opened_now(self, request: Request) -> str:
        try:
            return self._opened(request)
        except Expired as error:
            raise HTTPException(410, "This link is too old.") from error

    def _known(self, request: Request, found: Response | None) -> Response:
        if found is None:
            self._limits.guessed(request)
            raise HTTPException(404, _WRONG)
        return found

    def too_old(self, token: str, form: Mapping[str, str] | None) -> Response:
        """A link that was right once: its owner may have a new one, by a letter."""
        site = self._site
        if form is not None:
            with site.ledger.writing() as connection:
                person = subscriptions.by_token(connection, token)
                if person is not None:
                    send_link(
                        connection, site.templates, site.letterhead, person.email, site.clock()
                    )
        return site.page("too_old", 410 if form is None else 200, sent=form is not None)

    def page(
        self, token: str, link: str, form: Mapping[str, str] | None, said: str | None = None
    ) -> Response | None:
        """The page of the link's owner, after what a form asks for; None for a wrong link."""
        site = self._site
        with site.ledger.reading() if form is None else site.ledger.writing() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            said = self._act(connection, person, form) if form is not None else said
            person = subscriptions.by_token(connection, token)
            if person is None:
                return site.page("forgotten")
            mine = subscriptions.living(connection, person.id)
            stopped = bounces.suppressed(connection, person.email)
        return site.page(
            "manage",
            link=link,
            csrf=self._forms.bound_to(link),
            person=person,
            mine=mine,
            said=said,
            stopped=stopped,
            frequencies=FREQUENCIES,
            zones=sorted(available_timezones()),
        )

    def data(self, token: str) -> bytes | None:
        """All that is kept of the link's owner, as JSON."""
        with self._site.ledger.reading() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            kept = people.kept(connection, person.id)
        return msgspec.json.format(msgspec.json.encode(kept), indent=2)

    def opml(self, token: str) -> bytes | None:
        """The feeds of what the link's owner watches for, for a feed reader to take over."""
        site = self._site
        with site.ledger.reading() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            mine = subscriptions.living(connection, person.id)
            found = {s.query: topics.find(connection, s.canonical) for s in mine}
        return opml.outline({q: t for q, t in found.items() if t}, site.imprint)

    def _act(self, connection: Connection, person: Subscriber, form: Mapping[str, str]) -> str:
        """Do what a form asks for; what was done, in a sentence."""
        match form.get("do"):
            case "forget":
                return self._forget(connection, person)
            case "habits":
                return _set_habits(connection, person, form)
            case "change":
                return self._change(connection, person, _topic(form), form)
            case action:
                return self._act_on(connection, person, _topic(form), action)

    def _act_on(
        self, connection: Connection, person: Subscriber, topic: int, action: str | None
    ) -> str:
        done, now = 0, self._site.clock()
        if action == "leave":
            done = subscriptions.unsubscribe(connection, person.id, now, topic)
        elif action == "pause":
            done = subscriptions.pause(connection, person.id, topic, now)
        elif action == "resume":
            newest = changes.newest(connection)
            done = subscriptions.resume(connection, person.id, topic, newest)
        words = {"leave": "ended", "pause": "paused", "resume": "going on"}
        return f"That topic is {words[action]}." if action and done else _NOTHING

    def _forget(self, connection: Connection, person: Subscriber) -> str:
        subscriptions.unsubscribe(connection, person.id, self._site.clock())
        if people.is_awaited(connection, person.id):
            return "You get nothing more. Your data goes once no email is on its way."
        people.forget(connection, person.id)
        return "You are forgotten."

    def _change(
        self, connection: Connection, person: Subscriber, topic: int, form: Mapping[str, str]
    ) -> str:
        every, wants, length = (form.get(name, "") for name in ("every", "wants", "length"))
        if (
            every not in FREQUENCIES
            or wants not in get_args(Wants)
            or length not in get_args(Length)
        ):
            return _NOTHING
        note = form.get("note", "").strip()[:200] or None
        wish = Changed(cast("Any", every), cast("Any", wants), cast("Any", length), note)
        subscriptions.change(connection, person.id, topic, wish)
        typed = form.get("query", "").strip()
        return self._reword(connection, person, topic, typed) or "That topic is changed."

    def _reword(
        self, connection: Connection, person: Subscriber, topic: int, typed: str
    ) -> str | None:
        """Let a subscription watch other words; what is in the way, in a sentence."""
        mine = {s.topic_id: s for s in subscriptions.living(connection, person.id)}
        known = mine.get(topic)
        if known is None or not typed or typed == known.query or known.canonical.startswith("="):
            return None
        try:
            if reword(connection, known, typed, self._site.clock()):
                return None
        except QueryError as error:
            return f"The words were not changed: {error}"
        return "You watch for these words already, so this topic stays as it was."


def _file(content: bytes | None, name: str, kind: str) -> Response | None:
    """A file to be saved."""
    if content is None:
        return None
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, 200, named, kind)


def _topic(form: Mapping[str, str]) -> int:
    """The topic that a form is about; 0, which none is, where it names none."""
    number = form.get("topic", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _set_habits(connection: Connection, person: Subscriber, form: Mapping[str, str]) -> str:
    hour, zone = form.get("hour", ""), form.get("zone", "")
    if hour not in {str(n) for n in range(24)} or zone not in available_timezones():
        return _NOTHING
    subscriptions.set_habits(connection, person.id, zone, int(hour))
    return "Your emails come at that hour."

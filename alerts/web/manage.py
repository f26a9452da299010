"""A subscriber's own page: each topic changed, paused or ended, their hour, their data.

The link in their emails is the authority, as it is for leaving. A GET shows; only the buttons act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast, get_args
from zoneinfo import available_timezones

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts.due import FREQUENCIES
from alerts.entries import Length
from alerts.ledger import Ledger, bounces, changes, people, subscriptions
from alerts.ledger.subscriptions import Changed, Subscriber, Wants
from alerts.rendering import Templates

#: What a form may hold, in bytes.
_LARGEST = 10_000
_NOTHING = "Nothing was changed."
_WRONG = "This link is not valid, or no longer."


class Manage:
    """The page, over an open ledger."""

    def __init__(
        self, name: str, ledger: Ledger, templates: Templates, clock: Callable[[], datetime]
    ) -> None:
        self._name, self._ledger, self._templates, self._clock = name, ledger, templates, clock

    def routes(self, headers: Mapping[str, str]) -> list[Route]:
        """Where it is; every answer bears ``headers``."""

        async def page(request: Request) -> Response:
            token, form = request.path_params["token"], None
            if request.method == "POST":
                if int(request.headers.get("content-length") or _LARGEST + 1) > _LARGEST:
                    raise HTTPException(413, "That is too much for this form.", dict(headers))
                async with request.form() as sent:
                    form = {name: str(value) for name, value in sent.items()}
            html = await run_in_threadpool(self.page, token, form)
            if html is None:
                raise HTTPException(404, _WRONG, dict(headers))
            return HTMLResponse(html, headers=dict(headers))

        async def data(request: Request) -> Response:
            found = await run_in_threadpool(self.data, request.path_params["token"])
            if found is None:
                raise HTTPException(404, _WRONG, dict(headers))
            named = dict(headers) | {"Content-Disposition": 'attachment; filename="my-data.json"'}
            return Response(found, 200, named, "application/json")

        return [
            Route("/m/{token}", page, methods=["GET", "POST"]),
            Route("/m/{token}/data.json", data, methods=["GET"]),
        ]

    def page(self, token: str, form: Mapping[str, str] | None) -> str | None:
        """The page of the link's owner, after what a form asks for; None for a wrong link."""
        with self._ledger.reading() if form is None else self._ledger.writing() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            said = self._act(connection, person, form) if form is not None else None
            person = subscriptions.by_token(connection, token)
            if person is None:
                return self._templates.html("web/forgotten.html", name=self._name)
            mine = [s for s in subscriptions.living(connection) if s.subscriber_id == person.id]
            stopped = bounces.suppressed(connection, person.email)
        return self._templates.html(
            "web/manage.html",
            name=self._name,
            person=person,
            mine=mine,
            said=said,
            stopped=stopped,
            frequencies=FREQUENCIES,
            zones=sorted(available_timezones()),
        )

    def data(self, token: str) -> bytes | None:
        """All that is kept of the link's owner, as JSON."""
        with self._ledger.reading() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            kept = people.kept(connection, person.id)
        return msgspec.json.format(msgspec.json.encode(kept), indent=2)

    def _act(self, connection: Connection, person: Subscriber, form: Mapping[str, str]) -> str:
        """Do what a form asks for; what was done, in a sentence."""
        match form.get("do"):
            case "forget":
                return _forget(connection, person, self._clock())
            case "habits":
                return _set_habits(connection, person, form)
            case "change":
                return _change(connection, person, _topic(form), form)
            case action:
                return _act_on(connection, person, _topic(form), action, self._clock())


def _topic(form: Mapping[str, str]) -> int:
    """The topic that a form is about; 0, which none is, where it names none."""
    number = form.get("topic", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _act_on(
    connection: Connection, person: Subscriber, topic: int, action: str | None, now: datetime
) -> str:
    done = 0
    if action == "leave":
        done = subscriptions.unsubscribe(connection, person.id, now, topic)
    elif action == "pause":
        done = subscriptions.pause(connection, person.id, topic, now)
    elif action == "resume":
        newest = changes.newest(connection)
        done = subscriptions.resume(connection, person.id, topic, newest)
    words = {"leave": "ended", "pause": "paused", "resume": "going on"}
    return f"That topic is {words[action]}." if action and done else _NOTHING


def _forget(connection: Connection, person: Subscriber, now: datetime) -> str:
    subscriptions.unsubscribe(connection, person.id, now)
    if people.is_awaited(connection, person.id):
        return "You get nothing more. Your data goes once no email is on its way."
    people.forget(connection, person.id)
    return "You are forgotten."


def _set_habits(connection: Connection, person: Subscriber, form: Mapping[str, str]) -> str:
    hour, zone = form.get("hour", ""), form.get("zone", "")
    if hour not in {str(n) for n in range(24)} or zone not in available_timezones():
        return _NOTHING
    subscriptions.set_habits(connection, person.id, zone, int(hour))
    return "Your emails come at that hour."


def _change(connection: Connection, person: Subscriber, topic: int, form: Mapping[str, str]) -> str:
    every, wants, length = (form.get(name, "") for name in ("every", "wants", "length"))
    if every not in FREQUENCIES or wants not in get_args(Wants) or length not in get_args(Length):
        return _NOTHING
    note = form.get("note", "").strip()[:200] or None
    wish = Changed(cast("Any", every), cast("Any", wants), cast("Any", length), note)
    subscriptions.change(connection, person.id, topic, wish)
    return "That topic is changed."

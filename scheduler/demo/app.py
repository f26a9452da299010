"""The demo's web application: the service's own, with the demo's pages beside it."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.web import create_app
from scheduler.clock import FastClock
from scheduler.daemon import Daemon
from scheduler.demo.inbox import Inbox
from scheduler.demo.inbox_pages import InboxPages
from scheduler.demo.pages import EventPages
from scheduler.demo.source import DemoSource
from scheduler.demo.timetable import Timetable
from scheduler.service import Service
from scheduler.web import build_web_context

#: Added to the policy of our pages, so that they can show an email in a frame.
_FRAME_RULE: Final = "; frame-src 'self'"
_POLICY_HEADER: Final = "content-security-policy"


class DemoNotice(msgspec.Struct, frozen=True):
    """What every page says about the demo, as ``demo`` in templates."""

    source_url: str


def create_demo_app(
    service: Service,
    daemon: Daemon,
    source: DemoSource,
    timetable: Timetable,
    inbox: Inbox,
    source_url: str,
    clock: FastClock,
) -> ASGIApp:
    """Return the application.

    Args:
        service: The service that is shown.
        daemon: Its daemon.
        source: Where things happen.
        timetable: Is told when a page is opened.
        inbox: The emails that were sent.
        source_url: The address of the replica.
        clock: The clock of the service.
    """
    # Without processes for heavy work: they would start slowly and stop slowly.
    context = msgspec.structs.replace(build_web_context(service, daemon), runner=None)
    context.templates.add_variables({"demo": DemoNotice(source_url)})

    zone = ZoneInfo(service.config.digests.zone)

    def render(name: str, **values: Any) -> HTMLResponse:
        shown = {"now": service.clock().astimezone(zone)} | values
        return context.render_page_at(f"demo/{name}.html", **shown)

    url = context.feed_identity.public_url or ""
    inbox_pages = InboxPages(inbox, render, service.clock, url)
    event_pages = EventPages(
        source,
        timetable,
        inbox,
        clock,
        render,
        daemon,
    )
    routes = [*event_pages.build_routes(), *inbox_pages.build_routes()]
    return DemoMiddleware(create_app(context, routes), timetable.note_visitor)


class DemoMiddleware:
    """Lets our pages show emails in frames, and notes each page that is opened."""

    def __init__(self, app: ASGIApp, note_visitor: Callable[[], object]) -> None:
        self._app = app
        self._note_visitor = note_visitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and change the policy of a page that nobody may frame."""

        async def send_with_frames(message: Message) -> None:
            if message["type"] == "http.response.start":
                _allow_frames(message)
            await send(message)

        is_page = scope["type"] == "http" and not _is_by_script(scope)
        if is_page:
            self._note_visitor()
        await self._app(scope, receive, send_with_frames)


def _allow_frames(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    if "frame-ancestors 'none'" in (policy := headers.get(_POLICY_HEADER, "")):
        headers[_POLICY_HEADER] = policy + _FRAME_RULE


def _is_by_script(scope: Scope) -> bool:
    """Return whether a request is htmx's: an open page asks every few seconds."""
    return any(name == b"hx-request" for name, _ in scope["headers"])

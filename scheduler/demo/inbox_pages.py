"""The inbox on pages: the list, an email, its HTML in a frame, and the email that is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from scheduler.demo.inbox import Inbox, InboxMessage

#: An email is not ours: it runs no script and loads nothing, and its links open in the whole page.
_FRAME_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation allow-popups allow-popups-to-escape-sandbox"
)
_BASE: Final = '<base target="_top">'
#: Real seconds to wait for a confirmation email, and between two looks.
_WAIT_SECONDS: Final = 6.0
_LOOK_SECONDS: Final = 0.2
#: An email's date has whole seconds, and the request for its frame comes after it was sent.
_DATE_TOLERANCE: Final = timedelta(seconds=3)
#: Emails of the list.
_LISTED: Final = 50

#: Renders a template of ``templates/demo`` with its variables.
PageRenderer = Callable[..., HTMLResponse]


class InboxPages:
    """The handlers of the inbox."""

    def __init__(
        self, inbox: Inbox, render: PageRenderer, clock: Callable[[], datetime], public_url: str
    ) -> None:
        """Keep what the pages show.

        Args:
            inbox: The emails.
            render: Renders a template.
            clock: The demo's clock.
            public_url: Of the service: links in emails begin with it.
        """
        self._inbox = inbox
        self._render = render
        self._clock = clock
        self._public_url = public_url

    def build_routes(self) -> list[Route]:
        """Return the routes of the inbox."""
        return [
            Route("/inbox", self.list_emails),
            Route("/inbox/arrived", self.show_arrived),
            Route("/inbox/{key}", self.show_email),
            Route("/inbox/{key}/html", self.show_html),
        ]

    def list_emails(self, request: Request) -> Response:
        """Show the inbox, newest email first."""
        emails = self._inbox.list_messages()
        return self._render("inbox", emails=emails[:_LISTED], total=len(emails), inbox=self._inbox)

    def show_email(self, request: Request) -> Response:
        """Show one email; status 404 if the inbox has none with this key."""
        email = self._find(request)
        self._inbox.mark_opened(email.key)
        emails = self._inbox.list_messages()
        at = [one.key for one in emails].index(email.key)
        return self._render(
            "message",
            email=email,
            newer=emails[at - 1] if at else None,
            older=emails[at + 1] if at + 1 < len(emails) else None,
        )

    def show_html(self, request: Request) -> Response:
        """Return the HTML of an email, for a frame."""
        return _build_frame(self._find(request).html)

    async def show_arrived(self, request: Request) -> Response:
        """Return the confirmation email that was just sent to an address, for a frame.

        It is waited for. If none comes, because the address got one before, that one is returned.
        """
        address = request.query_params.get("to", "")
        since = self._clock() - _DATE_TOLERANCE
        email = await self._wait_for(address, since)
        if email is None:
            response = self._render("not_arrived", address=address)
            response.headers["Content-Security-Policy"] = _FRAME_POLICY
            return response
        self._inbox.mark_opened(email.key)
        return _build_frame(email.html)

    async def _wait_for(self, address: str, since: datetime) -> InboxMessage | None:
        found: InboxMessage | None = None
        for _ in range(int(_WAIT_SECONDS / _LOOK_SECONDS)):
            found = await run_in_threadpool(self._find_confirmation, address)
            if found and found.moment >= since:
                return found
            await asyncio.sleep(_LOOK_SECONDS)
        return found

    def _find_confirmation(self, address: str) -> InboxMessage | None:
        """Return the newest confirmation email to an address."""
        begin = f"{self._public_url}/c/"
        emails = (one for one in self._inbox.list_messages() if one.to == address)
        return next((one for one in emails if begin in one.text), None)

    def _find(self, request: Request) -> InboxMessage:
        email = self._inbox.find(request.path_params["key"])
        if email is None:
            raise HTTPException(404)
        return email


def _build_frame(html: str) -> Response:
    """Return the HTML of an email whose links open in the whole page."""
    shown = html.replace("<head>", f"<head>{_BASE}", 1)
    return HTMLResponse(shown, headers={"Content-Security-Policy": _FRAME_POLICY})

"""The small application of the daemon: where emails lead to, the feed files, and the status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alerts.ledger import Ledger
from alerts.mail import Letterhead
from alerts.rendering import Templates
from alerts.status import ServiceStatus
from alerts.subscriptions import Habits
from alerts.web.home import Home
from alerts.web.letters import Letters
from alerts.web.manage import Manage

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


#: The first page may be found, and kept by nobody: what it shows is of this minute.
_FIRST = {name: value for name, value in _HEADERS.items() if name != "X-Robots-Tag"}


class Site(msgspec.Struct, frozen=True):
    """What the application is made of."""

    name: str
    domain: str  #: that Message-IDs are under
    habits: Habits
    ledger: Ledger
    templates: Templates
    feeds: Path  #: folder of the feed files
    clock: Callable[[], datetime]
    status: Callable[[], ServiceStatus]
    letterhead: Letterhead
    sign_up: bool  #: whether anybody may sign up; letters need a public address to lead to


def create_app(site: Site) -> Starlette:
    """The application over an open ledger."""
    name, templates = site.name, site.templates
    home = Home(
        *(site.ledger, templates, site.letterhead, site.habits, site.clock),
        is_open=site.sign_up and site.letterhead.public_url is not None,
    )
    letters = Letters(name, site.domain, site.ledger, templates, site.habits, site.clock)

    async def status(request: Request) -> Response:
        found = await run_in_threadpool(site.status)
        code = 200 if found.is_well else 503
        if request.url.path.endswith(".json"):
            plain = msgspec.json.encode(found)
            return Response(plain, code, _HEADERS, "application/json")
        page = templates.html("web/status.html", name=name, status=found)
        return HTMLResponse(page, headers=_HEADERS)

    return Starlette(
        routes=[
            Route("/status", status),
            Route("/status.json", status),
            *home.routes(_FIRST),
            *letters.routes(_HEADERS),
            *Manage(name, site.ledger, templates, site.clock).routes(_HEADERS),
            Mount("/feeds", StaticFiles(directory=site.feeds, check_dir=False)),
        ]
    )

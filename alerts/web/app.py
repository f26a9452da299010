"""The small application of the daemon: leaving in one click, the feed files, and the status.

A GET never changes anything: link scanners open every link in an email. Leaving is a POST, from
the page's button or from the mail program itself (RFC 8058). The link's token is the authority,
so there is no cookie and nothing to forge across sites.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alerts.ledger import Ledger, subscriptions
from alerts.rendering import Templates
from alerts.status import ServiceStatus

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


class Site(msgspec.Struct, frozen=True):
    """What the application is made of."""

    name: str
    ledger: Ledger
    templates: Templates
    feeds: Path  #: folder of the feed files
    clock: Callable[[], datetime]
    status: Callable[[], ServiceStatus]


def create_app(site: Site) -> Starlette:
    """The application over an open ledger."""
    name, ledger, templates, clock = site.name, site.ledger, site.templates, site.clock

    def leave(token: str, *, really: bool) -> str | None:
        """The page for the link's owner, whom a POST unsubscribes; None for a wrong link."""
        with ledger.writing() if really else ledger.reading() as connection:
            person = subscriptions.by_token(connection, token)
            if person is None:
                return None
            if really:
                subscriptions.unsubscribe(connection, person.id, clock())
            mine = [s for s in subscriptions.living(connection) if s.subscriber_id == person.id]
        queries = [s.query for s in mine]
        return templates.html(
            "web/unsubscribe.html", name=name, email=person.email, queries=queries, done=really
        )

    async def unsubscribe(request: Request) -> Response:
        token = request.path_params["token"]
        page = await run_in_threadpool(leave, token, really=request.method == "POST")
        if page is None:
            raise HTTPException(404, "This link is not valid, or no longer.", _HEADERS)
        return HTMLResponse(page, headers=_HEADERS)

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
            Route("/u/{token}", unsubscribe, methods=["GET", "POST"]),
            Mount("/feeds", StaticFiles(directory=site.feeds, check_dir=False)),
        ]
    )

"""The small application of the daemon: leaving in one click, and the feed files.

A GET never changes anything: link scanners open every link in an email. Leaving is a POST, from
the page's button or from the mail program itself (RFC 8058). The link's token is the authority,
so there is no cookie and nothing to forge across sites.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alerts.ledger import Ledger, subscriptions
from alerts.rendering import Templates

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


def create_app(
    ledger: Ledger, templates: Templates, feeds: Path, clock: Callable[[], datetime], name: str
) -> Starlette:
    """The application over an open ledger; ``feeds`` is the folder of the feed files."""

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

    return Starlette(
        routes=[
            Route("/u/{token}", unsubscribe, methods=["GET", "POST"]),
            Mount("/feeds", StaticFiles(directory=feeds, check_dir=False)),
        ]
    )

"""The application: the pages, the feeds and the API of the daemon."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from alerts.web.api import Api
from alerts.web.archive import Reading
from alerts.web.assets import asset_routes
from alerts.web.context import Site
from alerts.web.email_links import Letters
from alerts.web.feeds import Shelf
from alerts.web.forms import Forms
from alerts.web.home import Home
from alerts.web.limits import Limits
from alerts.web.manage import Manage
from alerts.web.operator import Operator
from alerts.web.security import Guard

#: Smaller answers are not worth packing.
_PACKED_FROM = 1000
#: What is one person's, and what is made anew for each who asks.
_ROBOTS = "User-agent: *\n" + "".join(
    f"Disallow: {path}\n" for path in ("/u/", "/c/", "/d/", "/m/", "/operator", "/feeds/queries/")
)


def create_app(site: Site) -> Starlette:
    """The application over an open ledger."""
    forms, limits = Forms(site.seal), Limits()

    async def status(request: Request) -> Response:
        found = await run_in_threadpool(site.status)
        code = 200 if found.is_well else 503
        if request.url.path.endswith(".json"):
            return Response(msgspec.json.encode(found), code, media_type="application/json")
        return site.page("status", code, status=found)

    async def robots(_request: Request) -> Response:
        return PlainTextResponse(_ROBOTS)

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if request.url.path.startswith("/api/"):
            return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
        html = site.page("problem", error.status_code, detail=error.detail).body
        return HTMLResponse(bytes(html), error.status_code, error.headers)

    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it, and nothing is wrong here

    pages = Starlette(
        routes=[
            *Home(site, forms, limits).routes(),
            *Reading(site, forms).routes(),
            *Letters(site, limits).routes(),
            *Manage(site, forms, limits).routes(),
            *Operator(site, forms, limits).routes(),
            *Api(site, limits).routes(),
            *asset_routes(site.templates),
            Route("/status", status),
            Route("/status.json", status),
            Route("/robots.txt", robots),
        ],
        exception_handlers={HTTPException: problem, ClientDisconnect: gone},
    )
    # A redirect would go to whatever host the request names.
    pages.router.redirect_slashes = False
    return Starlette(
        routes=[
            Mount("/feeds", Shelf(site)),  # packed already
            Mount("", GZipMiddleware(pages, minimum_size=_PACKED_FROM)),
        ],
        middleware=[Middleware(Guard)],
    )

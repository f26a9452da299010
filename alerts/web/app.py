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

from alerts.web.api import ApiRoutes
from alerts.web.assets import build_asset_routes
from alerts.web.context import WebContext
from alerts.web.feeds import FeedsApp
from alerts.web.forms import FormTokens
from alerts.web.pages import AlertsPages, ArchivePages, EmailLinkPages, HomePage, OperatorPages
from alerts.web.rate_limits import RateLimits
from alerts.web.security import SecurityMiddleware

#: Smaller answers are not worth packing.
_GZIP_MIN_BYTES = 1000
#: What is one person's, and what is made anew for each who asks.
_ROBOTS_TXT = "User-agent: *\n" + "".join(
    f"Disallow: {path}\n" for path in ("/u/", "/c/", "/d/", "/m/", "/operator", "/feeds/queries/")
)


def create_app(context: WebContext) -> Starlette:
    """The application over an open ledger."""
    forms, limits = FormTokens(context.token_signer), RateLimits()

    async def status(request: Request) -> Response:
        found = await run_in_threadpool(context.read_status)
        code = 200 if found.is_well else 503
        if request.url.path.endswith(".json"):
            return Response(msgspec.json.encode(found), code, media_type="application/json")
        return context.render_page("status", code, status=found)

    async def robots(_request: Request) -> Response:
        return PlainTextResponse(_ROBOTS_TXT)

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if request.url.path.startswith("/api/"):
            return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
        html = context.render_page("error", error.status_code, detail=error.detail).body
        return HTMLResponse(bytes(html), error.status_code, error.headers)

    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it, and nothing is wrong here

    pages = Starlette(
        routes=[
            *HomePage(context, forms, limits).build_routes(),
            *ArchivePages(context, forms).build_routes(),
            *EmailLinkPages(context, limits).build_routes(),
            *AlertsPages(context, forms, limits).build_routes(),
            *OperatorPages(context, forms, limits).build_routes(),
            *ApiRoutes(context, limits).build_routes(),
            *build_asset_routes(context.templates),
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
            Mount("/feeds", FeedsApp(context)),  # packed already
            Mount("", GZipMiddleware(pages, minimum_size=_GZIP_MIN_BYTES)),
        ],
        middleware=[Middleware(SecurityMiddleware)],
    )

"""The ASGI application: pages, feeds and the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from alerts.limits import Limiter
from alerts.web.api import ApiRoutes
from alerts.web.assets import build_asset_routes
from alerts.web.context import WebContext
from alerts.web.errors import ErrorHandlers
from alerts.web.feeds import FeedsApp
from alerts.web.forms import FormTokens
from alerts.web.pages import (
    AlertsPages,
    ArchivePages,
    EmailLinkPages,
    HomePage,
    ManageLinkPage,
    OperatorPages,
    PrivacyPage,
    SignUpLinkPages,
    StatusPage,
)
from alerts.web.private_paths import build_robots_txt
from alerts.web.rate_limits import ProxyWatch, RateLimits
from alerts.web.security import SecurityMiddleware

#: Bytes. A smaller response fits into one network packet anyway, compressed or not.
_GZIP_MIN_BYTES = 1000


def create_app(context: WebContext) -> Starlette:
    """Return the application over an open ledger."""
    limiter = context.create_limiter()
    forms, limits = FormTokens(context.token_signer), RateLimits(limiter)
    errors = ErrorHandlers(context)
    pages = Starlette(
        routes=[
            *HomePage(context, forms, limits).build_routes(),
            *ArchivePages(context, forms).build_routes(),
            *EmailLinkPages(context, limits).build_routes(),
            *SignUpLinkPages(context, limits).build_routes(),
            *ManageLinkPage(context, forms, limits).build_routes(),
            *AlertsPages(context, forms, limits).build_routes(),
            *OperatorPages(context, forms, limits).build_routes(),
            *StatusPage(context).build_routes(),
            *PrivacyPage(context).build_routes(),
            *ApiRoutes(context, limits).build_routes(),
            *build_asset_routes(context.templates),
            Route("/robots.txt", _get_robots_txt),
        ],
        exception_handlers={
            HTTPException: errors.handle_http_exception,
            ClientDisconnect: errors.handle_disconnect,
        },
    )
    # A redirect to the path without its slash would lead to whatever host the request names.
    pages.router.redirect_slashes = False
    return Starlette(
        routes=[
            Mount(
                "/feeds", FeedsApp(context, limits)
            ),  # compresses its responses once, not each time
            Mount("", GZipMiddleware(pages, minimum_size=_GZIP_MIN_BYTES)),
        ],
        middleware=[Middleware(SecurityMiddleware), Middleware(ProxyWatch, limiter=limiter)],
        lifespan=_build_lifespan(limiter),
    )


def _build_lifespan(
    limiter: Limiter,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return what runs while the application is served: at its end, all counts are shared."""

    @asynccontextmanager
    async def run(_app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(limiter.close)

    return run


async def _get_robots_txt(_request: Request) -> Response:
    return PlainTextResponse(build_robots_txt())

"""The ASGI application: pages, feeds and the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from alerts.ledger import LedgerUnavailable
from alerts.limits import Limiter
from alerts.metrics import RequestMeter, ServiceMetrics, find_patterns
from alerts.operator import FooterReader
from alerts.web.api import ApiRoutes
from alerts.web.assets import build_asset_routes
from alerts.web.charts import ChartRoutes, ComparePage
from alerts.web.context import WebContext
from alerts.web.errors import ErrorHandlers
from alerts.web.feeds import FeedPages, FeedsApp
from alerts.web.forms import FormTokens
from alerts.web.heavy_work import HeavyWork, ThreadRunner, WorkLimits
from alerts.web.pages import (
    AlertsPages,
    ArchivePages,
    EmailLinkPages,
    HomePage,
    InformationPages,
    ManageLinkPage,
    MetricsPage,
    OperatorPages,
    ProbePages,
    ResultsPage,
    SelfCheckPage,
    SignUpLinkPages,
    SignUpPage,
    SiteMap,
    StatusPage,
    SuggestionsPage,
)
from alerts.web.private_paths import build_robots_txt
from alerts.web.rate_limits import ProxyWatch, RateLimits
from alerts.web.security import SecurityMiddleware
from alerts.web.work import WorkInterrupted

#: Threads that make pages: Starlette's number. `scheduler.web` may open a connection to the ledger
#: for each, so that none waits for another's.
PAGE_THREADS = 40
#: Bytes. A smaller response fits into one network packet anyway, compressed or not.
_GZIP_MIN_BYTES = 1000
#: zlib's default level. Level 9 takes twice the time for 1 % less, and nothing else is sent then.
_GZIP_LEVEL = 6


def create_app(context: WebContext, more_routes: Sequence[Route] = ()) -> Starlette:
    """Return the application over an open ledger.

    Args:
        context: What the pages need.
        more_routes: Pages beside those of the service, as the demo has them.
    """
    limiter = context.create_limiter()
    forms, limits = FormTokens(context.token_signer), RateLimits(limiter)
    errors = ErrorHandlers(context)
    footer = FooterReader(context.find_brief_status, context.subscriber_defaults.zone)
    context.templates.add_variables({"read_footer": footer.read})
    metrics = ServiceMetrics(context.ledger, context.find_brief_status)
    work = HeavyWork(context.runner or ThreadRunner(context.work_context))
    results = ResultsPage(context, forms, limits, work)
    pages = Starlette(
        routes=[
            *more_routes,
            *HomePage(context).build_routes(),
            *SignUpPage(context, forms, limits, results).build_routes(),
            *results.build_routes(),
            *ArchivePages(context, forms).build_routes(),
            *EmailLinkPages(context, limits).build_routes(),
            *SignUpLinkPages(context, limits).build_routes(),
            *ManageLinkPage(context, forms, limits).build_routes(),
            *AlertsPages(context, forms, limits).build_routes(),
            *OperatorPages(context, forms, limits).build_routes(),
            *StatusPage(context).build_routes(),
            *SelfCheckPage(context).build_routes(),
            *ProbePages(context).build_routes(),
            *InformationPages(context).build_routes(),
            *FeedPages(context, limits, work).build_routes(),
            *ComparePage(context, limits, work).build_routes(),
            *ChartRoutes(limits, work).build_routes(),
            *ApiRoutes(context, limits, work).build_routes(),
            *build_asset_routes(context.templates),
            *SuggestionsPage(context, limits).build_routes(),
            *SiteMap(context).build_routes(),
            *MetricsPage(metrics, context.metrics_access).build_routes(),
            Route("/robots.txt", partial(_get_robots_txt, context.feed_identity.public_url)),
        ],
        exception_handlers={
            HTTPException: errors.handle_http_exception,
            ClientDisconnect: errors.handle_disconnect,
            LedgerUnavailable: errors.handle_unavailable,
            WorkInterrupted: errors.handle_unavailable,
        },
    )
    # A redirect to the path without its slash would lead to whatever host the request names.
    pages.router.redirect_slashes = False
    compressed = GZipMiddleware(pages, _GZIP_MIN_BYTES, _GZIP_LEVEL)
    routes = [
        # Feeds are compressed once, not each time.
        Mount("/feeds", FeedsApp(context, limits, work, compressed)),
        Mount("", compressed),
    ]
    meter = Middleware(RequestMeter, metrics=metrics.requests, patterns=find_patterns(routes))
    return Starlette(
        routes=routes,
        middleware=[meter, Middleware(SecurityMiddleware), Middleware(ProxyWatch, limiter=limiter)],
        lifespan=partial(run_background, context, limiter),
    )


@asynccontextmanager
async def run_background(
    context: WebContext, limiter: Limiter, _app: Starlette
) -> AsyncIterator[None]:
    """Get heavy work ready before the first request; end it and close the ledger after the last.

    At the end, all counts of the limiter are shared.
    """
    if context.runner is not None:
        await context.runner.start(WorkLimits().total)
    try:
        yield
    finally:
        if context.runner is not None:
            await context.runner.stop()
        await run_in_threadpool(limiter.close)
        context.close()


async def _get_robots_txt(public_url: str | None, _request: Request) -> Response:
    return PlainTextResponse(build_robots_txt(public_url))

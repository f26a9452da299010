"""The home page: what the service does, what is asked now, and the way to a search."""

from __future__ import annotations

import asyncio
import time
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from alerts.rendering import summarise_kinds
from alerts.web.context import WebContext
from alerts.web.pages.home_view import find_home_view
from alerts.web.work import WorkContext

#: Seconds for which the page is kept: it is the same for everybody, and changes with crawls.
_MAX_AGE = 60.0
_CACHE_CONTROL = "public, max-age=60"


class HomePage:
    """The home page. Used on the event loop's thread alone."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._page: bytes | None = None
        self._made_at = 0.0
        self._making = asyncio.Lock()

    def build_routes(self) -> list[Route]:
        """Return the route of the page."""
        return [Route("/", self._get, methods=["GET"])]

    async def _get(self, request: Request) -> Response:
        if "q" in request.query_params:  # where searches were until 2026-11
            return RedirectResponse(f"/search?{request.url.query}", 301)
        return HTMLResponse(await self._load(), headers={"Cache-Control": _CACHE_CONTROL})

    async def _load(self) -> bytes:
        """Return the page; while it is made anew, the others get it as it was.

        It is no heavy work, though it takes as long: it is made once a minute, whoever asks.
        """
        if self._page is not None and (self._is_fresh() or self._making.locked()):
            return self._page
        async with self._making:
            if self._page is None or not self._is_fresh():
                self._page = await run_in_threadpool(render_home, self._context.work_context)
                self._made_at = time.monotonic()
            return self._page

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._made_at < _MAX_AGE


def render_home(context: WorkContext) -> bytes:
    """Return the HTML of the home page."""
    site, now = context.site, context.clock().astimezone(ZoneInfo(context.site.zone))
    with context.ledger.reading() as connection:
        view = find_home_view(connection, site.sources, now.date(), site.overdue_days)
    kinds = [kind for kind, _ in view.sample.entries] if view.sample else []
    return context.render_html(
        "home",
        view=view,
        now=now,
        introduction=site.introduction,
        overdue_days=site.overdue_days,
        digest_hour=site.digest_hour,
        sample_summary=summarise_kinds(kinds),
    )

"""The status of the service, for people and for monitors.

Three paths show the same judgement: well is 200; not yet and trouble are 503, which every monitor
understands, with a hint to come back where nothing has failed.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.errors import WatchwordError
from alerts.language import gettext_noop as _
from alerts.operator import (
    BriefStatus,
    Health,
    Impact,
    ServiceStatus,
    measure_completeness,
    summarise_status,
)
from alerts.web.context import WebContext
from alerts.web.pages.status_view import StatusView, build_view, format_length, format_minutes
from crawler.event_log import get_logger

log = get_logger("watchword.web")

_STATUS_CODES = {Health.WELL: 200, Health.NOT_YET: 503, Health.TROUBLE: 503}
#: Five minutes: a first crawl takes some.
_RETRY_SECONDS = "300"


class StatusPage:
    """``/status`` for people, ``/status.json`` and ``/healthz`` for monitors."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return the routes of the page, of the JSON and of the one word."""
        return [
            Route("/status", self._get_page, methods=["GET"]),
            Route("/status.json", self._get_json, methods=["GET"]),
            Route("/completeness/{source}", self._get_completeness, methods=["GET"]),
            Route("/healthz", self._get_word, methods=["GET"]),
        ]

    async def _get_page(self, _request: Request) -> Response:
        status = await self._read_status()
        return await run_in_threadpool(self.render_status, status)

    def render_status(self, status: ServiceStatus) -> Response:
        """Return the page; also where the ledger cannot be read, which is what it says then."""
        public = status.publish()
        zone = ZoneInfo(self._context.subscriber_defaults.zone)
        try:
            with self._context.ledger.reading() as connection:
                view = build_view(connection, public, zone, self._find_next_crawls(status))
        except (DBAPIError, WatchwordError):
            view = StatusView(
                public, public.now.astimezone(zone), (), (Impact.SERVICE,), (), (), {}
            )
        brief = BriefStatus(status.now, status.sources, status.findings)
        page = self._context.render_page(
            "status",
            _STATUS_CODES[status.state],
            view=view,
            # The foot must not say otherwise than the page, as the cached one can for a minute.
            read_footer=lambda: summarise_status(brief, zone),
            format_minutes=format_minutes,
            format_length=format_length,
        )
        page.headers.update(_build_headers(status))
        return page

    def _find_next_crawls(self, status: ServiceStatus) -> dict[str, datetime]:
        controls = self._context.daemon_controls
        if controls is None:
            return {}
        found = {one.source: controls.find_next_crawl(one.source) for one in status.sources}
        return {source: moment for source, moment in found.items() if moment}

    async def _get_completeness(self, request: Request) -> Response:
        return await run_in_threadpool(self.render_completeness, request.path_params["source"])

    def render_completeness(self, source: str) -> Response:
        """Return the page of what is known of a source; raise a 404 for one that is not read."""
        sources = {one.source: one.site_name for one in self._context.read_status().sources}
        if source not in sources:
            raise HTTPException(404, _("There is no such source."))
        with self._context.ledger.reading() as connection:
            found = measure_completeness(connection, source)
        return self._context.render_cacheable_page(
            "completeness", found=found, site_name=sources[source]
        )

    async def _get_json(self, _request: Request) -> Response:
        status = await self._read_status()
        body = msgspec.json.encode(status.publish())
        code = _STATUS_CODES[status.state]
        return Response(body, code, _build_headers(status), "application/json")

    async def _get_word(self, _request: Request) -> Response:
        status = await self._read_status()
        lines = [status.state, *(f"{one.subject}: {one.label}" for one in status.findings)]
        body = "".join(f"{line}\n" for line in lines)
        return PlainTextResponse(body, _STATUS_CODES[status.state], _build_headers(status))

    async def _read_status(self) -> ServiceStatus:
        """Return the status; a ledger that cannot be read is a status as well."""
        try:
            return await run_in_threadpool(self._context.read_status)
        except (DBAPIError, WatchwordError) as error:
            log.error("the status cannot be read", reason=" ".join(str(error).split()))
            return ServiceStatus.of_unusable_ledger(self._context.clock(), str(error))


def _build_headers(status: ServiceStatus) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    return headers | ({"Retry-After": _RETRY_SECONDS} if status.state is Health.NOT_YET else {})

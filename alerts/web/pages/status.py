"""The status of the service, for people and as JSON for monitoring."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.web.context import WebContext


class StatusPage:
    """``/status`` and ``/status.json``; both answer 503 while an alarm is raised."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return the routes of the page and of the JSON."""
        return [
            Route("/status", self._get_page, methods=["GET"]),
            Route("/status.json", self._get_json, methods=["GET"]),
        ]

    async def _get_page(self, _request: Request) -> Response:
        status = await run_in_threadpool(self._context.read_status)
        return self._context.render_page(
            "status",
            200 if status.is_well else 503,
            status=status,
            format_minutes=format_minutes,
        )

    async def _get_json(self, _request: Request) -> Response:
        status = await run_in_threadpool(self._context.read_status)
        code = 200 if status.is_well else 503
        return Response(msgspec.json.encode(status), code, media_type="application/json")


def format_minutes(minutes: float) -> str:
    """Return a duration for people: ``12 minutes``, ``3 hours``, ``3 h 5 min``."""
    hours, rest = divmod(round(minutes), 60)
    if not hours:
        return f"{rest} minute{'' if rest == 1 else 's'}"
    if not rest:
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return f"{hours} h {rest} min"

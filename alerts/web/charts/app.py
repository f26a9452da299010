"""The routes below ``/charts`` and ``/pictures``: files that other sites show or read."""

from __future__ import annotations

from typing import get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.language import gettext
from alerts.ledger import StatementTimeout
from alerts.limits import Limit
from alerts.queries import QueryError
from alerts.web.charts.work import (
    ChartRequest,
    Ending,
    Subject,
    make_chart_file,
    make_link_picture,
)
from alerts.web.heavy_work import HeavyWork, TooBusy, describe_work
from alerts.web.http_cache import is_unchanged, strong_tag
from alerts.web.rate_limits import RateLimits
from alerts.web.work import Work, WorkInterrupted
from crawler.event_log import get_logger

log = get_logger("watchword.web")

_MEDIA_TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8; header=present",
}
#: Five minutes, as for feeds: a page that shows the picture is read by many in a few minutes.
_CACHE_CONTROL = "public, max-age=300"


class ChartRoutes:
    """Charts as SVG, PNG and CSV, and pictures for links."""

    def __init__(self, limits: RateLimits, work: HeavyWork) -> None:
        self._limits, self._work = limits, work

    def build_routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/charts/{file:path}", self._get_chart, methods=["GET"]),
            Route("/pictures/{file:path}", self._get_picture, methods=["GET"]),
        ]

    async def _get_chart(self, request: Request) -> Response:
        asked = _read_request(request)
        if asked is None or asked.subject in {"questions", "service"}:
            return _refuse(404, gettext("There is no such chart."))
        return await self._answer(request, asked, make_chart_file)

    async def _get_picture(self, request: Request) -> Response:
        asked = _read_request(request)
        if asked is None or asked.ending != "png":
            return _refuse(404, gettext("There is no such picture."))
        return await self._answer(request, asked, make_link_picture)

    async def _answer(
        self, request: Request, asked: ChartRequest, work: Work[[ChartRequest], bytes]
    ) -> Response:
        try:
            await self._limits.count_often(Limit.CHARTS, request)
            body = await self._work.run(describe_work(request, "search"), work, asked)
        except QueryError as error:
            return _refuse(400, str(error))
        except StatementTimeout:
            return _refuse(503, gettext("This search takes too long. Add a rarer word."))
        except WorkInterrupted as error:
            log.warning("a chart was answered with 503", reason=error)
            return _refuse(503, TooBusy().detail, TooBusy().headers)
        except HTTPException as error:
            return _refuse(error.status_code, error.detail, error.headers)
        tag = strong_tag(body)
        headers = {
            "ETag": tag,
            "Cache-Control": _CACHE_CONTROL,
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if is_unchanged(request.headers, tag):
            return Response(None, 304, headers)
        return Response(body, 200, headers, _MEDIA_TYPES[asked.ending])


def _refuse(status: int, sentence: str, headers: object = None) -> Response:
    given = dict(headers) if isinstance(headers, dict) else None
    return PlainTextResponse(f"{sentence}\n", status, given)


def _read_request(request: Request) -> ChartRequest | None:
    """Return what is asked for; None where there is no such address."""
    path, _, ending = request.path_params["file"].rpartition(".")
    subject, _, key = path.partition("/")
    if ending not in get_args(Ending) or subject not in get_args(Subject) or "\0" in key:
        return None
    if subject == "search":
        key = request.query_params.get("q", "").strip() if not key else ""
    if subject == "service":  # the picture of the home page: /pictures/service.png
        key = subject
    if not key:
        return None
    versus = request.query_params.get("vs", "").strip() or None
    return ChartRequest(subject, key, ending, versus)

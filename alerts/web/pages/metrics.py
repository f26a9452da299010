"""The metrics, for Prometheus: ``/metrics``."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.metrics import ServiceMetrics
from alerts.web.metrics_access import MetricsAccess


class MetricsPage:
    """``/metrics``. To others than those who may see it, there is no such page."""

    def __init__(self, metrics: ServiceMetrics, access: MetricsAccess | None) -> None:
        self._metrics, self._access = metrics, access

    def build_routes(self) -> list[Route]:
        """Return the one route, which is there for nobody where nobody may see the metrics."""
        return [Route("/metrics", self._get_metrics, methods=["GET"])]

    async def _get_metrics(self, request: Request) -> Response:
        if self._access is None or not self._access.is_allowed(request):
            raise HTTPException(404)
        accept = request.headers.get("accept", "")
        body, media_type = await run_in_threadpool(self._metrics.write, accept)
        return Response(body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

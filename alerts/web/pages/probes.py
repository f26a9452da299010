"""What load balancers and process managers ask: ``/livez`` and ``/readyz``.

``/healthz`` is another question, whether the service does all its work: see :mod:`.status`.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.ledger import schema_version
from alerts.web.context import WebContext
from alerts.web.readiness import Readiness, check_readiness


class ProbePages:
    """``/livez``: this process answers. ``/readyz``: it can serve, and the service is at work."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        #: That of this program, also when another version is installed over it while it runs.
        self._schema = schema_version.get_newest()

    def build_routes(self) -> list[Route]:
        """Return both routes."""
        return [
            Route("/livez", self._get_life, methods=["GET"]),
            Route("/readyz", self._get_readiness, methods=["GET"]),
        ]

    async def _get_life(self, _request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def _get_readiness(self, request: Request) -> Response:
        """Answer 200 or 503; each ``?exclude=NAME`` leaves out a check, as in Kubernetes."""
        found = await run_in_threadpool(self._check, request.query_params.getlist("exclude"))
        body = msgspec.json.encode(found.describe())
        return Response(body, 200 if found.is_ready else 503, media_type="application/json")

    def _check(self, excluded: Collection[str]) -> Readiness:
        context = self._context
        now, reading = context.clock(), context.ledger.reading
        found = check_readiness(reading, now, context.max_idle, excluded, self._schema)
        if not found.is_ledger_usable:
            return found
        sources = context.find_brief_status().sources
        tries = {one.source: one.next_try for one in sources if one.next_try is not None}
        return msgspec.structs.replace(found, next_tries=tries)

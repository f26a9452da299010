"""The address at which `watchword doctor` finds out whether a public address leads to this service.

It answers only those who have the service's key: `watchword doctor` on one of its machines. The
answer is signed, so that no other service can give it, and says how the request arrived.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.errors import WatchwordError
from alerts.language import gettext_noop as _
from alerts.web.context import WebContext
from alerts.web.private_paths import SELF_CHECK_PATH

#: For a clock that is a little off, and a request that waits for a slow proxy.
_MAX_AGE = timedelta(minutes=2)


class SelfCheckAnswer(msgspec.Struct, frozen=True):
    """How a request arrived, after the headers of trusted proxies were taken into account."""

    answer: str  #: the question's number, signed by us
    client: str  #: the address of whom we take for the client
    scheme: str  #: ``https``


class SelfCheckPage:
    """``/self-check``."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return its route."""
        return [Route(SELF_CHECK_PATH, self._get, methods=["GET"])]

    async def _get(self, request: Request) -> Response:
        number = await run_in_threadpool(self._verify, request.query_params.get("token", ""))
        if number is None:
            raise HTTPException(404, _("There is no such page."))
        found = SelfCheckAnswer(
            self._context.token_signer.issue("self_checked", number),
            request.client.host if request.client else "",
            request.url.scheme,
        )
        headers = {"Cache-Control": "no-store"}
        return Response(msgspec.json.encode(found), 200, headers, "application/json")

    def _verify(self, token: str) -> str | None:
        try:
            return self._context.token_signer.verify("self_check", token, _MAX_AGE)
        except WatchwordError:  # it has expired
            return None

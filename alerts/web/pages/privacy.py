"""The page that says what is public, what is private, and what is kept."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.web.context import WebContext


class PrivacyPage:
    """``/privacy``, the same for everybody."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return the route of the page."""
        return [Route("/privacy", self._get, methods=["GET"])]

    async def _get(self, _request: Request) -> Response:
        return self._context.render_cacheable_page("privacy")

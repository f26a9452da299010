"""What the search box suggests while somebody types: the options of its list, as HTML."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.ledger import StatementTimeout
from alerts.limits import Limit
from alerts.search import find_completions
from alerts.web.context import WebContext
from alerts.web.rate_limits import RateLimits, TooManyRequests

#: Seconds that the database may spend on one statement: later the next letter has been typed.
_STATEMENT_SECONDS = 0.5
#: Characters that are looked at: nobody types a name that is longer.
_MAX_LENGTH = 100


class SuggestionsPage:
    """``/suggestions``, which htmx asks for and puts into the list of the search box."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits

    def build_routes(self) -> list[Route]:
        """Return the route of the list."""
        return [Route("/suggestions", self._get, methods=["GET"])]

    async def _get(self, request: Request) -> Response:
        typed = request.query_params.get("q", "")[:_MAX_LENGTH].replace("\0", "")
        try:
            await self._limits.count_often(Limit.PREVIEWS, request)
        except TooManyRequests:
            return Response(status_code=204)  # htmx leaves the list as it is
        return await run_in_threadpool(self.render_suggestions, typed)

    def render_suggestions(self, typed: str) -> Response:
        """Return the options for what was typed so far; no content if the database is too slow."""
        try:
            with self._context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
                found = find_completions(connection, typed)
        except StatementTimeout:
            return Response(status_code=204)
        return self._context.render_cacheable_page("suggestions", suggestions=found)

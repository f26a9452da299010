"""A page for each feed, for people: the address to paste into a feed reader, and what is in it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts.feeds import FeedDefinition
from alerts.ledger import StatementTimeout, changes
from alerts.limits import Limit
from alerts.queries import QueryError
from alerts.search import build_excerpt
from alerts.web.context import WebContext
from alerts.web.feeds.generator import FeedGenerator, is_private_feed
from alerts.web.heavy_work import HeavyWork, TooBusy, describe_work
from alerts.web.rate_limits import RateLimits
from alerts.web.work import WorkContext

#: Items that the page shows; the feed has more.
_SHOWN = 5
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 2.0
_CACHE_CONTROL = "public, max-age=60"


class FeedPages:
    """``/feeds/NAME``, the address of a feed without its extension."""

    def __init__(self, context: WebContext, limits: RateLimits, work: HeavyWork) -> None:
        self._context, self._limits, self._work = context, limits, work

    def build_routes(self) -> list[Route]:
        """Return the route of the pages."""
        return [Route("/feeds/{name:path}", self._get, methods=["GET"])]

    async def _get(self, request: Request) -> Response:
        name, query = request.path_params["name"], request.query_params.get("q", "")
        await self._limits.count_often(Limit.FEEDS, request)
        try:
            page = await self._work.run(
                describe_work(request, "search"), render_feed_page, name, query
            )
        except QueryError as error:
            return self._context.render_page(
                "error", 400, title=str(error), message="", suggestions=()
            )
        except StatementTimeout as error:
            raise TooBusy from error
        is_public = not is_private_feed(name)
        return HTMLResponse(page, headers={"Cache-Control": _CACHE_CONTROL} if is_public else None)


def render_feed_page(context: WorkContext, name: str, query: str) -> bytes:
    """Return the HTML of a feed's page.

    Args:
        context: what it is made with.
        name: the feed's, as in its address: ``VRU``, ``members/ada-brook``.
        query: as typed, for ``queries/feed``.

    Raises:
        HTTPException: 404 where there is no such feed, 410 where it was public and is not any more.
        QueryError: the query cannot be read.
        StatementTimeout: the database took too long.
    """
    with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
        feed = FeedGenerator(context).find(connection, name, query)
        numbers = list(feed.list_newest(connection, ()).numbers)[:_SHOWN]
        newest = changes.list_by_seqs(connection, numbers)
    ordered = sorted(newest, key=lambda one: -one.seq)
    shown = [(one.change.kind, build_excerpt(one.change.after, feed.query)) for one in ordered]
    return context.render_html(
        "feed",
        metadata=feed.metadata,
        address=_build_address(context, feed),
        entries=[(kind, excerpt) for kind, excerpt in shown if not excerpt.question.is_taken_down],
    )


def _build_address(context: WorkContext, feed: FeedDefinition) -> str:
    """Return the address of a feed without its extension; relative without a public address."""
    return f"{context.feed_identity.public_url or ''}/feeds/{feed.metadata.base_path}"

"""Pages that explain: help, about, privacy, accessibility, the API, and a page for each feed."""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.ledger import changes
from alerts.web.context import WebContext
from alerts.web.pages import query_examples

#: The pages that need nothing but the config. The path is the name of the template.
_PAGES = ("about", "accessibility", "api", "privacy")
#: Newest questions that the help takes examples from.
_EXAMPLES = 20


class InformationPages:
    """Pages that are the same for everybody."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/help", self._get_help, methods=["GET"]),
            *(
                Route(f"/{page}", partial(self._get, page), methods=["GET"], name=page)
                for page in _PAGES
            ),
        ]

    async def _get(self, page: str, _request: Request) -> Response:
        site = self._context
        return site.render_cacheable_page(
            page, site=site.site, operator_email=site.mail_identity.address
        )

    async def _get_help(self, _request: Request) -> Response:
        return await run_in_threadpool(self.render_help)

    def render_help(self) -> Response:
        """Return the page on how to write a query, with examples from the archive."""
        site = self._context
        with site.ledger.reading() as connection:
            newest = changes.list_by_seqs(connection, changes.list_in_feeds(connection, _EXAMPLES))
        records = [one.change.after for one in newest if not one.change.after.is_taken_down]
        return site.render_cacheable_page(
            "help",
            examples=query_examples,
            fields=query_examples.list_fields(records),
            max_topics=site.max_topics,
        )

"""Pages that explain: help, about, privacy, accessibility, the API, and a page for each feed."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.web.context import WebContext
from alerts.web.pages import query_examples

#: The pages that need nothing but the config. The path is the name of the template.
_PAGES = ("about", "accessibility", "api", "help", "privacy")


class InformationPages:
    """Pages that are the same for everybody."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route(f"/{page}", partial(self._get, page), methods=["GET"], name=page)
            for page in _PAGES
        ]

    async def _get(self, page: str, _request: Request) -> Response:
        site = self._context
        return site.render_cacheable_page(
            page,
            site=site.site,
            operator_email=site.mail_identity.address,
            examples=query_examples,
            max_topics=site.max_topics,
        )

"""The site map (https://www.sitemaps.org/protocol.html): the addresses of all public pages.

Only where there is a public address: the protocol wants whole addresses. Private topics, searches
and the pages of subscribers are in none of its files.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.language import gettext_noop as _
from alerts.ledger import members, questions, topics
from alerts.rendering import member_path, question_path, topic_path
from alerts.web.context import WebContext

#: Addresses in one file: the protocol allows 50,000 and 50 MB; 10,000 are 1 MB.
_FILE_SIZE = 10_000
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_CACHE_CONTROL = "public, max-age=3600"
#: The pages that there are whatever the archive holds.
_FIXED = ("/", "/topics", "/members", "/unanswered", "/help", "/about", "/privacy", "/api")


class SiteMap:
    """``/sitemap.xml`` and the files that it names."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return the routes of the index and of its files."""
        return [
            Route("/sitemap.xml", self._get_index, methods=["GET"]),
            Route("/sitemap-pages.xml", self._get_pages, methods=["GET"]),
            Route("/sitemap-questions-{number:int}.xml", self._get_questions, methods=["GET"]),
        ]

    async def _get_index(self, _request: Request) -> Response:
        return await run_in_threadpool(self.build_index)

    async def _get_pages(self, _request: Request) -> Response:
        return await run_in_threadpool(self.build_pages)

    async def _get_questions(self, request: Request) -> Response:
        return await run_in_threadpool(self.build_questions, request.path_params["number"])

    def build_index(self) -> Response:
        """Return the index: one file of pages, and one for each 10,000 questions."""
        with self._context.ledger.reading() as connection:
            files = -(-questions.count(connection) // _FILE_SIZE)
        names = ["/sitemap-pages.xml", *(f"/sitemap-questions-{n + 1}.xml" for n in range(files))]
        return self._answer("sitemapindex", "sitemap", names)

    def build_pages(self) -> Response:
        """Return the file of all pages but those of questions."""
        with self._context.ledger.reading() as connection:
            published = topics.list_public(connection)
            people = members.list_members(connection)
        paths = [
            *_FIXED,
            *(topic_path(one.slug) for one in published if one.question_id is None),
            *(member_path(one.person) for one in people),
        ]
        return self._answer("urlset", "url", paths[:_FILE_SIZE])

    def build_questions(self, number: int) -> Response:
        """Return one file of questions, numbered from 1; a 404 after the last."""
        first = (number - 1) * _FILE_SIZE
        with self._context.ledger.reading() as connection:
            ids = questions.list_ids(connection, first, _FILE_SIZE) if number > 0 else []
        if not ids:
            raise HTTPException(404, _("There is no such file."))
        return self._answer("urlset", "url", map(question_path, ids))

    def _answer(self, root: str, element: str, paths: Iterable[str]) -> Response:
        base = self._context.feed_identity.public_url
        if base is None:
            raise HTTPException(404, _("There is no site map without a public address."))
        entries = "".join(
            f"<{element}><loc>{escape(base + path)}</loc></{element}>\n" for path in paths
        )
        content = f'<{root} xmlns="{_NAMESPACE}">\n{entries}</{root}>\n'
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{content}'
        return Response(body, 200, {"Cache-Control": _CACHE_CONTROL}, "application/xml")

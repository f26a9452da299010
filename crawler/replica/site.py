"""The replica of london.gov.uk over HTTP.

It serves today's design, and the design of 2014 at the addresses of that time.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from crawler.replica.date_formats import format_long_date, format_us_date, format_weekday_date
from crawler.replica.faults import ReplicaFaults
from crawler.replica.search import ReplicaSearch, find_results
from crawler.replica.world import LISTING_PATH, REPLICA_NOTICE, ReplicaSnapshot, ServedWorld

FILES_PATH = "/sites/default/files"
ABOUT_PATH = "/about-the-replica"
#: No page of the source. GET shows the faults; POST sets those in the query, and only those.
FAULTS_PATH = "/replica/faults"

#: No copy of the source's robots.txt is known, so no delay is set here.
ROBOTS_TXT = "User-agent: *\nAllow: /\n"

#: Requests that a replica remembers: more than one crawl makes. The demo runs for days.
MAX_REQUESTS = 20_000


def create_site(world: ServedWorld, clock: Callable[[], datetime], templates: Path) -> Starlette:
    """Return the site as an ASGI application.

    ``app.state.requests`` lists the newest requests as ``GET /path?query``, in order, and
    ``app.state.faults`` holds the faults that the site shows.

    Args:
        world: What there is to see, and when.
        clock: Returns the time now, aware.
        templates: The folder that contains ``replica/``.
    """
    pages = _SiteEndpoints(world, clock, templates)
    requests: deque[str] = deque(maxlen=MAX_REQUESTS)
    app = Starlette(
        routes=[
            Route("/", pages.home),
            Route(LISTING_PATH, pages.listing),
            Route(f"{LISTING_PATH}/{{slug}}", pages.question),
            Route("/questions/{year}/{number}", pages.old_question),
            Route(ABOUT_PATH, pages.about),
            Route(f"{FILES_PATH}/{{name:path}}", pages.file),
            Route("/robots.txt", pages.robots),
            Route(FAULTS_PATH, pages.show_faults, methods=["GET"]),
            Route(FAULTS_PATH, pages.set_faults, methods=["POST"]),
        ],
        middleware=[Middleware(RequestRecorder, requests=requests)],
        exception_handlers={HTTPException: pages.error},
    )
    app.state.requests = requests
    app.state.faults = pages.faults
    return app


class RequestRecorder:
    """Middleware that adds each request to a list."""

    def __init__(self, app: ASGIApp, requests: deque[str]) -> None:
        self.app = app
        self.requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request, then pass it on."""
        if scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            self.requests.append(f"{scope['method']} {scope['path']}{'?' * bool(query)}{query}")
        await self.app(scope, receive, send)


class _SiteEndpoints:
    """The endpoints of the site."""

    def __init__(self, world: ServedWorld, clock: Callable[[], datetime], templates: Path) -> None:
        self.world = world
        self.clock = clock
        self.faults = ReplicaFaults()
        self._asked: set[str] = set()
        self.templates = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals |= {
            "listing": LISTING_PATH,
            "about": ABOUT_PATH,
            "notice": REPLICA_NOTICE,
        }
        self.templates.filters |= {
            "day": format_long_date,
            "weekday": format_weekday_date,
            "us_day": format_us_date,
        }

    def take_snapshot(self) -> ReplicaSnapshot:
        """Return what can be seen now."""
        return self.faults.change_snapshot(self.world.take_snapshot(self.clock()))

    def render(self, name: str, request: Request, status: int = 200, **values: object) -> Response:
        """Return one page, with its own address as the canonical link."""
        canonical = str(request.base_url).rstrip("/") + request.url.path
        page = self.templates.get_template(f"replica/{name}").render(canonical=canonical, **values)
        if self.faults.answers_cut and name.startswith("question"):
            page = self.faults.cut_before_answers(page)
        etag = f'W/"{hashlib.sha256(page.encode()).hexdigest()[:16]}"'
        if status == 200 and request.headers.get("If-None-Match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return HTMLResponse(page, status, {"ETag": etag})

    async def home(self, _request: Request) -> Response:
        return RedirectResponse(LISTING_PATH)

    async def listing(self, request: Request) -> Response:
        if self.faults.maintenance:
            return self.render("maintenance.html", request)
        query = request.query_params.multi_items()
        try:
            search = ReplicaSearch.parse(query)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        kept = [(name, value) for name, value in query if name != "page"]

        def link(*more: tuple[str, str]) -> str:
            """Return the address of this search with parameters added."""
            return f"{LISTING_PATH}?{urlencode([*kept, *more])}"

        shown = () if self.faults.blank_listing else self.take_snapshot().questions
        results = find_results(search, shown[: self.faults.hidden_after])
        if self.faults.short_pages and self._is_first_request(str(request.url)):
            results = replace(results, rows=results.rows[:3], pages=search.page + 1)
        page = self.render("listing.html", request, search=search, results=results, link=link)
        if self.faults.cut_listing_page == search.page and page.status_code == 200:
            return HTMLResponse(self.faults.cut_after_rows(bytes(page.body).decode()))
        return page

    def _is_first_request(self, address: str) -> bool:
        """Return whether a listing is asked for the first time since the faults were set."""
        is_first = address not in self._asked
        self._asked.add(address)
        return is_first

    async def show_faults(self, _request: Request) -> Response:
        return JSONResponse(msgspec.to_builtins(self.faults))

    async def set_faults(self, request: Request) -> Response:
        try:
            self.faults.set_only(dict(request.query_params))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        self._asked.clear()
        return await self.show_faults(request)

    async def question(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        if self.faults.maintenance:
            return self.render("maintenance.html", request)
        if moved_to := self.faults.find_new_slug(slug):
            if self.faults.moved == "redirect":
                return RedirectResponse(f"{LISTING_PATH}/{moved_to}", 301)
            slug = moved_to if self.faults.moved == "works" else slug
        question = self.take_snapshot().find_by_slug(slug)
        if question is None or self.faults.is_missing(slug):
            raise HTTPException(404)
        return self.render("question.html", request, question=question)

    async def old_question(self, request: Request) -> Response:
        view = self.take_snapshot()
        question = view.find_by_old_path(request.url.path)
        if question is None:
            raise HTTPException(404)
        return self.render(
            "question_2014.html",
            request,
            question=question,
            follow_ups=view.has_follow_ups(question),
        )

    async def about(self, request: Request) -> Response:
        return self.render("about.html", request)

    async def file(self, request: Request) -> Response:
        """Return a linked file: plain text that says what it is, whatever its name ends in."""
        if not self.world.has_file(request.url.path):
            raise HTTPException(404)
        name = request.path_params["name"].rpartition("/")[2]
        return PlainTextResponse(
            f"{REPLICA_NOTICE}\n\nThis stands in for the attached file {name}.\n"
        )

    async def robots(self, _request: Request) -> Response:
        return PlainTextResponse(ROBOTS_TXT)

    async def error(self, request: Request, error: Exception) -> Response:
        """Return the error page, in the site's layout like all others."""
        assert isinstance(error, HTTPException)
        return self.render("error.html", request, error.status_code, detail=error.detail)

"""The demo's web pages: an overview and the inbox, beside the pages of the service itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from alerts.ledger import topics
from alerts.web import create_app, run_background
from scheduler.demo.inbox import read_inbox
from scheduler.service import Service
from scheduler.web import build_web_context


class DemoPages:
    """The handlers of the demo's own pages."""

    def __init__(self, service: Service, inbox: Path, source_url: str) -> None:
        """Keep what the pages show.

        Args:
            service: The service that is shown.
            inbox: The Maildir that the demo's mail server fills.
            source_url: The address of the replica.
        """
        self._service = service
        self._inbox = inbox
        self._source_url = source_url

    def show_overview(self, _request: Request) -> HTMLResponse:
        """Show links to the service, its feeds, the inbox and the source."""
        with self._service.ledger.reading() as connection:
            feeds = [(topic.slug, topic.title) for topic in topics.list_public(connection)]
        password = self._service.config.web.operator_password
        return self._render(
            "index",
            now=self._service.clock(),
            emails=len(read_inbox(self._inbox)),
            feeds=feeds,
            source=self._source_url,
            operator_password=password,
        )

    def list_emails(self, _request: Request) -> HTMLResponse:
        """Show the inbox, newest email first."""
        return self._render("inbox", emails=read_inbox(self._inbox))

    def show_email(self, request: Request) -> HTMLResponse:
        """Show one email; status 404 if the inbox has none with this key."""
        key = request.path_params["key"]
        for email in read_inbox(self._inbox):
            if email.key == key:
                return self._render("message", email=email)
        raise HTTPException(404)

    def _render(self, name: str, **values: object) -> HTMLResponse:
        return HTMLResponse(self._service.templates.render_html(f"demo/{name}.html", **values))


def create_demo_app(service: Service, inbox: Path, source_url: str) -> Starlette:
    """Return the application: the demo's pages, and the service's at all other paths."""
    pages, context = DemoPages(service, inbox, source_url), build_web_context(service)
    return Starlette(
        routes=[
            Route("/demo", pages.show_overview),
            Route("/inbox", pages.list_emails),
            Route("/inbox/{key}", pages.show_email),
            Mount("/", create_app(context)),
        ],
        lifespan=partial(run_background, context, context.create_limiter()),
    )

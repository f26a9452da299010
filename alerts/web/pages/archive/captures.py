"""Pages of sources as they were last read."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.language import gettext_noop as _
from alerts.ledger import questions
from alerts.rendering import normalise_link
from alerts.web.context import CapturedPage, WebContext

#: A captured page shows what it holds itself: it loads nothing from anywhere, so that nobody learns
#: who reads it, and runs nothing.
_CAPTURE_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class CapturePages:
    """The archived copies."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def build_routes(self) -> list[Route]:
        """Return the route of all copies."""
        return [Route("/capture/{id:path}", self._get_capture, methods=["GET"])]

    async def _get_capture(self, request: Request) -> Response:
        capture = await run_in_threadpool(self.find_capture, request.path_params["id"])
        headers = {
            "Content-Security-Policy": _CAPTURE_POLICY,
            "X-DNS-Prefetch-Control": "off",  # a policy does not reach what a page has looked up
            "Referrer-Policy": "no-referrer",
            "Memento-Datetime": f"{capture.fetched_at:%a, %d %b %Y %H:%M:%S GMT}",  # RFC 7089 2.1.1
        }
        if original := normalise_link(capture.url):
            headers["Link"] = f'<{original}>; rel="original"'
        return Response(capture.body, 200, headers, capture.content_type or "text/plain")

    def find_capture(self, question_id: str) -> CapturedPage:
        """Return a question's page as last read; raise a 404 `HTTPException` where none is kept."""
        with self._context.ledger.reading() as connection:
            stored = questions.find(connection, question_id)
        location = stored.capture if stored else None
        capture = self._context.read_capture(location) if location else None
        if capture is None:
            raise HTTPException(404, _("There is no archived copy of this page."))
        return capture

"""Static files of the pages: our style sheet, and htmx, which is vendored (docs/decisions/0012)."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.rendering import Templates
from alerts.web.http_cache import is_unchanged, strong_tag

#: htmx 2.0.10 as published on npm (``htmx.org``, ``dist/htmx.min.js``), unchanged. To update:
#: replace the file, its ``.sha256`` and this name; ``tests/alerts/web/test_assets.py`` compares
#: them.
HTMX_FILE = "htmx-2.0.10.min.js"
#: One hour: short enough that a new release is seen the same day without versioned file names.
_CACHE_CONTROL = "public, max-age=3600"


def build_asset_routes(templates: Templates) -> list[Route]:
    """Return the routes of the style sheet (``static/style.css``, a template) and of htmx."""
    style = templates.render_text("static/style.css").encode()
    htmx = files("alerts.web").joinpath("static", HTMX_FILE).read_bytes()
    return [
        _build_route("/static/style.css", style, "text/css"),
        _build_route("/static/htmx.js", htmx, "text/javascript"),
    ]


def _build_route(path: str, body: bytes, media_type: str) -> Route:
    tag = strong_tag(body)
    headers = {"ETag": tag, "Cache-Control": _CACHE_CONTROL}

    async def answer(request: Request) -> Response:
        if is_unchanged(request.headers, tag):
            return Response(None, 304, headers)
        return Response(body, 200, headers, media_type)

    return Route(path, answer, methods=["GET"])

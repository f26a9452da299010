"""The style of our pages and htmx, the only two files that they ask for beside themselves."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.rendering.templates import Templates
from alerts.web.http_cache import is_unchanged, strong_tag

_CACHE_CONTROL = "public, max-age=3600"


def build_asset_routes(templates: Templates) -> list[Route]:
    """Where they are. htmx comes with a package (``docs/decisions/0012``)."""
    htmx = files("django_htmx").joinpath("static/django_htmx/htmx-2.min.js").read_bytes()
    return [
        _build_route(
            "/static/style.css", templates.render_text("static/style.css").encode(), "text/css"
        ),
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

"""Static files of the pages: style sheet, icon, and htmx, which is vendored (decision 0012).

The address of a file has a hash of its content. A browser keeps it for ever, and a new release has
another address, so no page is ever shown with the files of an older one.
"""

from __future__ import annotations

import hashlib
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
#: A year, which browsers take for ever; ``immutable`` says not to ask again (RFC 8246).
_FOR_EVER = "public, max-age=31536000, immutable"
#: For addresses without a hash, which templates of an operator may name.
_REVALIDATE = "public, no-cache"
#: Characters of the hash in an address: 64 bits.
_HASH_LENGTH = 16
_JAVASCRIPT = "text/javascript"


def build_asset_routes(templates: Templates) -> list[Route]:
    """Return the routes of the style sheet (``static/style.css``, a template), icon and htmx.

    From then on every template can use their addresses: ``static_paths["style.css"]``.
    """
    folder = files("alerts.web").joinpath("static")
    bodies = {
        "style.css": (templates.render_text("static/style.css").encode(), "text/css"),
        "favicon.svg": (folder.joinpath("favicon.svg").read_bytes(), "image/svg+xml"),
        "htmx.js": (folder.joinpath(HTMX_FILE).read_bytes(), _JAVASCRIPT),
    }
    paths = {name: _add_hash(name, body) for name, (body, _) in bodies.items()}
    templates.add_variables({"static_paths": paths})
    icon, icon_type = bodies["favicon.svg"]
    return [
        # Some programs ask for this address, whatever a page names; all take what the type says.
        _build_route("/favicon.ico", icon, icon_type, _REVALIDATE),
        *(
            route
            for name, (body, media_type) in bodies.items()
            for route in (
                _build_route(paths[name], body, media_type, _FOR_EVER),
                _build_route(f"/static/{name}", body, media_type, _REVALIDATE),
            )
        ),
    ]


def _add_hash(name: str, body: bytes) -> str:
    """Return the address of a file: ``/static/style.0123456789abcdef.css``."""
    stem, _, extension = name.rpartition(".")
    return f"/static/{stem}.{hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]}.{extension}"


def _build_route(path: str, body: bytes, media_type: str, cache_control: str) -> Route:
    tag = strong_tag(body)
    headers = {"ETag": tag, "Cache-Control": cache_control}

    async def answer(request: Request) -> Response:
        if is_unchanged(request.headers, tag):
            return Response(None, 304, headers)
        return Response(body, 200, headers, media_type)

    return Route(path, answer, methods=["GET"])

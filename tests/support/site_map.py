"""Every route of the web application, found from the application itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.routing import Mount, Route


def list_routes(app: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return the method and the path of each route: ``("GET", "/topic/{slug}")``.

    An application below a mount that has no routes of its own is one route: ``("GET", "/feeds")``.
    """
    return sorted(set(_walk(app, prefix)))


def _walk(app: Any, prefix: str) -> Iterator[tuple[str, str]]:
    routes = _find_routes(app)
    if routes is None:
        yield "GET", prefix
        return
    for route in routes:
        if isinstance(route, Mount):
            yield from _walk(route.app, prefix + route.path)
        else:
            assert isinstance(route, Route), route
            for method in route.methods or {"GET"}:
                if method != "HEAD":
                    yield method, prefix + route.path


def _find_routes(app: Any) -> list[Any] | None:
    """Return the routes of an application, through the middleware around it; None without any."""
    while app is not None:
        routes = getattr(app, "routes", None)
        if routes is not None:
            return list(routes)
        app = getattr(app, "app", None)
    return None

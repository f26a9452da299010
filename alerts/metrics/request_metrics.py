"""What this process has answered by HTTP: requests and durations, by the pattern of their route."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.metrics.definitions import DURATION, OTHER, REQUESTS

#: What is counted where there was no answer: the server then answers so, outside of all middleware.
_NO_ANSWER = 500


class RequestMetrics:
    """Counts requests of one application."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Add the counters to a registry, which each application has of its own."""
        self._requests = Counter(
            REQUESTS.name, REQUESTS.meaning, REQUESTS.label_names, registry=registry
        )
        self._durations = Histogram(
            DURATION.name,
            DURATION.meaning,
            DURATION.label_names,
            registry=registry,
            buckets=DURATION.buckets,
        )
        #: By route and class of status, because to look labels up takes a lock and 2 microseconds.
        #: Routes are patterns, so there are few.
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = (route, status // 100)
        found = self._children.get(key)
        if found is None:
            counted = self._requests.labels(route, f"{status // 100}xx")
            found = self._children[key] = (counted, self._durations.labels(route))
        found[0].inc()
        found[1].observe(seconds)


class RequestMeter:
    """Middleware that counts the requests to an application."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, patterns: Mapping[Any, str]) -> None:
        """Wrap ``app``; ``patterns`` are those of :func:`find_patterns`."""
        self._app, self._metrics, self._patterns = app, metrics, patterns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _NO_ANSWER

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, send_and_look)
        finally:
            self._metrics.note(self._find_route(scope), status, time.perf_counter() - began)

    def _find_route(self, scope: Scope) -> str:
        return self._patterns.get(scope.get("endpoint"), OTHER)


def find_patterns(routes: Sequence[BaseRoute]) -> dict[Any, str]:
    """Return the pattern of each route, by the endpoint that Starlette puts into the scope.

    Args:
        routes: Of an application. Those below a mount of an application with routes are included.
    """
    return dict(_iter_patterns(routes, ""))


def _iter_patterns(routes: Sequence[BaseRoute], prefix: str) -> Iterator[tuple[Any, str]]:
    for route in routes:
        if isinstance(route, Route):
            yield route.endpoint, prefix + route.path
        elif isinstance(route, Mount):
            if route.path:  # the one without a path has pages of its own, and nothing beside them
                yield route.app, f"{prefix}{route.path}/{{path}}"
            yield from _iter_patterns(_find_inner_routes(route), prefix + route.path)


def _find_inner_routes(mount: Mount) -> Sequence[BaseRoute]:
    """Return the routes of a mounted application, through the middleware around it."""
    app: Any = mount.app
    while app is not None and not hasattr(app, "routes"):
        app = getattr(app, "app", None)
    return getattr(app, "routes", ())

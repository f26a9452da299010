"""Limits on what a client's network may do: counting requests, and what is answered over a limit.

What the limits are is decided in `alerts.limits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from alerts.errors import ExitStatus, WatchwordError
from alerts.language import gettext_noop as _
from alerts.ledger import LedgerError, LedgerUnavailable
from alerts.limits import Client, Limit, Limiter, LimitReached, find_client
from alerts.web.private_paths import SELF_CHECK_PATH
from crawler.event_log import get_logger

log = get_logger("watchword.limits")

_NOT_NOW = _("This cannot be done at the moment. Try again in a minute.")
_RETRY_SECONDS = 60
#: Headers with which a proxy names its client.
_FORWARDING_HEADERS = frozenset((b"x-forwarded-for", b"forwarded", b"x-real-ip"))


class TooManyRequests(HTTPException, WatchwordError):
    """The answer to a request over a limit: 429, with when to try again."""

    exit_status = ExitStatus.RETRY

    def __init__(self, reached: LimitReached) -> None:
        """Answer with the limit's sentence."""
        super().__init__(429, reached.sentence, {"Retry-After": str(reached.seconds)})


class RateLimits:
    """Counts requests for the networks of their clients."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    @property
    def limiter(self) -> Limiter:
        """What counts, for whatever is not about a request."""
        return self._limiter

    async def count(self, limit: Limit, request: Request) -> None:
        """Count a request exactly.

        Raises:
            TooManyRequests: It is over the limit.
            HTTPException: 503 where requests cannot be counted now.
        """
        await run_in_threadpool(self.count_address, limit, request, None)

    def count_address(self, limit: Limit, request: Request, address: str | None) -> None:
        """Count a request about an email address. Needs a thread. Errors as of `count`."""
        with _refusing_uncounted():
            reached = self._limiter.count(limit, find_request_client(request), address)
        if reached is not None:
            raise TooManyRequests(reached)

    async def check(self, limit: Limit, request: Request) -> None:
        """Refuse a request if one more would be over a limit; count nothing. Errors as of `count`.

        It is the same for whatever address the request is about.
        """
        reached = await run_in_threadpool(self._find_reached, limit, request)
        if reached is not None:
            raise TooManyRequests(reached)

    def _find_reached(self, limit: Limit, request: Request) -> LimitReached | None:
        with _refusing_uncounted():
            return self._limiter.find_reached(limit, find_request_client(request))

    def count_soon(self, limit: Limit, client: Client) -> None:
        """Count what is asked for often, once a second with other processes. Needs a thread.

        Raises:
            TooManyRequests: It is over the limit.
        """
        reached = self._limiter.count_soon(limit, client)
        if reached is not None:
            raise TooManyRequests(reached)

    async def count_often(self, limit: Limit, request: Request) -> None:
        """Count a request as `count_soon` does."""
        await run_in_threadpool(self.count_soon, limit, find_request_client(request))

    async def count_wrong_link(self, request: Request) -> None:
        """Count a wrong link or password. Right ones are never counted, and never refused.

        Raises:
            TooManyRequests: There were too many from this network.
        """
        client = find_request_client(request)
        try:
            reached = await run_in_threadpool(self._limiter.count, Limit.WRONG_LINKS, client)
        except (LedgerUnavailable, LedgerError) as error:
            log.error("a wrong link is not counted", reason=error)
            return
        if reached is not None:
            raise TooManyRequests(reached)


@contextmanager
def _refusing_uncounted() -> Iterator[None]:
    """Answer 503 where a request cannot be counted."""
    try:
        yield
    except (LedgerUnavailable, LedgerError) as error:
        log.error("a request cannot be counted, so it is refused", reason=error)
        headers = {"Retry-After": str(_RETRY_SECONDS)}
        raise HTTPException(503, _NOT_NOW, headers) from error


def find_request_client(request: Request) -> Client:
    """Return the networks of a request's client, as a trusted proxy names it."""
    return find_client(request.client.host if request.client else None)


def find_scope_client(scope: Scope) -> Client:
    """Return the networks of the client of an ASGI scope."""
    return find_client(scope["client"][0] if scope.get("client") else None)


class ProxyWatch:
    """Middleware that notes peers which name other clients and are not trusted proxies.

    If such a peer is the operator's own proxy, all the world counts as one network. `watchword
    doctor` names another client on purpose, to see whether it is believed.
    """

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self._app, self._limiter = app, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the peer where its header was not believed, and pass the request on."""
        if scope["type"] == "http" and scope["path"] != SELF_CHECK_PATH:
            peer = find_untrusted_proxy(scope)
            if peer is not None and self._limiter.is_proxy_note_due():
                await run_in_threadpool(self._limiter.note_untrusted_proxy, peer)
        await self._app(scope, receive, send)


def find_untrusted_proxy(scope: Scope) -> str | None:
    """Return the peer where a request names another client and was not believed; else None.

    A header that was believed has made its client the client of the request.
    """
    names = [value for name, value in scope["headers"] if name in _FORWARDING_HEADERS]
    peer = scope.get("client")
    if not names or not peer:
        return None
    host: str = peer[0]
    return None if any(host.encode("latin-1") in value for value in names) else host

"""Heavy work: searches, feeds on demand and exports, a few at a time and fairly between networks.

One of these takes as much time as a hundred pages. So only a few run at once, however many are
asked for; the others wait, and who has waited for a second is told to come back. Who has less
running goes first: a network that asks for many makes only itself wait.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from alerts.errors import ExitStatus, WatchwordError
from alerts.language import gettext_noop as _
from alerts.limits import name_network
from alerts.web.work import P, R, Runner, Work, WorkContext

WorkKind: TypeAlias = Literal["search", "export"]

BUSY = _("The service is busy. Try again in a few seconds.")
#: Seconds after which a client may try again: what 50 searches of 0.1 s take.
RETRY_SECONDS = 5
#: Networks of which it is remembered when they were served last: 10,000 of 200 bytes are 2 MB.
_MAX_NETWORKS = 10_000


class WorkLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much heavy work there may be."""

    #: At once. More would not be faster on two processors, and would leave nothing for pages.
    total: int = 2
    #: Of these, exports: a search never waits for exports alone.
    exports: int = 1
    #: Exports that have begun and wait for their next part; above that none is begun. They take
    #: turns, so each of five is a fifth as fast. One whose client reads slowly is not among them.
    begun_exports: int = 4
    #: Of these, from one network: two statements of ten seconds would hold up everybody.
    for_network: int = 1
    #: Seconds that a request waits before it gets 503. People wait a second before they think that
    #: something is wrong (J. Nielsen, Usability Engineering, 1993, chapter 5).
    patience: float = 1.0
    #: Requests of one network that wait; further ones get 503 at once.
    waiting: int = 60
    #: Seconds that an export that has begun waits for its next part before it is broken off.
    export_patience: float = 60.0


class TooBusy(HTTPException, WatchwordError):
    """There is more heavy work than can be done now."""

    exit_status = ExitStatus.RETRY

    def __init__(self) -> None:
        super().__init__(503, BUSY, {"Retry-After": str(RETRY_SECONDS)})


class ClientGone(TooBusy):
    """The client has left before its turn came, so nobody reads an answer."""


class WorkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for heavy work, and how."""

    kind: WorkKind
    network: str  #: as `alerts.limits.name_network` names it
    #: Whether the client has closed the connection meanwhile.
    is_gone: Callable[[], Awaitable[bool]] | None = None
    is_begun: bool = False  #: whether it goes on with what the client has a part of already


def describe_work(request: Request, kind: WorkKind, *, is_begun: bool = False) -> WorkRequest:
    """Return who asks for heavy work with an HTTP request."""
    return WorkRequest(
        kind=kind,
        network=name_network(request.client.host if request.client else ""),
        is_gone=request.is_disconnected,
        is_begun=is_begun,
    )


class _Waiting(msgspec.Struct, eq=False):
    request: WorkRequest
    order: int
    admitted: asyncio.Future[None]


class HeavyWork:
    """Decides which heavy work runs. Used on the event loop's thread alone."""

    def __init__(self, runner: Runner, limits: WorkLimits | None = None) -> None:
        self.runner, self._limits = runner, limits or WorkLimits()
        self._running_kinds: Counter[str] = Counter()
        self._running_networks: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        #: When a network was last served, by the number of the request, while any waits.
        self._served: dict[str, int] = {}

    async def run(
        self, request: WorkRequest, work: Work[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``work`` when it is its turn.

        Raises:
            ClientGone: the client has left meanwhile.
            TooBusy: it was not its turn in time.
        """
        async with self._slot(request):
            if request.is_gone is not None and await request.is_gone():
                raise ClientGone
            return await self.runner.run(work, *args, **kwargs)

    @asynccontextmanager
    async def _slot(self, request: WorkRequest) -> AsyncIterator[None]:
        if self._is_free(request):
            self._take(request)
        else:
            await self._wait(request)
        try:
            yield
        finally:
            self._release(request)

    async def _wait(self, request: WorkRequest) -> None:
        limits = self._limits
        mine = sum(one.request.network == request.network for one in self._waiting)
        if not request.is_begun and mine >= limits.waiting:
            raise TooBusy
        waiting = _Waiting(request, next(self._numbers), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        patience = limits.export_patience if request.is_begun else limits.patience
        try:
            async with asyncio.timeout(patience):
                await waiting.admitted
        except BaseException as error:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif waiting.admitted.done() and not waiting.admitted.cancelled():
                self._release(request)  # its turn came in the same moment
            if isinstance(error, TimeoutError):
                raise TooBusy from None
            raise

    def _is_free(self, request: WorkRequest) -> bool:
        """Return whether there is room for a request now."""
        limits = self._limits
        return (
            self._running_kinds.total() < limits.total
            and self._running_networks[request.network] < limits.for_network
            and (request.kind != "export" or self._has_room_for_export(request))
        )

    def _has_room_for_export(self, request: WorkRequest) -> bool:
        if self._running_kinds["export"] >= self._limits.exports:
            return False
        begun = sum(one.request.is_begun for one in self._waiting)
        return request.is_begun or begun < self._limits.begun_exports

    def _take(self, request: WorkRequest) -> None:
        self._running_kinds[request.kind] += 1
        self._running_networks[request.network] += 1
        self._served[request.network] = next(self._numbers)

    def _release(self, request: WorkRequest) -> None:
        self._running_kinds[request.kind] -= 1
        self._running_networks[request.network] -= 1
        if not self._running_networks[request.network]:
            del self._running_networks[request.network]
        self._admit_next()

    def _admit_next(self) -> None:
        """Admit what may begin now, from the networks that have the least first."""
        while free := [
            one
            for one in self._waiting
            if not one.admitted.done() and self._is_free(one.request)  # done: it has just given up
        ]:
            following = min(free, key=self._rank)
            self._waiting.remove(following)
            self._take(following.request)
            following.admitted.set_result(None)
        if not self._waiting or len(self._served) > _MAX_NETWORKS:
            self._served.clear()

    def _rank(self, waiting: _Waiting) -> tuple[int, int, int]:
        request = waiting.request
        return (
            self._running_networks[request.network],
            self._served.get(request.network, -1),
            waiting.order,
        )


class ThreadRunner:
    """Runs heavy work in threads of this process."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context

    async def run(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``work`` in a thread."""
        return await run_in_threadpool(work, self._context, *args, **kwargs)

    async def start(self, places: int) -> None:
        """Do nothing: threads start when they are needed."""

    async def stop(self) -> None:
        """Do nothing: threads end with the event loop."""

"""Heavy work: a little at a time, fairly between networks, and never in the way of pages."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from alerts.feeds import FEED_FILTERS
from alerts.subscribers import hide_topic, publish_topic
from alerts.web import Work, WorkContext
from alerts.web.heavy_work import (
    BUSY,
    HeavyWork,
    ThreadRunner,
    TooBusy,
    WorkKind,
    WorkLimits,
    WorkRequest,
)
from alerts.web.work import P, R
from tests.support.samples import make_question
from tests.support.web_client import WebClient, run_web_client

PROXY = "127.0.0.1"


class HeldWork:
    """A runner whose work begins when it is let go."""

    def __init__(self, context: WorkContext | None = None) -> None:
        self._runner = ThreadRunner(context) if context else None
        self.begun: list[str] = []
        self.may_go = threading.Event()

    async def run(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self.begun.append(str(args[0]) if args else "")
        while not self.may_go.is_set():
            await asyncio.sleep(0.005)
        assert self._runner is not None
        return await self._runner.run(work, *args, **kwargs)

    async def start(self, places: int) -> None:
        return

    async def stop(self) -> None:
        return


# ------------------------------------------------------------------ whose turn it is


class Turns:
    """Work that is asked for by networks, each piece of which ends when it is told to."""

    def __init__(self, limits: WorkLimits) -> None:
        self.work = HeavyWork(self, limits)
        self.running: dict[str, asyncio.Event] = {}
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[str]] = {}

    async def run(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        name = str(args[0])
        self.begun.append(name)
        self.running[name] = asyncio.Event()
        await self.running[name].wait()
        return await asyncio.to_thread(lambda: "done")  # type: ignore[arg-type,return-value]

    async def start(self, places: int) -> None:
        return

    async def stop(self) -> None:
        return

    def ask(
        self, name: str, kind: WorkKind = "search", *, is_begun: bool = False
    ) -> asyncio.Task[str]:
        """Ask for work; the network is the first letter of its name."""
        request = WorkRequest(kind=kind, network=name[0], is_begun=is_begun)
        self.tasks[name] = asyncio.create_task(self.work.run(request, echo, name))
        return self.tasks[name]

    async def end(self, name: str) -> None:
        """End some work, which takes a thread a while, and let others begin."""
        self.running.pop(name).set()
        await asyncio.wait({self.tasks[name]}, timeout=10)
        await asyncio.sleep(0.02)


def echo(_context: WorkContext, name: str) -> str:
    return name


@asynccontextmanager
async def asked(
    turns: Turns, *names: str, kind: WorkKind = "search"
) -> AsyncIterator[list[asyncio.Task[str]]]:
    tasks = []
    for name in names:
        tasks.append(turns.ask(name, kind))
        await asyncio.sleep(0.01)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_a_network_that_asks_for_much_makes_only_itself_wait() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits(total=2, for_network=2))
        async with asked(turns, "a1", "a2", "a3", "a4", "b1", "b2"):
            assert turns.begun == ["a1", "a2"]
            await turns.end("a1")
            assert turns.begun[2:] == ["b1"], "who has nothing running goes first"
            await turns.end("b1")
            await turns.end("a2")
            assert turns.begun[3:5] == ["b2", "a3"] or turns.begun[3:5] == ["a3", "b2"]

    asyncio.run(check())


def test_networks_take_turns_at_a_single_place() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits(total=1, patience=5))
        async with asked(turns, "a1", "a2", "a3", "b1", "b2", "c1"):
            for name in ("a1", "b1", "c1", "a2", "b2", "a3"):
                assert turns.begun[-1] == name
                await turns.end(name)

    asyncio.run(check())


def test_one_network_never_has_all_places() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits())
        async with asked(turns, "a1", "a2", "b1"):
            assert turns.begun == ["a1", "b1"]

    asyncio.run(check())


def test_exports_leave_room_for_a_search() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits())
        async with asked(turns, "a1", "b1", "c1", kind="export"), asked(turns, "d1"):
            assert turns.begun == ["a1", "d1"]

    asyncio.run(check())


def test_no_export_begins_while_many_that_have_begun_wait() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits(begun_exports=1, patience=5))  # nobody waits so long
        async with asked(turns, "a1", kind="export") as [first]:
            further = turns.ask("b1", "export", is_begun=True)
            await asyncio.sleep(0.01)
            async with asked(turns, "c1", kind="export") as [new]:
                await turns.end("a1")
                assert turns.begun == ["a1", "b1"]
                await asyncio.sleep(0.01)
                await turns.end("b1")
                assert turns.begun == ["a1", "b1", "c1"]
                await turns.end("c1")
                assert await new == await further == await first == "done"

    asyncio.run(check())


def test_who_waits_too_long_is_told_to_come_back() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits(patience=0.1))
        async with asked(turns, "a1", "a2") as [first, second]:
            with pytest.raises(TooBusy) as caught:
                await asyncio.wait_for(second, 10)
            assert caught.value.status_code == 503
            assert caught.value.headers == {"Retry-After": "5"}
            await turns.end("a1")
            assert await first == "done"
        async with asked(turns, "a3", "b3"):
            assert turns.begun == ["a1", "a3", "b3"], "no place is lost"

    asyncio.run(check())


@pytest.mark.slow
def test_many_that_give_up_in_the_moment_of_their_turn_lose_no_place() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits(patience=0.02, waiting=1000))
        for turn in range(10):
            async with asked(turns, f"a{turn}"):
                waiting = [turns.ask(f"{letter}{turn}w") for letter in "abcabcabc"]
                await asyncio.sleep(0.019 + 0.0006 * turn)
                for name in list(turns.running):
                    await turns.end(name)
                for name in list(turns.running):
                    await turns.end(name)
                await asyncio.gather(*waiting, return_exceptions=True)
        turns.begun.clear()
        async with asked(turns, "x1", "y1"):
            assert turns.begun == ["x1", "y1"]

    asyncio.run(check())


def test_only_so_many_of_one_network_wait() -> None:
    async def check() -> None:
        turns = Turns(WorkLimits(waiting=2, patience=5))
        async with asked(turns, "a1", "a2", "a3", "a4", "b1") as tasks:
            with pytest.raises(TooBusy):
                await asyncio.wait_for(tasks[3], 1)
            assert turns.begun == ["a1", "b1"]

    asyncio.run(check())


# ------------------------------------------------------------------ over HTTP


@pytest.fixture
def held(site: WebClient) -> Iterator[tuple[WebClient, HeldWork]]:
    site.publish_questions(*(make_question(n, words="The fares.") for n in range(1, 250)))
    runner = HeldWork(site.work_context)
    with run_web_client(
        site.ledger, site.now, site.folder, proxies=(PROXY,), runner=runner
    ) as found:
        yield found, runner
        runner.may_go.set()


SEARCHES = (
    "/search?q=fares",
    "/search?q=fares&after=2026-01-01~x",
    "/api/v1/questions?q=fares",
    "/api/v1/export.csv?q=fares",
    "/feeds/queries/feed.atom.xml?q=fares",
    "/feeds/members/ada-brook.rss.xml",
)


def get(pages: WebClient, path: str, network: str) -> tuple[int, str, str | None]:
    status, headers, body = pages.request("GET", path, headers={"X-Forwarded-For": network})
    return status, body.decode("utf-8", "replace"), headers["Retry-After"]


@pytest.mark.slow
def test_more_than_can_be_done_is_answered_with_503_and_pages_go_on(
    held: tuple[WebClient, HeldWork],
) -> None:
    pages, runner = held
    with ThreadPoolExecutor(20) as threads:
        first: Future[tuple[int, str, str | None]] = threads.submit(
            get, pages, "/api/v1/questions?q=fares", "192.0.2.1"
        )
        while not runner.begun:
            time.sleep(0.01)
        others = {path: threads.submit(get, pages, path, "192.0.2.1") for path in SEARCHES}
        for page in ("/", "/members", "/question/london:/questions/3", "/robots.txt"):
            assert get(pages, page, "192.0.2.1")[0] == 200, "it waited for its turn"
        for path, answer in others.items():
            status, text, retry_after = answer.result()
            assert (status, retry_after) == (503, "5"), path
            assert BUSY in text
        assert json.loads(others["/api/v1/questions?q=fares"].result()[1]) == {"error": BUSY}
        # another network has a place, although the first asked for more before
        second = threads.submit(get, pages, "/search?q=fares", "198.51.100.7")
        while len(runner.begun) < 2:
            time.sleep(0.01)
        runner.may_go.set()
        assert first.result()[0] == second.result()[0] == 200
    assert get(pages, "/api/v1/export.jsonl?q=fares", "192.0.2.1")[1].count("\n") == 249


@pytest.mark.slow
def test_a_feed_that_is_known_is_served_while_there_is_too_much_to_do(
    held: tuple[WebClient, HeldWork],
) -> None:
    pages, runner = held
    path = "/feeds/members/ada-brook.rss.xml"
    runner.may_go.set()
    assert get(pages, path, "192.0.2.1")[0] == 200
    runner.may_go.clear()
    time.sleep(1.1)  # it is to be compared with the ledger again
    with ThreadPoolExecutor(1) as threads:
        threads.submit(get, pages, "/search?q=fares", "192.0.2.1")
        while len(runner.begun) < 2:
            time.sleep(0.01)
        assert get(pages, path, "192.0.2.1")[0] == 200
        runner.may_go.set()


@pytest.mark.slow
def test_a_feed_that_was_hidden_is_not_served_while_there_is_too_much_to_do(
    held: tuple[WebClient, HeldWork],
) -> None:
    pages, runner = held
    with pages.ledger.writing() as connection:
        slug = publish_topic(connection, "fares", pages.now).slug
    path = f"/feeds/{slug}.rss.xml?only={next(iter(FEED_FILTERS))}"
    runner.may_go.set()
    assert get(pages, path, "192.0.2.1")[0] == 200
    runner.may_go.clear()
    with pages.ledger.writing() as connection:
        hide_topic(connection, "fares")
    time.sleep(1.1)  # it is to be compared with the ledger again
    with ThreadPoolExecutor(1) as threads:
        threads.submit(get, pages, "/search?q=fares", "192.0.2.1")
        while len(runner.begun) < 2:
            time.sleep(0.01)
        assert get(pages, path, "192.0.2.1")[0] == 503
        runner.may_go.set()
    assert get(pages, path, "192.0.2.1")[0] == 410


def test_a_client_that_leaves_during_an_export_is_no_error(site: WebClient) -> None:
    site.publish_questions(*(make_question(n, words="About fares.") for n in range(1, 4)))
    asyncio.run(_leave_during_export(site))


async def _leave_during_export(site: WebClient) -> None:
    """Ask for an export as a web server does, and be gone when its file begins."""
    has_begun = asyncio.Event()

    async def receive() -> dict[str, object]:
        await has_begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, object]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            has_begun.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/export.csv",
        "raw_path": b"/api/v1/export.csv",
        "root_path": "",
        "query_string": b"q=fares",
        "headers": [(b"host", b"watch.example")],
        "client": ("192.0.2.1", 4000),
        "server": ("127.0.0.1", 80),
    }
    assert site.app is not None
    await site.app(scope, receive, send)
    assert has_begun.is_set()

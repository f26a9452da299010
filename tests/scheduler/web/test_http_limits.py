"""Limits on connections, over raw sockets and a small application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from scheduler.web import HttpLimits, serve

TIMEOUT = 0.5
HEADER = b"Host: x\r\n"


async def slow(_request: Request) -> Response:
    await asyncio.sleep(3 * TIMEOUT)
    return PlainTextResponse("slow")


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def refuse(_request: Request) -> Response:
    return PlainTextResponse("refused", 403)


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    app = Starlette(
        routes=[
            Route("/slow", slow),
            Route("/echo", echo, methods=["POST"]),
            Route("/refuse", refuse, methods=["POST"]),
        ]
    )
    with serve(app, limits=HttpLimits(request_timeout=TIMEOUT)) as url:
        where = urlsplit(url)
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=30) as found:
            yield found


def read_response(connection: socket.socket, last: bytes) -> bytes:
    received = b""
    while not received.endswith(last):
        more = connection.recv(1000)
        assert more, received
        received += more
    return received


def seconds_until_closed(connection: socket.socket) -> float:
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        assert connection.recv(1) == b""
    return time.monotonic() - began


@pytest.mark.slow
def test_a_slow_response_is_not_cut_off(connection: socket.socket) -> None:
    connection.sendall(b"GET /slow HTTP/1.1\r\n" + HEADER + b"\r\n")
    assert b" 200 OK" in read_response(connection, b"slow")


@pytest.mark.slow
def test_each_request_of_a_connection_has_its_own_time(connection: socket.socket) -> None:
    post = b"POST /echo HTTP/1.1\r\n" + HEADER + b"Content-Length: 4\r\n\r\n"
    for _ in range(4):
        connection.sendall(post + b"te")
        time.sleep(TIMEOUT / 2)
        connection.sendall(b"xt")
        assert b" 200 OK" in read_response(connection, b"text")


@pytest.mark.slow
def test_a_later_request_that_does_not_end_is_aborted(connection: socket.socket) -> None:
    connection.sendall(b"GET /slow HTTP/1.1\r\n" + HEADER + b"\r\n")
    read_response(connection, b"slow")
    connection.sendall(b"GET /slow HTTP/1.1\r\nHost")
    assert seconds_until_closed(connection) < 20


@pytest.mark.slow
def test_a_body_that_nobody_reads_is_aborted(connection: socket.socket) -> None:
    connection.sendall(b"POST /refuse HTTP/1.1\r\n" + HEADER + b"Content-Length: 9\r\n\r\n")
    assert b" 403 " in read_response(connection, b"refused")
    connection.sendall(b"some")
    assert seconds_until_closed(connection) < 20


LARGE = 8_000_000


async def send_large(_request: Request) -> Response:
    return PlainTextResponse("x" * LARGE)


async def send_small(_request: Request) -> Response:
    return PlainTextResponse("small")


def find_site(url: str) -> tuple[str, int]:
    where = urlsplit(url)
    return where.hostname or "", where.port or 0


@pytest.fixture
def large_site() -> Iterator[tuple[str, int]]:
    app = Starlette(routes=[Route("/large", send_large)])
    limits = HttpLimits(write_timeout=TIMEOUT, max_connections=6, max_for_network=4)
    with serve(app, limits=limits) as url:
        yield find_site(url)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def ask(
    opened: ExitStack, site: tuple[str, int], path: str = "/large", own_address: str = "127.0.0.1"
) -> socket.socket:
    found = socket.create_connection(site, timeout=10, source_address=(own_address, 0))
    opened.enter_context(found)
    found.sendall(f"GET {path} HTTP/1.1\r\n".encode() + HEADER + b"\r\n")
    return found


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed it, without reading what it sent."""
    try:
        connection.sendall(b"x")
    except OSError:
        return True
    return False


def wait_until_closed(connections: list[socket.socket], seconds: float = 8) -> int:
    """Return how many are closed in the end."""
    end = time.monotonic() + seconds
    while not all(map(is_closed, connections)) and time.monotonic() < end:
        time.sleep(0.1)
    return sum(map(is_closed, connections))


def test_a_client_that_does_not_read_is_let_go(
    large_site: tuple[str, int], opened: ExitStack
) -> None:
    assert wait_until_closed([ask(opened, large_site)]) == 1


@pytest.mark.parametrize("size", [650_000, 700_000, 800_000])
def test_a_response_that_the_kernel_nearly_takes_is_let_go_too(
    size: int, opened: ExitStack
) -> None:
    # What is left may be too little for the transport to pause writing: uvicorn has written all.
    async def send_some(_request: Request) -> Response:
        return PlainTextResponse("x" * size)

    app = Starlette(routes=[Route("/large", send_some)])
    with serve(app, limits=HttpLimits(write_timeout=TIMEOUT)) as url:
        connection = opened.enter_context(socket.socket())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(find_site(url))
        connection.sendall(b"GET /large HTTP/1.1\r\n" + HEADER + b"\r\n")
        assert wait_until_closed([connection]) == 1


@pytest.mark.slow
def test_a_client_that_reads_slowly_gets_all_of_it(
    large_site: tuple[str, int], opened: ExitStack
) -> None:
    connection = ask(opened, large_site)
    received, began = 0, time.monotonic()
    while received < LARGE:
        more = len(connection.recv(100_000))
        assert more, received
        received += more
        time.sleep(0.02)
    assert time.monotonic() - began > 2 * TIMEOUT


def test_one_address_has_only_its_share(large_site: tuple[str, int], opened: ExitStack) -> None:
    for _ in range(4):
        ask(opened, large_site)
    other = ask(opened, large_site, own_address="127.0.0.2")
    time.sleep(0.1)
    fifth = socket.create_connection(large_site, timeout=10)  # none has waited for a second
    opened.enter_context(fifth)
    assert wait_until_closed([fifth], 2) == 1
    assert not is_closed(other)


@pytest.mark.slow
def test_a_visitor_is_served_while_all_connections_wait_for_their_clients(
    opened: ExitStack,
) -> None:
    app = Starlette(routes=[Route("/large", send_large), Route("/small", send_small)])
    with serve(app, limits=HttpLimits(max_connections=6, max_for_network=4)) as url:
        many = [ask(opened, find_site(url)) for _ in range(4)]
        some = [ask(opened, find_site(url), own_address="127.0.0.2") for _ in range(2)]
        time.sleep(1.2)
        for address in ("127.0.0.3", "127.0.0.1"):
            visitor = ask(opened, find_site(url), "/small", address)
            assert b" 200 " in read_response(visitor, b"small")
        assert not any(map(is_closed, some))
        assert wait_until_closed(many, 1) == 2


def test_a_proxy_has_no_share_of_its_own(opened: ExitStack) -> None:
    app = Starlette(routes=[Route("/small", send_small)])
    limits = HttpLimits(max_connections=6, max_for_network=2)
    with serve(app, limits=limits, trusted_proxies=["127.0.0.0/8"]) as url:
        for each in [ask(opened, find_site(url), "/small") for _ in range(5)]:
            assert b" 200 " in read_response(each, b"small")

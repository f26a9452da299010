"""Limits on connections, over raw sockets and a small application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
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
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=4) as found:
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


def test_a_slow_response_is_not_cut_off(connection: socket.socket) -> None:
    connection.sendall(b"GET /slow HTTP/1.1\r\n" + HEADER + b"\r\n")
    assert b" 200 OK" in read_response(connection, b"slow")


def test_each_request_of_a_connection_has_its_own_time(connection: socket.socket) -> None:
    post = b"POST /echo HTTP/1.1\r\n" + HEADER + b"Content-Length: 4\r\n\r\n"
    for _ in range(4):
        connection.sendall(post + b"te")
        time.sleep(TIMEOUT / 2)
        connection.sendall(b"xt")
        assert b" 200 OK" in read_response(connection, b"text")


def test_a_later_request_that_does_not_end_is_aborted(connection: socket.socket) -> None:
    connection.sendall(b"GET /slow HTTP/1.1\r\n" + HEADER + b"\r\n")
    read_response(connection, b"slow")
    connection.sendall(b"GET /slow HTTP/1.1\r\nHost")
    assert seconds_until_closed(connection) < 2


def test_a_body_that_nobody_reads_is_aborted(connection: socket.socket) -> None:
    connection.sendall(b"POST /refuse HTTP/1.1\r\n" + HEADER + b"Content-Length: 9\r\n\r\n")
    assert b" 403 " in read_response(connection, b"refused")
    connection.sendall(b"some")
    assert seconds_until_closed(connection) < 2

"""Memory of the pages under load: whether it grows for ever, and in what.

The server runs in a process of its own. Four clients ask for pages of all kinds, mostly for
searches that nobody asked for before. Every half minute one line says what the process holds: the
memory that it has from the kernel, how much of it the C library has given out (``mallinfo2``,
mallinfo(3)), how much lies free in it, and how many blocks Python's own allocator has given out.
Memory that grows while those do not is fragmentation.

``python -m benchmarks.page_memory [MINUTES]``, and once more with ``MALLOC_ARENA_MAX=2``.
"""

from __future__ import annotations

import ctypes
import gc
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from alerts.web import create_app
from benchmarks.sample_ledger import build_ledger, select_valid_queries
from benchmarks.sample_queries import SyntheticLanguage, draw_queries
from benchmarks.web import create_context
from scheduler.web import serve

_RECORDS, _TOPICS, _QUERIES = 5000, 100, 20_000
_CLIENTS = 4
_SAMPLE_SECONDS = 30.0
_MEGABYTE = 2**20
#: Paths of few pages; of the other requests each has a query of its own.
_FIXED = ("/", "/topics", "/members", "/bodies", "/unanswered", "/status")


class MemorySample(NamedTuple):
    """What a process holds, in MB, and how many blocks."""

    resident: float  #: from the kernel
    given_out: float  #: of that, given out by the C library
    free: float  #: of that, free in the C library
    blocks: int  #: that Python's allocator, which asks the kernel by itself, has given out
    threads: int


class _Mallinfo2(ctypes.Structure):
    """The C library's ``struct mallinfo2``."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def read_sample() -> MemorySample:
    """Return what this process holds now."""
    gc.collect()
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Mallinfo2
    heap = library.mallinfo2()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return MemorySample(
        pages * 4096 / _MEGABYTE,
        (heap.uordblks + heap.hblkhd) / _MEGABYTE,
        heap.fordblks / _MEGABYTE,
        sys.getallocatedblocks(),
        threading.active_count(),
    )


def run_server(folder: Path) -> None:
    """Serve the ledger in ``folder``; print the address, then a sample for each line of input."""
    with serve(create_app(create_context(folder)), trusted_proxies=("127.0.0.1",)) as url:
        print(url, flush=True)
        for _ in sys.stdin:
            print(json.dumps(read_sample()), flush=True)


def request_pages(url: str, paths: list[str], number: int, end: float) -> int:
    """Ask for pages until a moment; return how many were answered."""
    draw, done = random.Random(number), 0
    where = urlsplit(url)
    connection = HTTPConnection(where.hostname or "", where.port)
    while time.monotonic() < end:
        path = draw.choice(paths) if draw.random() < 0.8 else draw.choice(_FIXED)
        # A client of its own for each request, so that no limit for a network holds it up.
        client = f"10.{draw.randrange(256)}.{draw.randrange(256)}.{number}"
        connection.request("GET", path, headers={"X-Forwarded-For": client})
        connection.getresponse().read()
        done += 1
    connection.close()
    return done


def main(minutes: float) -> None:
    """Build a ledger, serve it under load, and print a sample every half minute."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger, slugs = build_ledger(folder, _RECORDS, _TOPICS)
        ledger.close()
        measure(folder, slugs, minutes)


def measure(folder: Path, slugs: list[str], minutes: float) -> None:
    """Serve the ledger of a folder under load, and print a sample every half minute."""
    typed = select_valid_queries(draw_queries(SyntheticLanguage(5), _QUERIES))
    paths = [f"/search?q={quote(form)}" for form in typed] + 40 * [f"/topic/{one}" for one in slugs]
    command = [sys.executable, "-m", "benchmarks.page_memory", "serve", str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        begun = time.monotonic()
        end = begun + 60 * minutes
        clients = [
            threading.Thread(target=request_pages, args=(url, paths, number, end))
            for number in range(_CLIENTS)
        ]
        for client in clients:
            client.start()
        print("minutes  resident  given out  free, MB    blocks  threads")
        while time.monotonic() < end:
            server.stdin.write("\n")
            server.stdin.flush()
            one = MemorySample(*json.loads(server.stdout.readline()))
            print(
                f"{(time.monotonic() - begun) / 60:7.1f}{one.resident:10.1f}{one.given_out:11.1f}"
                f"{one.free:10.1f}{one.blocks:10}{one.threads:9}",
                flush=True,
            )
            time.sleep(_SAMPLE_SECONDS)
        for client in clients:
            client.join()
        server.terminate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        run_server(Path(sys.argv[2]))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)

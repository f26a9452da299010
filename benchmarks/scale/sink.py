"""Postfix's ``smtp-sink``: a mail server that takes everything and throws it away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Connections that the kernel keeps waiting; more than any crew opens.
_BACKLOG = 128


def find_sink() -> str | None:
    """Return the program; None where Postfix is not installed."""
    return shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def run_sink(program: str) -> Iterator[int]:
    """A running one; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [program, *user, f"127.0.0.1:{port}", str(_BACKLOG)]
    with subprocess.Popen(command) as sink:
        try:
            _wait_for(port)
            yield port
        finally:
            sink.terminate()


def _wait_for(port: int) -> None:
    for _ in range(100):  # 10 s; it starts in a few milliseconds
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        time.sleep(0.1)
    raise TimeoutError(f"smtp-sink does not listen on port {port}")

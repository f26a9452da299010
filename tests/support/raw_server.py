"""An HTTP server that sends any bytes: what no framework lets one send."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NO_ROBOTS = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def build_response(
    body: bytes, *headers: bytes, content_type: bytes = b"text/html; charset=utf-8"
) -> bytes:
    """A response with some header lines as they are."""
    lines = (
        b"HTTP/1.1 200 OK",
        b"Content-Type: " + content_type,
        b"Content-Length: %d" % len(body),
        b"Connection: close",
        *headers,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@contextmanager
def serve_raw(answer: Callable[[str], bytes], robots: bytes | None = None) -> Iterator[str]:
    """Serve on a free port; ``answer`` returns the bytes for a path, robots.txt excepted."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().split()[1].decode()
            while self.rfile.readline().strip():
                pass
            self.wfile.write((robots or NO_ROBOTS) if path == "/robots.txt" else answer(path))

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

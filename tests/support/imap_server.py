"""A small IMAP server on a socket (RFC 3501), as far as reading a mailbox needs one."""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class ImapServer(socketserver.ThreadingTCPServer):
    """Holds the emails of one folder, by number, and which of them are read."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, letters: list[bytes], password: str, tls: ssl.SSLContext | None = None
    ) -> None:
        self.emails = dict(enumerate(letters, 1))
        self.seen: set[int] = set()
        self.flagged: set[int] = set()
        self.broken: set[int] = set()  #: emails that it has and does not send
        self.logins: list[str] = []
        self.password = password
        self.tls = tls
        super().__init__(("127.0.0.1", 0), _ImapSession)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection. A handshake takes place in the thread of its session."""
        accepted, address = super().get_request()
        if self.tls is None:
            return accepted, address
        secure = self.tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        return secure, address

    @property
    def port(self) -> int:
        """Where it listens."""
        found: int = self.server_address[1]
        return found


class _ImapSession(socketserver.StreamRequestHandler):
    server: ImapServer

    def handle(self) -> None:
        with suppress(OSError):  # the client may not like our certificate
            self._converse()

    def _converse(self) -> None:
        self._say(b"* OK ready")
        for line in self.rfile:
            tag, _, command = line.rstrip(b"\r\n").partition(b" ")
            self._say(tag + b" " + self._answer(command.decode()))
            if command == b"LOGOUT":
                return

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def _answer(self, command: str) -> bytes:
        verb = command.upper()
        if verb.startswith("CAPABILITY"):
            self._say(b"* CAPABILITY IMAP4rev1")
        elif verb.startswith("LOGIN"):
            self.server.logins.append(command)
            if not command.endswith(f'"{self.server.password}"'):
                return b"NO [AUTHENTICATIONFAILED] wrong"
        elif verb.startswith("SELECT"):
            if "INBOX" not in verb:
                return b"NO no such folder"
            self._say(b"* %d EXISTS" % len(self.server.emails))
        elif verb.startswith("UID SEARCH UNSEEN"):
            unseen = sorted(self.server.emails.keys() - self.server.seen)
            self._say(" ".join(["* SEARCH", *map(str, unseen)]).encode())
        elif found := re.match(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.\d+>\)", verb):
            return self._fetch(int(found[1]))
        elif found := re.match(r"UID STORE (\d+) \+FLAGS \(\\SEEN( \\FLAGGED)?\)", verb):
            self.server.seen.add(int(found[1]))
            if found[2]:
                self.server.flagged.add(int(found[1]))
        return b"OK done"

    def _fetch(self, number: int) -> bytes:
        if number in self.server.broken:
            return b"NO [SERVERBUG] it is damaged"
        body = self.server.emails[number]
        head = f"* {number} FETCH (UID {number} BODY[]<0> {{{len(body)}}}\r\n"
        self.wfile.write(head.encode() + body + b")\r\n")
        return b"OK done"


@contextmanager
def run_imap_server(
    letters: list[bytes], password: str, tls: ssl.SSLContext | None = None
) -> Iterator[ImapServer]:
    """A running one; with ``tls`` it speaks TLS from the beginning."""
    with ImapServer(letters, password, tls) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

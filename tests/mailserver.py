"""A real SMTP server on a socket, which misbehaves on command."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import Message


class MailServer:
    """Speaks enough of RFC 5321. ``script`` maps a moment to what to do there instead of "250".

    Moments: ``banner``, ``MAIL``, ``RCPT``, ``DATA``, ``body`` (in the middle of the message),
    ``dot`` (the whole message has arrived). A script's value is an answer (``450 busy``), the
    word ``drop`` (close the connection) or ``accept-drop`` (keep the message, then close).
    """

    def __init__(self) -> None:
        self.script: dict[str, str] = {}
        self.for_recipient: dict[str, str] = {}  #: answers to RCPT, by address
        self.on_dot: Callable[[], object] = lambda: None  #: called when a message has arrived
        self.messages: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def parsed(self) -> list[Message]:
        """The messages that were kept."""
        return [message_from_bytes(body) for body in self.messages]

    @property
    def ids(self) -> Counter[str]:
        """How often each Message-ID was kept."""
        return Counter(str(message["Message-ID"]) for message in self.parsed)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        # The other side may leave at any time.
        with connection, connection.makefile("rb") as lines, suppress(OSError):
            self._session(connection, lines)

    def _session(self, connection: socket.socket, lines: Iterator[bytes]) -> None:
        def say(answer: str) -> bool:
            if answer == "drop":
                return False
            connection.sendall(answer.encode() + b"\r\n")
            return not answer.startswith("421")

        if not say(self.script.get("banner", "220 test")):
            return
        for line in lines:
            verb = line.split()[0].decode().upper() if line.split() else ""
            if verb == "DATA":
                answer = self.script.get("DATA", "354 go on")
                if not say(answer):
                    return
                if answer.startswith("354") and not self._take(lines, say):
                    return
            elif verb == "QUIT":
                say("221 bye")
                return
            elif not say(self._answer(verb, line)):
                return

    def _answer(self, verb: str, line: bytes) -> str:
        if verb == "RCPT":
            address = line.decode().partition("<")[2].partition(">")[0]
            if address in self.for_recipient:
                return self.for_recipient[address]
        return self.script.get(verb, "250 fine")

    def _take(self, lines: Iterator[bytes], say: Callable[[str], bool]) -> bool:
        body: list[bytes] = []
        for number, line in enumerate(lines):
            if line == b".\r\n":
                break
            if number == 3 and self.script.get("body") == "drop":
                return False
            body.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        else:
            return False
        self.on_dot()
        answer = self.script.get("dot", "250 kept")
        if answer.startswith("250") or answer == "accept-drop":
            self.messages.append(b"".join(body))
        return say("drop" if answer == "accept-drop" else answer)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A running server."""
    server = MailServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()

"""A real SMTP server on a socket, which misbehaves on command."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from functools import partial


@dataclass
class _SmtpTransaction:
    sender: str = ""
    taken: int = 0  #: messages over this connection
    refused: bool = False


class SmtpServer:
    """Speaks enough of RFC 5321. ``script`` maps a moment to what to do there instead of "250".

    Moments: ``banner``, ``MAIL``, ``RCPT``, ``DATA``, ``body`` (in the middle of the message),
    ``dot`` (the whole message has arrived). A script's value is an answer (``450 busy``), the
    word ``drop`` (close the connection), ``accept-drop`` (keep the message, then close), ``drip``
    (a byte of the answer each tenth of a second, without end) or ``endless`` (lines without end).
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.script: dict[str, str] = {}
        self.rcpt_replies: dict[str, str] = {}  #: answers to RCPT, by address
        self.on_dot: Callable[[], object] = lambda: None  #: called when a message has arrived
        self.on_data: Callable[[], object] = lambda: None  #: called before one may be sent
        self.offers_pipelining = False  #: whether it is offered (RFC 2920)
        self.max_connections = 1000  #: connections at a time; one more is sent away
        self.messages_per_connection: int | None = None  #: then `limit_reply` is given
        self.limit_reply = "452 4.5.3 too many messages"
        self.limited = "MAIL"  #: the command to which it is the reply
        self.senders: list[str] = []  #: of the messages that were kept
        self._open = 0
        self.most_open = 0  #: connections at a time, at most
        self.messages: list[bytes] = []
        self.connections = 0
        self._sessions: set[socket.socket] = set()
        self._host = host
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def parsed_messages(self) -> list[Message]:
        """The messages that were kept."""
        return [message_from_bytes(body) for body in self.messages]

    @property
    def message_id_counts(self) -> Counter[str]:
        """How often each Message-ID was kept."""
        return Counter(str(message["Message-ID"]) for message in self.parsed_messages)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._listener.close()

    def go_away(self) -> None:
        """Accept no connections any more, and cut those that are open."""
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self._listener.close()
        self._thread.join()
        for session in list(self._sessions):
            with suppress(OSError):
                session.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Accept connections again, at the same port."""
        self._listener = socket.create_server((self._host, self.port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

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
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        with connection, connection.makefile("rb") as lines, suppress(OSError):
            if self._open > self.max_connections:
                connection.sendall(b"421 too many connections\r\n")
            else:
                self._session(connection, lines)
        self._sessions.discard(connection)
        self._open -= 1

    def _session(self, connection: socket.socket, lines: Iterator[bytes]) -> None:
        say = partial(_say, connection)
        if not say(self.script.get("banner", "220 test")):
            return
        mail = _SmtpTransaction()
        for line in lines:
            verb = line.split()[0].decode().upper() if line.split() else ""
            if verb == "QUIT":
                say("221 bye")
                return
            answer = self._answer(verb, line, mail)
            if answer.startswith("354"):
                self.on_data()
            if not say(answer):
                return
            if answer.startswith("354"):
                if not self._take(lines, say, mail.sender):
                    return
                mail.taken += 1

    def _answer(self, verb: str, line: bytes, mail: _SmtpTransaction) -> str:
        address = line.decode().partition("<")[2].partition(">")[0]
        answer = self.script.get(verb, "354 go on" if verb == "DATA" else "250 fine")
        if verb == "MAIL":
            mail.sender, mail.refused = address, False
        elif verb == "RCPT":
            answer = self.rcpt_replies.get(address, answer)
        elif verb == "DATA" and mail.refused:
            return "503 no valid recipients"
        elif verb == "EHLO" and self.offers_pipelining:
            return "250-test\r\n250 PIPELINING"
        if verb == self.limited and mail.taken == self.messages_per_connection:
            answer = self.limit_reply
        mail.refused = mail.refused or (verb in {"MAIL", "RCPT"} and not answer.startswith("250"))
        return answer

    def _take(self, lines: Iterator[bytes], say: Callable[[str], bool], sender: str) -> bool:
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
            self.senders.append(sender)
        return say("drop" if answer == "accept-drop" else answer)


def _say(connection: socket.socket, answer: str) -> bool:
    """Give an answer, or do what the script says instead; return whether to go on."""
    if answer == "drop":
        return False
    while answer in {"drip", "endless"}:
        connection.sendall(b"2" if answer == "drip" else b"220-and\r\n" * 100)
        time.sleep(0.1 if answer == "drip" else 0)
    connection.sendall(answer.encode() + b"\r\n")
    return not answer.startswith("421")


@contextmanager
def run_smtp_server(host: str = "127.0.0.1") -> Iterator[SmtpServer]:
    """A running server at an address of this machine."""
    server = SmtpServer(host)
    server.start()
    try:
        yield server
    finally:
        server.stop()

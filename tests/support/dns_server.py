"""A real DNS server on loopback, over UDP and TCP, with the records that a test gives it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

#: An answer over UDP without extensions (RFC 1035, 2.3.4): a longer one is asked for over TCP.
_MAX_UDP_BYTES = 512


def _bind_both() -> tuple[socket.socket, socket.socket]:
    """Return a socket for UDP and one for TCP with the same port, which neither has yet."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:  # somebody else has the port for TCP
            udp.close()


class DnsServer:
    """Answers from its records, until it is told to be silent or to fail."""

    def __init__(self) -> None:
        #: By name and kind, ``("demo.example", "TXT")``, the records as a zone file has them.
        self.records: dict[tuple[str, str], list[str]] = {}
        self.is_silent = False  #: whether questions are heard and not answered
        self.rcode = dns.rcode.NOERROR  #: of all answers, if it is another one
        self.over_tcp = 0  #: questions that came over TCP
        self._udp, self._tcp = _bind_both()
        self.port: int = self._udp.getsockname()[1]

    @property
    def address(self) -> str:
        """Where it listens, as `--dns-server` takes it."""
        return f"127.0.0.1:{self.port}"

    def add(self, name: str, kind: str, *texts: str) -> None:
        """Let a name have records; of TXT the text alone, without quotation marks."""
        quoted = [_quote(text) for text in texts] if kind == "TXT" else list(texts)
        self.records[name, kind] = quoted

    def add_reverse(self, ip: str, name: str) -> None:
        """Let an address have a name."""
        reverse = dns.reversename.from_address(ip).to_text(omit_final_dot=True)
        self.add(reverse, "PTR", f"{name}.")

    def start(self) -> None:
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def stop(self) -> None:
        for listener in (self._udp, self._tcp):
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _serve_udp(self) -> None:
        with suppress(OSError):  # it is stopped
            while True:
                wire, client = self._udp.recvfrom(65535)
                if not wire:
                    return  # it is stopped
                if self.is_silent:
                    continue
                answer = self._answer(wire)
                if len(answer.to_wire()) > _MAX_UDP_BYTES:
                    answer.answer.clear()
                    answer.flags |= dns.flags.TC
                self._udp.sendto(answer.to_wire(), client)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                with connection, connection.makefile("rb") as stream:
                    (length,) = struct.unpack("!H", stream.read(2))
                    self.over_tcp += 1
                    wire = self._answer(stream.read(length)).to_wire()
                    connection.sendall(struct.pack("!H", len(wire)) + wire)

    def _answer(self, wire: bytes) -> dns.message.Message:
        question = dns.message.from_wire(wire)
        answer = dns.message.make_response(question)
        [asked] = question.question
        name, kind = asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype)
        if self.rcode != dns.rcode.NOERROR:
            answer.set_rcode(self.rcode)
        elif texts := self.records.get((name.lower(), kind)):
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *texts))
        elif not any(known == name.lower() for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


def _quote(text: str) -> str:
    """A TXT record's text as quoted strings of at most 255 bytes."""
    parts = [text[at : at + 255] for at in range(0, len(text), 255)]
    return " ".join('"' + part.replace('"', '\\"') + '"' for part in parts)


@contextmanager
def run_dns_server() -> Iterator[DnsServer]:
    """A server that answers until the block ends."""
    server = DnsServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()

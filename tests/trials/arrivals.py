"""The messages that arrived at the mail server of a trial."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from tests.support.smtp_server import SmtpServer
from tests.trials.population import Population

_QUESTION = re.compile(r"https://replica\.example/questions/(\d+)\b")


@dataclass
class Arrival:
    """One Message-ID that arrived."""

    address: str
    questions: frozenset[int]  #: in the digest, by their numbers
    hashes: Counter[bytes] = field(default_factory=Counter)  #: of its bytes: how often they came

    @property
    def copies(self) -> int:
        """How often it arrived after the first time."""
        return self.hashes.total() - 1


class ArrivalReader:
    """Reads what arrives, again and again, and keeps of it only what the audit needs."""

    def __init__(self, server: SmtpServer, population: Population) -> None:
        """Read what ``server`` keeps."""
        self.by_message_id: dict[str, Arrival] = {}
        self.digests: Counter[int] = Counter()  #: different ones, by wave
        self._server, self._population = server, population

    def read(self) -> None:
        """Read the messages that arrived since the last call."""
        bodies = self._server.messages[:]
        del self._server.messages[: len(bodies)]
        for body in bodies:
            self._add(body)

    def _add(self, body: bytes) -> None:
        mail = message_from_bytes(body)
        key = str(mail["Message-ID"])
        if key not in self.by_message_id:
            address = str(mail["To"])
            found = frozenset(map(int, _QUESTION.findall(_get_text(mail))))
            self.by_message_id[key] = Arrival(address, found)
            wave = self._population.find_wave(address)
            if wave is not None:
                self.digests[wave] += 1
        self.by_message_id[key].hashes[hashlib.sha256(body).digest()] += 1


def _get_text(mail: Message) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode()
    return ""

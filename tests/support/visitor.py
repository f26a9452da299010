"""The pages, served, and a stranger who asks for them over real HTTP."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import select

from alerts.feeds.json_feed import Imprint
from alerts.feeds.publish import publish
from alerts.ledger import Ledger
from alerts.ledger.base import metadata
from alerts.ledger.messages import unpacked
from alerts.ledger.schema import message
from alerts.mail.message import Letterhead
from alerts.matching.match_changes import Watcher
from alerts.operator.status import ServiceStatus
from alerts.recording.record import Reading, Rules, record
from alerts.rendering.templates import Templates
from alerts.search.index import write_words
from alerts.subscribers.subscribe import Habits
from alerts.web.app import create_app
from alerts.web.context import Captured, Site
from crawler.records import Question
from scheduler.web.serve import serve

FORM = "application/x-www-form-urlencoded"
HEAD = Letterhead("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example")
HABITS = Habits("Europe/London", 7)
IMPRINT = Imprint(
    "Watchword", "watch.example,2026", "https://replica.example", "https://watch.example"
)
OPERATOR = "the operator's long token"
TEMPLATES = Templates()


@dataclass
class Pages:
    """The pages, served, and the moment that they take for now."""

    ledger: Ledger
    now: datetime
    folder: Path  #: of the feed files
    url: str = ""
    ran: list[str] = field(default_factory=list)  #: sources that were to be read at once
    captures: dict[str, Captured] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: str = "", kind: str = "", **more: str
    ) -> tuple[int, str]:
        """One request as a stranger's program makes it: no cookie, no Referer, no Origin."""
        status, _, text = self.answer(method, path, body.encode(), kind, **more)
        return status, text.decode()

    def answer(
        self, method: str, path: str, body: bytes = b"", kind: str = "", **more: str
    ) -> tuple[int, Message, bytes]:
        """The same, with the headers of the answer."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=20)
        connection.request(method, path, body, ({"Content-Type": kind} if kind else {}) | more)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def send(self, page: str, path: str, **fields: str) -> tuple[int, str]:
        """A form as a browser sends it: from its page, with its hidden field and its cookie."""
        csrf, cookie = self.ticket(page)
        body = urlencode({"csrf": csrf} | fields)
        return self.ask("POST", path, body, FORM, **({"Cookie": cookie} if cookie else {}))

    def ticket(self, page: str) -> tuple[str, str]:
        """What stands hidden in the forms of a page, and the cookie that comes with it."""
        _, headers, html = self.answer("GET", page)
        hidden = re.search(r'<input type="hidden" name="csrf" value="([^"]*)">', html.decode())
        cookie = headers.get("Set-Cookie", "").partition(";")[0]
        return unescape(hidden[1]) if hidden else "", cookie

    def everything(self) -> list[object]:
        """All rows of all tables."""
        with self.ledger.reading() as connection:
            return [connection.execute(select(table)).all() for table in metadata.sorted_tables]

    def letters(self) -> list[str]:
        """All messages, as they go out."""
        with self.ledger.reading() as connection:
            rows = connection.execute(select(message.c.body).order_by(message.c.id)).scalars()
            return [unpacked(body).decode() for body in rows]

    def put(self, *records: Question, **rules: Any) -> None:
        """Record questions, match them, publish the feeds and write their words."""
        with self.ledger.writing() as connection:
            record(connection, [Reading(one) for one in records], self.now, Rules(**rules))
        Watcher(self.ledger).match_new()
        publish(self.ledger, self.folder, IMPRINT, TEMPLATES)
        write_words(self.ledger)

    def run_now(self, source: str) -> bool:
        """As the daemon does."""
        self.ran.append(source)
        return source == "london"


@contextmanager
def served(
    ledger: Ledger, now: datetime, folder: Path, proxies: tuple[str, ...] = (), **more: Any
) -> Iterator[Pages]:
    """The pages over a ledger; ``more`` is what of the site is to be otherwise."""
    found = Pages(ledger, now, folder)

    def status() -> ServiceStatus:
        return ServiceStatus(now=found.now, sources=(), messages={})

    site = Site(
        name="Watchword",
        domain="demo.example",
        habits=HABITS,
        ledger=ledger,
        templates=TEMPLATES,
        feeds=found.folder,
        clock=lambda: found.now,
        status=status,
        letterhead=HEAD,
        imprint=IMPRINT,
        sign_up=True,
        most_topics=5,
        capture=found.captures.get,
        operator_token=OPERATOR,
        controls=found,
    )
    app = create_app(msgspec.structs.replace(site, **more))
    with serve(app, proxies=proxies) as found.url:
        yield found

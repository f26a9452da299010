"""The pages, served, and a stranger who asks for them over real HTTP."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import select
from starlette.applications import Starlette

from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.ledger import Ledger
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message, metadata
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.operator import ServiceStatus
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.search import index_questions
from alerts.secret import Secret
from alerts.subscribers import SubscriberDefaults
from alerts.web import CapturedPage, WebContext, WorkContext, create_app
from crawler.records import Question
from crawler.storage import LocalFolder
from scheduler.web import HttpLimits, serve
from scheduler.web.http_limits import DEFAULT_LIMITS

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"
MAIL_IDENTITY = MailIdentity(
    "Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"
)
SUBSCRIBER_DEFAULTS = SubscriberDefaults("Europe/London", 7)
FEED_IDENTITY = FeedIdentity(
    "Watchword", "watch.example,2026", "https://replica.example", "https://watch.example"
)
OPERATOR_PASSWORD = "the operator's long token"
TEMPLATES = Templates()


@dataclass
class WebClient:
    """The pages, served, and the moment that they take for now."""

    ledger: Ledger
    now: datetime
    folder: Path  #: of the feed files
    url: str = ""
    wanted_deliveries: int = 0  #: how often a message was to be delivered at once
    started_crawls: list[str] = field(default_factory=list)  #: sources that were to be read at once
    captures: dict[str, CapturedPage] = field(default_factory=dict)
    work_context: WorkContext | None = None  #: what searches are made with
    app: Starlette | None = None  #: what is served

    def request_text(
        self,
        method: str,
        path: str,
        body: str = "",
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """One request as a stranger's program makes it: no cookie, no Referer, no Origin."""
        status, _, text = self.request(method, path, body.encode(), kind, headers)
        return status, text.decode()

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Message, bytes]:
        """The same, with the headers of the answer."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=20)
        content_type = {"Content-Type": kind} if kind else {}
        connection.request(method, path, body, content_type | dict(headers or {}))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def request_json(self, path: str) -> Any:
        """What a path answers as JSON."""
        status, _, body = self.request("GET", path)
        assert status == 200, body
        return msgspec.json.decode(body)

    def submit_form(self, page: str, path: str, **fields: str) -> tuple[int, str]:
        """A form as a browser sends it: from its page, with its hidden field and its cookie."""
        csrf, cookie = self.get_csrf(page)
        body = urlencode({"csrf": csrf} | fields)
        return self.request_text(
            "POST", path, body, FORM_CONTENT_TYPE, {"Cookie": cookie} if cookie else None
        )

    def get_csrf(self, page: str) -> tuple[str, str]:
        """What stands hidden in the forms of a page, and the cookie that comes with it."""
        _, headers, html = self.request("GET", page)
        hidden = re.search(r'<input type="hidden" name="csrf" value="([^"]*)">', html.decode())
        cookie = headers.get("Set-Cookie", "").partition(";")[0]
        return unescape(hidden[1]) if hidden else "", cookie

    def read_all_rows(self) -> list[object]:
        """All rows of all tables."""
        with self.ledger.reading() as connection:
            return [connection.execute(select(table)).all() for table in metadata.sorted_tables]

    def read_messages(self) -> list[str]:
        """All messages, as they go out."""
        with self.ledger.reading() as connection:
            rows = connection.execute(select(message.c.body).order_by(message.c.id)).scalars()
            return [decompress_body(body).decode() for body in rows]

    def publish_questions(self, *records: Question, **rules: Any) -> None:
        """Record questions, match them, publish the feeds and write their words."""
        with self.ledger.writing() as connection:
            record_readings(
                connection,
                [QuestionReading(one) for one in records],
                self.now,
                RecordingRules(**rules),
            )
        TopicMatcher(self.ledger).match_new_changes()
        publish_feeds(self.ledger, LocalFolder(self.folder), FeedContext(FEED_IDENTITY, TEMPLATES))
        index_questions(self.ledger)

    def crawl_now(self, source: str) -> bool:
        """As the daemon does."""
        self.started_crawls.append(source)
        return source == "london"

    def find_next_crawl(self, source: str) -> datetime | None:
        """As the daemon does."""
        return self.now + timedelta(minutes=25) if source == "london" else None

    def deliver_soon(self) -> None:
        """As the daemon does."""
        self.wanted_deliveries += 1


@contextmanager
def run_web_client(
    ledger: Ledger,
    now: datetime,
    folder: Path,
    *,
    proxies: tuple[str, ...] = (),
    limits: HttpLimits = DEFAULT_LIMITS,
    **more: Any,
) -> Iterator[WebClient]:
    """Serve the pages of a ledger; ``more`` replaces fields of the `WebContext`."""
    found = WebClient(ledger, now, folder)

    def status() -> ServiceStatus:
        return ServiceStatus(now=found.now, sources=(), messages={})

    site = WebContext(
        name="Watchword",
        domain="demo.example",
        subscriber_defaults=SUBSCRIBER_DEFAULTS,
        ledger=ledger,
        templates=TEMPLATES,
        feeds_folder=LocalFolder(found.folder),
        clock=lambda: found.now,
        read_status=status,
        mail_identity=MAIL_IDENTITY,
        feed_identity=FEED_IDENTITY,
        is_sign_up_enabled=True,
        max_topics=5,
        read_capture=found.captures.get,
        operator_password=Secret(OPERATOR_PASSWORD),
        daemon_controls=found,
    )
    site = msgspec.structs.replace(site, **more)
    found.work_context = site.work_context
    found.app = create_app(site)
    with serve(found.app, trusted_proxies=proxies, limits=limits) as found.url:
        yield found

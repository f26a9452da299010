"""What the pages are made of, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from starlette.responses import HTMLResponse

from alerts.feeds.items import clean
from alerts.feeds.json_feed import Imprint
from alerts.ledger import Ledger
from alerts.mail.message import Letterhead
from alerts.operator.status import ServiceStatus
from alerts.rendering.templates import Templates
from alerts.subscribers.subscribe import Habits
from alerts.tokens import Seal


class Captured(msgspec.Struct, frozen=True):
    """A page as it was fetched."""

    url: str
    fetched_at: datetime
    content_type: str
    body: bytes


class Controls(Protocol):
    """What an operator may have done. The daemon does it."""

    def run_now(self, source: str) -> bool:
        """Crawl a source as soon as can be; False where there is no such source."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What the application is made of."""

    name: str
    domain: str  #: that Message-IDs are under
    habits: Habits
    ledger: Ledger
    templates: Templates
    feeds: Path  #: folder of the feed files
    clock: Callable[[], datetime]
    status: Callable[[], ServiceStatus]
    letterhead: Letterhead
    imprint: Imprint
    sign_up: bool  #: whether anybody may sign up; letters need a public address to lead to
    most_topics: int = 50  #: that one subscriber may watch
    overdue_days: int = 28  #: in which a question is to be answered
    capture: Callable[[str], Captured | None] = lambda _: None  #: by its place in the archive
    operator_token: str | None = None  #: without one there are no operator's pages
    controls: Controls | None = None

    @property
    def is_open(self) -> bool:
        """Whether anybody may sign up here."""
        return self.sign_up and self.letterhead.public_url is not None

    @property
    def seal(self) -> Seal:
        """What links and forms are sealed with."""
        return Seal(self.letterhead.secret, self.clock)

    def page(self, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """A page, which nobody keeps: what it shows is of this minute."""
        html = self.templates.html(f"web/{template}.html", name=self.name, **values)
        return HTMLResponse(clean(html), status)

    def kept_page(self, template: str, /, **values: Any) -> HTMLResponse:
        """A page for everybody, that may be shown again for a minute."""
        response = self.page(template, **values)
        response.headers["Cache-Control"] = "public, max-age=60"
        return response

"""What the pages are made of, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from starlette.responses import HTMLResponse

from alerts.feeds.items import clean_xml_text
from alerts.feeds.json_feed import FeedIdentity
from alerts.ledger import Ledger
from alerts.mail.context import MessageContext
from alerts.mail.identity import MailIdentity
from alerts.operator.status import ServiceStatus
from alerts.rendering.templates import Templates
from alerts.subscribers import SubscriberDefaults
from alerts.tokens import TokenSigner


class CapturedPage(msgspec.Struct, frozen=True):
    """A page as it was fetched."""

    url: str
    fetched_at: datetime
    content_type: str
    body: bytes


class CrawlControls(Protocol):
    """What an operator may have done. The daemon does it."""

    def crawl_now(self, source: str) -> bool:
        """Crawl a source as soon as can be; False where there is no such source."""


class WebContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the application is made of."""

    name: str
    domain: str  #: that Message-IDs are under
    subscriber_defaults: SubscriberDefaults
    ledger: Ledger
    templates: Templates
    feeds_folder: Path  #: folder of the feed files
    clock: Callable[[], datetime]
    read_status: Callable[[], ServiceStatus]
    mail_identity: MailIdentity
    feed_identity: FeedIdentity
    is_sign_up_enabled: (
        bool  #: whether anybody may sign up; letters need a public address to lead to
    )
    max_topics: int = 50  #: that one subscriber may watch
    overdue_days: int = 28  #: in which a question is to be answered
    read_capture: Callable[[str], CapturedPage | None] = lambda _: (
        None
    )  #: by its place in the archive
    operator_password: str | None = None  #: without one there are no operator's pages
    crawl_controls: CrawlControls | None = None

    @property
    def accepts_sign_ups(self) -> bool:
        """Whether anybody may sign up here."""
        return self.is_sign_up_enabled and self.mail_identity.public_url is not None

    def create_message_context(self) -> MessageContext:
        """Return what messages are written with now."""
        return MessageContext(self.templates, self.mail_identity, self.clock())

    @property
    def token_signer(self) -> TokenSigner:
        """What links and forms are sealed with."""
        return TokenSigner(self.mail_identity.token_secret, self.clock)

    def render_page(self, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """A page, which nobody keeps: what it shows is of this minute."""
        html = self.templates.render_html(f"web/{template}.html", name=self.name, **values)
        return HTMLResponse(clean_xml_text(html), status)

    def render_cacheable_page(self, template: str, /, **values: Any) -> HTMLResponse:
        """A page for everybody, that may be shown again for a minute."""
        response = self.render_page(template, **values)
        response.headers["Cache-Control"] = "public, max-age=60"
        return response

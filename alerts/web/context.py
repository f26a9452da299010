"""What the web application is given, and how its pages are rendered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from starlette.responses import HTMLResponse

from alerts.feeds import FeedContext, FeedIdentity, delete_withdrawn_files
from alerts.ledger import Ledger
from alerts.ledger.rate_counts import RateCounts
from alerts.limits import Limiter
from alerts.mail import MailIdentity, MessageContext
from alerts.model import SiteDescription
from alerts.operator import BriefStatus, HealthLimits, ServiceStatus, StoredPart
from alerts.rendering import Templates, clean_xml_text, name_site
from alerts.secret import Secret
from alerts.subscribers import DataStores, SubscriberDefaults
from alerts.tokens import TokenSigner
from alerts.web.metrics_access import MetricsAccess
from alerts.web.work import Runner, WorkContext
from crawler.event_log import get_logger
from crawler.storage import Folder

log = get_logger("watchword.web")

#: One minute: pages change when a crawl ends, every quarter of an hour at most.
_PAGE_CACHE_CONTROL = "public, max-age=60"


class CapturedPage(msgspec.Struct, frozen=True):
    """A page of a source as it was fetched."""

    url: str
    fetched_at: datetime
    content_type: str
    body: bytes


class DaemonControls(Protocol):
    """What pages can ask of the running daemon."""

    def crawl_now(self, source: str) -> bool:
        """Crawl ``source`` as soon as possible; return False where there is no such source."""

    def find_next_crawl(self, source: str) -> datetime | None:
        """Return when ``source`` is crawled next; None where there is no such source."""

    def deliver_soon(self) -> None:
        """Deliver the messages in the outbox as soon as possible."""


def _find_no_capture(_location: str) -> CapturedPage | None:
    return None


def _close_nothing() -> None:
    return


class WebContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the application needs from outside."""

    name: str  #: of the service: ``Watchword``
    site: SiteDescription = SiteDescription()
    domain: str  #: of Message-IDs: ``example.org``
    subscriber_defaults: SubscriberDefaults
    ledger: Ledger
    templates: Templates
    feeds_folder: Folder  #: with the published feed files
    clock: Callable[[], datetime]
    read_status: Callable[[], ServiceStatus]
    mail_identity: MailIdentity
    feed_identity: FeedIdentity
    is_sign_up_enabled: bool  #: from ``[web] sign_up``
    max_topics: int = 50  #: alerts of one subscriber
    max_idle: timedelta = HealthLimits().idle  #: how long the last good round may be ago
    batch_interval: timedelta = timedelta()  #: how long immediate digests wait after the last one
    #: Finds a captured page by its location in the archive, ``2026-11.warc.gz:1234``.
    read_capture: Callable[[str], CapturedPage | None] = _find_no_capture
    data_stores: DataStores = DataStores()  #: what keeps personal data beside the ledger
    metrics_access: MetricsAccess | None = None  #: None: there is no page of metrics
    operator_password: Secret | None = None  #: None: there are no operator pages
    daemon_controls: DaemonControls | None = None  #: None: no daemon runs
    runner: Runner | None = None  #: of heavy work; None: threads of this process
    close: Callable[[], None] = _close_nothing  #: called after the last request
    limiter: Limiter | None = None  #: None: one with the limits' usual sizes
    stored_parts: tuple[StoredPart, ...] = ()  #: what the service stores, for the operator
    describe_config: Callable[[], str] = str  #: the config for the operator, without secrets
    #: The judgement alone, for the foot of each page; None: from ``read_status``.
    read_brief_status: Callable[[], BriefStatus] | None = None

    def find_brief_status(self) -> BriefStatus:
        """Return the judgement on the service now."""
        return self.read_brief_status() if self.read_brief_status else self.read_status().brief

    def deliver_soon(self) -> None:
        """Let the daemon deliver what was just put into the outbox; without one, do nothing."""
        if self.daemon_controls is not None:
            self.daemon_controls.deliver_soon()

    @property
    def work_context(self) -> WorkContext:
        """What heavy work is done with in this process."""
        return WorkContext(
            name=self.name,
            site=self.site,
            ledger=self.ledger,
            templates=self.templates,
            feed_identity=self.feed_identity,
            token_secret=self.mail_identity.token_secret,
            accepts_sign_ups=self.accepts_sign_ups,
            clock=self.clock,
        )

    def delete_withdrawn_feeds(self) -> None:
        """Delete the feed files of what is not public any more.

        The next round deletes those that cannot be deleted now.
        """
        try:
            delete_withdrawn_files(self.ledger, self.feeds_folder)
        except OSError as error:
            log.warning("the files of private feeds are not deleted yet", reason=error)

    @property
    def overdue_days(self) -> int:
        """Days after which an unanswered question is overdue."""
        return self.site.overdue_days

    @property
    def attributions(self) -> tuple[str, ...]:
        """The notices that the licences of the sources ask for, which stand on every page."""
        return tuple(dict.fromkeys(self.feed_identity.attributions.values()))

    @property
    def feed_context(self) -> FeedContext:
        """What feeds are written with."""
        return FeedContext(self.feed_identity, self.templates)

    @property
    def accepts_sign_ups(self) -> bool:
        """Whether people can sign up: confirmation emails need a public address to link to."""
        return self.is_sign_up_enabled and self.mail_identity.public_url is not None

    def name_source(self, source: str) -> str:
        """Return what people call a source: ``London Assembly``; else the host of its site."""
        info = self.site.sources.get(source)
        return info.name if info else name_site(source, self.feed_identity.site_urls)

    def create_limiter(self) -> Limiter:
        """Return what holds clients to the limits."""
        counts, secret = RateCounts(self.ledger), self.mail_identity.token_secret
        return self.limiter or Limiter(counts, secret, self.clock)

    def create_message_context(self) -> MessageContext:
        """Return what messages are written with now."""
        return MessageContext(self.templates, self.mail_identity, self.clock())

    @property
    def token_signer(self) -> TokenSigner:
        """The signer of links, forms and the operator's session."""
        return TokenSigner(self.mail_identity.token_secret, self.clock)

    def render_page(self, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """Return a page that no cache may keep.

        Args:
            template: name below ``templates/web/``, without ``.html``.
            status: of the response.
            values: variables of the template.
        """
        return self.render_page_at(f"web/{template}.html", status, **values)

    def render_page_at(self, path: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """Return a page that no cache may keep, from a template anywhere below ``templates/``."""
        html = self.templates.render_html(
            path,
            name=self.name,
            attributions=self.attributions,
            public_url=self.feed_identity.public_url,
            **values,
        )
        return HTMLResponse(clean_xml_text(html), status)

    def render_cacheable_page(self, template: str, /, **values: Any) -> HTMLResponse:
        """Return a page that is the same for everybody and may be cached for a minute."""
        response = self.render_page(template, **values)
        response.headers["Cache-Control"] = _PAGE_CACHE_CONTROL
        return response

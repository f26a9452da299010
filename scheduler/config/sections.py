"""The config: what its sections hold, with defaults that work. Pure.

``config_file`` reads it; ``config.example.toml`` shows every key.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from alerts.delivery.policy import DeliveryPolicy, DoubtPolicy
from alerts.feeds.json_feed import FeedIdentity
from alerts.mail.identity import MailIdentity
from alerts.model import Detail, Frequency, Updates
from crawler.plan import PolitenessSettings


class ConfigSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every section."""


class LedgerSection(ConfigSection, frozen=True):
    """``[ledger]``"""

    url: str = "sqlite:///var/ledger.sqlite3"
    compiled: Path = Path("var/topics.npz")  #: all topics, ready to be compared; made when missing
    sent_log: Path = Path("var/sent")  #: what was sent in the last days, for a ledger from a backup


class SiteSection(ConfigSection, frozen=True):
    """``[site]``: what subscribers see of this service."""

    name: str = "Watchword"
    #: Where the web pages and feeds are reached; without it no https link is put in an email.
    public_url: str | None = None
    tag_authority: str = "watchword.example,2026"


class DigestsSection(ConfigSection, frozen=True):
    """``[digests]``"""

    zone: str = "Europe/London"
    hour: int = 7
    batch_minutes: float = 5  #: what comes sooner after an immediate digest waits for the next
    overdue_days: int = 28  #: a followed question that waits longer is called overdue

    @property
    def batch(self) -> timedelta:
        """The same as a length of time."""
        return timedelta(minutes=self.batch_minutes)


class FeedsSection(ConfigSection, frozen=True):
    """``[feeds]``"""

    path: Path = Path("var/feeds")
    hub: str | None = None  #: a WebSub hub that is told when a feed has changed


class DkimSection(ConfigSection, frozen=True):
    """``[[mail.dkim]]``: a key that every message is signed with."""

    selector: str
    key: Path  #: PEM: RSA or Ed25519


class MailSection(ConfigSection, frozen=True):
    """``[mail]``; the channel's own settings are in ``[channels.NAME]``."""

    channel: str = "maildir"
    from_address: str = "watchword@localhost.localdomain"
    unsubscribe_address: str | None = None
    bounce_address: str | None = None  #: each message comes back to a form of it of its own
    in_doubt: DoubtPolicy = "resend"
    per_second: float | None = None  #: no more than so many messages
    per_day: int | None = None  #: no more than so many digests in 24 hours: an emergency brake
    dkim: tuple[DkimSection, ...] = ()

    @property
    def delivery_policy(self) -> DeliveryPolicy:
        """How messages are delivered."""
        return DeliveryPolicy(self.in_doubt, self.per_second, self.per_day, self.bounce_address)


class SourceSection(ConfigSection, frozen=True):
    """``[sources.NAME]``"""

    url: str  #: where the spider asks: scheme and host
    home: str | None = None  #: where readers find the questions, when that is elsewhere
    attribution: str | None = None  #: what the source's licence wants said beside its words
    enabled: bool = True
    every_minutes: float = 60
    contact: str | None = None  #: an address or page, put in the User-Agent
    delay_seconds: float = 2.0
    timeout_seconds: float = 30.0
    obey_robots: bool = True
    days_back: int = 60  #: meetings (days of tabling) that are listed in each crawl
    days_ahead: int = 30
    max_revisits: int = 500  #: known questions looked at again in one crawl
    max_minutes: float = 120
    guard_days: int = 30  #: a question older than this, seen for the first time, does not alert
    flood_from: int = 500  #: fewer new questions or answers in one crawl are never held as a flood
    silent_hours: float = 36  #: without a good crawl; then subscribers are told

    @property
    def host(self) -> str:
        """The host in ``url``, by which subscribers know the source: ``www.london.gov.uk``."""
        return urlsplit(self.url).hostname or self.url


class ArchiveSection(ConfigSection, frozen=True):
    """``[archive]``: every fetched page, as WARC."""

    path: Path = Path("var/captures")
    enabled: bool = True
    max_gigabytes: float = 20


class OperatorSection(ConfigSection, frozen=True):
    """``[operator]``: who hears of what goes wrong."""

    email: str | None = None
    notify: tuple[str, ...] = ()  #: other addresses for the same: https://..., ntfy://...
    alarm_after: int = 3  #: crawls in a row that cannot reach the source, or not all of it


class SubscriptionSection(ConfigSection, frozen=True):
    """``[[subscriptions]]``"""

    email: str  #: or, where such a channel is set up, https://... or ntfy://...
    query: str
    every: Frequency = Frequency.DAILY
    updates: Updates = "all"
    detail: Detail = "full"
    note: str | None = None


class TopicSection(ConfigSection, frozen=True):
    """``[[topics]]``: a feed without a subscriber."""

    query: str


class WebSection(ConfigSection, frozen=True):
    """``[web]``: the small server of ``watchword run``; off unless it is told where to listen."""

    host: str = "127.0.0.1"
    port: int | None = None
    sign_up: bool = False  #: whether anybody may sign up on the first page
    max_topics: int = 50  #: that one subscriber may watch, of those signed up for there
    operator_password: str | None = None  #: opens /operator; without one there is no such page
    trusted_proxies: tuple[str, ...] = ()  #: whose word is taken for where a request is from


class Config(ConfigSection, frozen=True):
    """The whole file. Relative paths are taken from its folder."""

    ledger: LedgerSection = LedgerSection()
    site: SiteSection = SiteSection()
    digests: DigestsSection = DigestsSection()
    feeds: FeedsSection = FeedsSection()
    mail: MailSection = MailSection()
    channels: dict[str, dict[str, Any]] = {}  #: each channel's file says what its section holds
    web: WebSection = WebSection()
    operator: OperatorSection = OperatorSection()
    archive: ArchiveSection = ArchiveSection()
    sources: dict[str, SourceSection] = msgspec.field(
        default_factory=lambda: {"london": SourceSection(url="https://www.london.gov.uk")}
    )
    topics: tuple[TopicSection, ...] = ()
    subscriptions: tuple[SubscriptionSection, ...] = ()
    templates: Path | None = None
    folder: Path = Path()  #: not a key of the file: where it stands

    @property
    def mail_identity(self) -> MailIdentity:
        """What is the same on every message."""
        return MailIdentity(
            name=self.site.name,
            address=self.mail.from_address,
            unsubscribe_address=self.mail.unsubscribe_address or self.mail.from_address,
            public_url=self.site.public_url,
            attributions=self.attributions,
        )

    @property
    def attributions(self) -> dict[str, str]:
        """By source, what is to be said beside its words."""
        return {name: s.attribution for name, s in self.sources.items() if s.attribution}

    @property
    def feed_identity(self) -> FeedIdentity:
        """What is the same in every feed."""
        homes = [source.home or source.url for source in self.sources.values()]
        owner = self.site.tag_authority.partition(",")[0]
        return FeedIdentity(
            name=self.site.name,
            tag_authority=self.site.tag_authority,
            home_url=homes[0] if homes else f"https://{owner}",
            public_url=self.site.public_url,
            hub=self.feeds.hub,
            attributions=self.attributions,
        )


def build_politeness(source: SourceSection, version: str) -> PolitenessSettings:
    """How a source is approached, with a User-Agent that says who we are."""
    contact = f"; +{source.contact}" if source.contact else ""
    return PolitenessSettings(
        user_agent=f"watchword/{version} (public questions alerts{contact})",
        delay_seconds=source.delay_seconds,
        timeout_seconds=source.timeout_seconds,
        obey_robots=source.obey_robots,
    )

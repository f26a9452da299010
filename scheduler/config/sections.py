"""The sections of the config, with defaults that work. Pure.

Limits stand on the fields (:mod:`scheduler.config.fields`). The ``#:`` comment of a field becomes
its description in ``docs/reference/configuration.md``. A ``Path`` is taken from the config's
folder, and a ``Secret`` may come from a file or the environment: :mod:`scheduler.config.loader`
sees to both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from alerts.delivery import (
    ChannelSettings,
    ChannelTable,
    DeliveryPolicy,
    DoubtPolicy,
    Host,
    Seconds,
)
from alerts.feeds import FeedIdentity
from alerts.language import DEFAULT_LOCALE, LanguageError, check_language
from alerts.ledger import DatabaseURL, find_file
from alerts.ledger.retention import RetentionLimits
from alerts.mail import MailIdentity
from alerts.model import Detail, Frequency, SiteDescription, SourceInfo, Updates
from alerts.operator import HealthLimits
from alerts.secret import Secret, SecretAddress
from crawler.plan import PolitenessSettings
from crawler.storage import Folder, LocalFolder
from scheduler.config.fields import (
    BackupDays,
    Count,
    CrawlMinutes,
    Days,
    Delay,
    DkimSelector,
    Gigabytes,
    Hours,
    HubURL,
    IntervalMinutes,
    KeptDays,
    Name,
    PerSecond,
    Port,
    PositiveCount,
    PublicURL,
    SourceURL,
    TagAuthority,
    shorten,
)
from scheduler.config.introspection import list_secrets
from scheduler.config.monitor_sections import LogSection, MetricsSection, PingSection
from scheduler.config.section import ConfigSection, check_password


class LedgerSection(ConfigSection, frozen=True):
    """``[ledger]``: the database, and what is kept beside it."""

    #: a SQLite file or a PostgreSQL database: ``postgresql://watchword:secret@localhost/watchword``
    url: DatabaseURL = DatabaseURL("sqlite:///var/ledger.sqlite3")
    #: folder with all topics, compiled for matching, or a URL like ``s3://bucket/topics``; it makes
    #: the start faster and is made when it is missing
    compiled: Folder = LocalFolder("var/topics")
    #: folder with what was sent in the last eight days, or a URL like ``s3://bucket/sent``; keep it
    #: when you restore a backup
    sent_log: Folder = LocalFolder("var/sent")


class RetentionSection(ConfigSection, frozen=True):
    """``[retention]``: how long it is kept what became of things. Questions are kept for ever."""

    #: days after which it is deleted that a message was sent, what it held, and how it went
    messages_days: KeptDays = 400
    #: days after which a crawl run is deleted, and an alarm that is cleared
    crawls_days: KeptDays = 400

    def compute_limits(self, now: datetime) -> RetentionLimits:
        """Return until when what was done before is deleted."""
        return RetentionLimits(
            messages=now - timedelta(days=self.messages_days),
            crawls=now - timedelta(days=self.crawls_days),
        )


class SiteSection(ConfigSection, frozen=True):
    """``[site]``: what subscribers see of this service."""

    name: Name = "Watchword"  #: in the sender of emails, on pages and in feeds
    #: what the home page says about the service, in a sentence or two
    introduction: str | None = None
    #: the language of pages, emails and feeds: a locale with a catalogue, or an English one
    language: str = DEFAULT_LOCALE
    #: where the web pages and feeds are reached; without it emails have no https links
    public_url: PublicURL | None = None
    #: part of every id in the feeds (RFC 4151): a domain of yours and a year in which it was yours
    tag_authority: TagAuthority = "watchword.example,2026"

    def __post_init__(self) -> None:
        try:
            check_language(self.language)
        except LanguageError as error:
            raise ValueError(f"language: {error}") from error


class DigestsSection(ConfigSection, frozen=True):
    """``[digests]``: when digests are due."""

    zone: str = "Europe/London"  #: time zone of subscribers who have not chosen one
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 7  #: hour of the day of daily digests
    #: changes this soon after an immediate digest wait for the next one
    batch_minutes: Annotated[float, msgspec.Meta(ge=0, le=60)] = 5
    #: a followed question that has waited longer for its answer is called overdue, once
    overdue_days: Days = 28
    #: processes that write digests when thousands are due, in ``watchword run``, ``once`` and
    #: ``digest``; 0 for one for each core, two at most
    processes: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        # A name that is too long for a file, or that of a folder of zones, is an OSError.
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"zone: there is no time zone {shorten(self.zone)}; write one like Europe/London"
            ) from error

    @property
    def batch_interval(self) -> timedelta:
        """``batch_minutes`` as a length of time."""
        return timedelta(minutes=self.batch_minutes)


class FeedsSection(ConfigSection, frozen=True):
    """``[feeds]``: the feeds that are published."""

    #: folder of the feed files, for any web server, or a URL like ``s3://bucket/feeds``
    path: Folder = LocalFolder("var/feeds")
    hub: HubURL | None = None  #: a WebSub hub, notified of changed feeds; needs ``site.public_url``


class DkimSection(ConfigSection, frozen=True):
    """``[[mail.dkim]]``: a key that every message is signed with."""

    selector: DkimSelector  #: the DNS record is at ``<selector>._domainkey.<domain>``
    key: Path  #: file of the private key, as PEM: RSA or Ed25519


class MailSection(ConfigSection, frozen=True):
    """``[mail]``: addresses and policy of all emails; a channel's settings are in its section."""

    channel: str = "maildir"  #: the channel that carries email: ``maildir`` or ``smtp``
    from_address: str = "watchword@localhost.localdomain"  #: the From address
    unsubscribe_address: str | None = None  #: where unsubscribe emails go; else ``from_address``
    #: where bounces go; each message has its own form of it, ``bounces+NUMBER.SIGNATURE@...``
    bounce_address: str | None = None
    #: a message whose acknowledgement was lost: send the same bytes again, or hold it for you
    in_doubt: DoubtPolicy = "resend"
    per_second: PerSecond | None = None  #: the most messages in a second
    #: the most digests in 24 hours; the others wait, and an alarm is raised
    per_day: PositiveCount | None = None
    dkim: tuple[DkimSection, ...] = ()  #: keys that every message is signed with

    @property
    def delivery_policy(self) -> DeliveryPolicy:
        """How messages are delivered."""
        return DeliveryPolicy(
            doubt=self.in_doubt,
            per_second=self.per_second,
            per_day=self.per_day,
            return_address=self.bounce_address,
        )


class ImapSection(ConfigSection, frozen=True):
    """``[imap]``: the mailbox that ``watchword bounces imaps://user@host/folder`` reads."""

    #: of the user in the address, which holds none itself: others see it in the list of processes
    password: Secret | None = None

    def __post_init__(self) -> None:
        # imaplib encodes the LOGIN command as ASCII, and would fail in the middle of it.
        if self.password is not None and not self.password.reveal().isascii():
            raise ValueError("password: expected ASCII characters only")


class SourceSection(ConfigSection, frozen=True):
    """``[sources.NAME]``: a site or API that is read by the spider ``NAME``.

    Without any, ``[sources.london]`` is read at its own address.
    """

    url: SourceURL  #: where the spider sends its requests
    home: SourceURL | None = None  #: where people read the questions; ``url`` when not set
    name: str | None = None  #: what people call it: ``London Assembly``; its host when not set
    #: one sentence for the home page: who asks whom
    description: str | None = None
    attribution: str | None = None  #: what the source's licence requires beside its words
    enabled: bool = True  #: whether the source is crawled
    every_minutes: IntervalMinutes = 60  #: time between crawls
    contact: str | None = None  #: an address or page of yours, for the User-Agent
    delay_seconds: Delay = 2.0  #: between two requests
    timeout_seconds: Seconds = 30.0  #: for one request
    obey_robots: bool = True  #: whether ``robots.txt`` is obeyed
    days_back: Days = 60  #: days before today whose meetings each crawl lists
    days_ahead: Days = 30  #: days after today whose meetings each crawl lists
    max_revisits: Count = 500  #: known questions that one crawl reads again
    max_minutes: CrawlMinutes = 120  #: a crawl ends after this time; 0: never
    guard_days: Days = 30  #: a question older than this sends no alert when it is first seen
    #: fewer new questions or answers in one crawl are never held for approval
    flood_from: Count = 500
    #: hours without a good crawl after which subscribers are notified
    silent_hours: Hours = 36

    def build_politeness(self, version: str) -> PolitenessSettings:
        """Return how the source is crawled, with a User-Agent that says who we are.

        Args:
            version: The version of this software: ``1.2.0``.
        """
        contact = f"; +{self.contact}" if self.contact else ""
        return PolitenessSettings(
            user_agent=f"watchword/{version} (public questions alerts{contact})",
            delay_seconds=self.delay_seconds,
            timeout_seconds=self.timeout_seconds,
            obey_robots=self.obey_robots,
        )

    @property
    def period(self) -> timedelta:
        """The time between two crawls."""
        return timedelta(minutes=self.every_minutes)

    @property
    def host(self) -> str:
        """The host in ``url``, by which subscribers know the source: ``www.london.gov.uk``."""
        return urlsplit(self.url).hostname or self.url


class ArchiveSection(ConfigSection, frozen=True):
    """``[archive]``: captures, which are all fetched pages as WARC files."""

    #: folder of the files, or a URL like ``s3://bucket/captures``
    path: Folder = LocalFolder("var/captures")
    enabled: bool = True  #: whether captures are kept
    max_gigabytes: Gigabytes = 20  #: the oldest files are deleted beyond this size


class OperatorSection(ConfigSection, frozen=True):
    """``[operator]``: who is notified of alarms."""

    email: str | None = None  #: your address
    #: other addresses that get the same: ``https://...``, ``ntfy://...``
    notify: tuple[SecretAddress, ...] = ()
    alarm_after: PositiveCount = 3  #: failed or partial crawls in a row that raise an alarm

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that alarms are sent to."""
        email = (self.email,) if self.email else ()
        return (*email, *(address.reveal() for address in self.notify))


class SubscriptionSection(ConfigSection, frozen=True):
    """``[[subscriptions]]``: a subscription. It ends when it is removed from the config."""

    email: SecretAddress  #: an email address, or, with a channel for it, ``https://...`` or ``ntfy://...``
    query: str  #: what to search for
    every: Frequency = Frequency.DAILY  #: when digests are sent
    updates: Updates = "all"  #: which changes are sent
    detail: Detail = "full"  #: how much of each question is shown
    note: str | None = None  #: your own words, shown beside the topic
    #: whether its topic is kept off the public pages, lists and feeds
    private: bool = False


class TopicSection(ConfigSection, frozen=True):
    """``[[topics]]``: a topic that has a page and feeds without having a subscriber."""

    query: str  #: what to search for
    #: whether it is matched, but kept off the public pages, lists and feeds
    private: bool = False


class WebSection(ConfigSection, frozen=True):
    """``[web]``: the web server of ``watchword run``."""

    host: Host = "127.0.0.1"  #: the address that it listens on
    port: Port | None = None  #: the port; without one there is no web server
    sign_up: bool = False  #: whether anybody may sign up; needs ``site.public_url``
    max_topics: PositiveCount = 50  #: topics that one subscriber may sign up for there
    #: opens ``/operator``; at least 16 characters; without one there is no such page
    operator_password: Secret | None = None
    #: the most emails in an hour to people who have not confirmed, which strangers cause; then an
    #: alarm is raised
    confirmations_per_hour: PositiveCount = 200
    #: addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto headers are trusted
    trusted_proxies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_password("operator_password", self.operator_password)


class ClusterSection(ConfigSection, frozen=True):
    """``[cluster]``: ``watchword serve``, ``work`` and ``schedule``; the same on every machine."""

    #: hear of new jobs at once, by LISTEN; ``false`` where the ledger is reached through a pooler
    #: in transaction mode, such as PgBouncer
    listen: bool = True
    #: seconds between two looks of a worker for jobs that it did not hear of
    poll_seconds: Seconds = 1
    #: seconds between two looks of a scheduler for work that waits, and for workers that are dead
    tick_seconds: Seconds = 10
    #: seconds between two signs of life of a process; a worker that misses six is dead, and its
    #: jobs go to others
    beat_seconds: Seconds = 10

    @property
    def stalled_seconds(self) -> float:
        """Seconds without a sign of life after which a worker is dead.

        A busy machine may be late with several signs; to take a job from one that lives costs the
        work twice.
        """
        return 6 * self.beat_seconds


class BackupSection(ConfigSection, frozen=True):
    """``[backup]``: what ``watchword backup`` makes, and how old the last one may be."""

    #: days without a good backup after which the service is in trouble; without it nobody looks
    max_age_days: BackupDays | None = None
    #: the address of the database for ``pg_dump`` and ``pg_restore``, where ``ledger.url`` is that
    #: of a pooler such as PgBouncer
    database: DatabaseURL | None = None


class Config(ConfigSection, frozen=True):
    """The whole config."""

    ledger: LedgerSection = LedgerSection()
    retention: RetentionSection = RetentionSection()
    site: SiteSection = SiteSection()
    digests: DigestsSection = DigestsSection()
    feeds: FeedsSection = FeedsSection()
    mail: MailSection = MailSection()
    imap: ImapSection = ImapSection()
    channels: dict[str, ChannelSettings] = msgspec.field(default_factory=dict)
    web: WebSection = WebSection()
    log: LogSection = LogSection()
    metrics: MetricsSection = MetricsSection()
    ping: PingSection = PingSection()
    operator: OperatorSection = OperatorSection()
    archive: ArchiveSection = ArchiveSection()
    backup: BackupSection = BackupSection()
    cluster: ClusterSection = ClusterSection()
    sources: dict[str, SourceSection] = msgspec.field(
        default_factory=lambda: {
            "london": SourceSection(
                url="https://www.london.gov.uk",
                name="London Assembly",
                description="Questions that members of the London Assembly put to the Mayor, "
                "and the answers.",
            )
        }
    )
    topics: tuple[TopicSection, ...] = ()
    subscriptions: tuple[SubscriptionSection, ...] = ()
    #: folder with your own templates, which replace ours by name; each is read once
    templates: Path | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All passwords, keys and addresses that must not be shown, in every section."""
        return tuple(list_secrets(self))

    @property
    def source_hosts(self) -> dict[str, str]:
        """The host of each enabled source, by its name."""
        return {name: source.host for name, source in self.sources.items() if source.enabled}

    @property
    def health_limits(self) -> HealthLimits:
        """How long the service may do nothing, and where it needs room, to count as well.

        Rounds are expected as often as the source that may be silent for the shortest time.
        """
        silent = {
            name: timedelta(hours=source.silent_hours)
            for name, source in self.sources.items()
            if source.enabled
        }
        idle = min(silent.values(), default=HealthLimits().idle)
        file = find_file(self.ledger.url.reveal())
        kept = (self.ledger.sent_log.path, self.feeds.path.path, file.parent if file else None)
        folders = [path for path in kept if path is not None]
        days = self.backup.max_age_days
        return HealthLimits(
            idle=idle,
            silent=silent,
            crawl_periods={name: self.sources[name].period for name in silent},
            folders=tuple(dict.fromkeys(folders)),
            backup=timedelta(days=days) if days else None,
        )

    @property
    def channel_table(self) -> ChannelTable:
        """The channels in use: the one that carries email, and those for other schemes."""
        email = self.channels[self.mail.channel].with_sender(self.mail.from_address)
        others = (c for c in self.channels.values() if "mailto" not in c.schemes)
        return ChannelTable((email, *others))

    @property
    def mail_identity(self) -> MailIdentity:
        """What is the same in every message."""
        return MailIdentity(
            name=self.site.name,
            address=self.mail.from_address,
            unsubscribe_address=self.mail.unsubscribe_address or self.mail.from_address,
            public_url=self.site.public_url,
            bounce_address=self.mail.bounce_address,
            attributions=self.attributions,
            site_urls=self.site_urls,
        )

    @property
    def site_urls(self) -> dict[str, str]:
        """By source, the address of the site that its readers know."""
        return {name: source.home or source.url for name, source in self.sources.items()}

    @property
    def source_infos(self) -> dict[str, SourceInfo]:
        """What readers are told about each enabled source, by its name in the config."""
        return {
            key: SourceInfo(
                name=source.name or source.host,
                home_url=source.home or source.url,
                description=source.description,
            )
            for key, source in self.sources.items()
            if source.enabled
        }

    @property
    def site_description(self) -> SiteDescription:
        """What pages say about the service."""
        return SiteDescription(
            introduction=self.site.introduction,
            sources=self.source_infos,
            overdue_days=self.digests.overdue_days,
            zone=self.digests.zone,
            digest_hour=self.digests.hour,
        )

    @property
    def attributions(self) -> dict[str, str]:
        """By source, what its licence requires beside its words."""
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
            site_urls=self.site_urls,
        )

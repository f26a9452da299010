"""The service: the config, the open ledger and everything else that jobs and commands share."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import version

import msgspec

from alerts.delivery import SentLog, open_sent_log
from alerts.digests import DigestSettings
from alerts.errors import ExitStatus, WatchwordError
from alerts.feeds import FeedContext
from alerts.language import set_language
from alerts.ledger import Ledger, open_ledger, queued_jobs, secrets, writer
from alerts.ledger.rate_counts import RateCounts
from alerts.limits import Limiter
from alerts.mail import MailIdentity, MessageContext
from alerts.matching import TopicMatcher
from alerts.rendering import Templates
from alerts.secret import KeyRing
from alerts.subscribers import DataStores, SubscriberDefaults
from scheduler.clock import Clock, wall_clock
from scheduler.clock_witness import ClockWitness
from scheduler.config import Config, load_signing_keys
from scheduler.rounds import JobNotes, RoundMemory, UnwrittenFailure

#: One process puts all digests into the outbox, in two thirds of the time in which another one
#: writes them, so it keeps up with two at most. Each may take 250 MB.
_MAX_COMPOSERS = 2


class LedgerBusyError(WatchwordError):
    """Another process is using the ledger."""

    exit_status = ExitStatus.RETRY


@dataclass(frozen=True)
class Service:
    """An open service. Threads may share it: all of its parts are safe to share."""

    config: Config
    ledger: Ledger
    templates: Templates
    topic_matcher: TopicMatcher
    mail_identity: MailIdentity
    sent_log: SentLog
    clock: Clock = wall_clock
    stop: threading.Event = field(default_factory=threading.Event)  #: set to end all jobs
    #: What bears out the clock; None for a clock that is not the machine's.
    clock_witness: ClockWitness | None = None
    #: Failures of jobs that could not be written into the ledger at their time.
    unwritten: deque[UnwrittenFailure] = field(default_factory=deque)
    memory: RoundMemory = field(default_factory=RoundMemory)
    #: Held by the one piece of a delivery that this process does at a time.
    delivering: threading.Lock = field(default_factory=threading.Lock)

    def note_jobs(self, *, is_alone: bool = True) -> JobNotes:
        """Return what runs jobs and notes how they began and ended.

        Args:
            is_alone: Whether nobody else may run the same jobs at this time.
        """
        liveness = self.memory.liveness
        return JobNotes(self.ledger, self.clock, self.unwritten, liveness, is_alone=is_alone)

    def create_limiter(self) -> Limiter:
        """Return what holds clients to the limits; whoever uses it closes it."""
        secret, most = self.mail_identity.token_secret, self.config.web.confirmations_per_hour
        return Limiter(RateCounts(self.ledger), secret, self.clock, most)

    def create_message_context(self) -> MessageContext:
        """Return what messages are written with now."""
        return MessageContext(self.templates, self.mail_identity, self.clock())

    def look_at_ledger(self) -> None:
        """Read a row of the ledger.

        Raises:
            LedgerUnavailable: The database does not answer now.
            LedgerError: The database is damaged.
        """
        with self.ledger.reading() as connection:
            writer.read_epoch(connection)

    def with_ledger(self, ledger: Ledger) -> Service:
        """Return the same service, whose parts use ``ledger``."""
        matcher = self.topic_matcher.with_ledger(ledger)
        return replace(self, ledger=ledger, topic_matcher=matcher)

    @property
    def digest_settings(self) -> DigestSettings:
        """How digests are written."""
        digests = self.config.digests
        return DigestSettings(
            self.templates,
            self.mail_identity,
            digests.batch_interval,
            self.sent_log,
            digests.processes or min(_count_cores(), _MAX_COMPOSERS),
        )

    @property
    def data_stores(self) -> DataStores:
        """What keeps personal data beside the ledger."""
        return DataStores(self.sent_log, self.config.channel_table)

    @property
    def feed_context(self) -> FeedContext:
        """What feeds are written with."""
        return FeedContext(self.config.feed_identity, self.templates)

    @property
    def subscriber_defaults(self) -> SubscriberDefaults:
        """The digest time of a new subscriber, and the channels that can reach one."""
        digests = self.config.digests
        return SubscriberDefaults(digests.zone, digests.hour, self.config.channel_table)


def open_service(
    config: Config,
    clock: Clock = wall_clock,
    *,
    on_upgrade: Callable[[int, int], None] = lambda _done, _total: None,
    role: str = "",
) -> Service:
    """Open the ledger, upgrade its schema if needed, and return the service of ``config``.

    Args:
        config: The config.
        clock: Returns the time now, aware, in UTC.
        on_upgrade: Called after each step of an upgrade with the steps that are done, and with
            their number in all.
        role: What the process does, as PostgreSQL shows it among its sessions: ``run``.

    Raises:
        LedgerError: The ledger cannot be opened.
        ConfigError: A signing key cannot be used.
    """
    set_language(config.site.language)
    # Before the ledger, which is often beside it, in a folder that is for us alone otherwise.
    with suppress(OSError):  # the first round says why it cannot be written
        config.feeds.path.create(is_public=True)
    ledger = open_ledger(config.ledger.url.reveal(), on_upgrade, role=role)
    with ledger.reading() as connection:
        if queued_jobs.are_installed(connection):
            ledger = ledger.announcing_by(queued_jobs.announce)
        sent_log = open_sent_log(config.ledger.sent_log, secrets.get_hash_key(connection))
    if not ledger.is_read_only:
        sent_log.verify()
    return Service(
        config=config,
        ledger=ledger,
        templates=Templates(config.templates),
        topic_matcher=TopicMatcher(ledger, config.ledger.compiled),
        mail_identity=msgspec.structs.replace(
            config.mail_identity,
            signing_keys=load_signing_keys(config),
            token_secret=_get_token_secret(ledger, clock),
        ),
        sent_log=sent_log,
        clock=clock,
        clock_witness=_build_witness(config) if clock is wall_clock else None,
    )


def _count_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _build_witness(config: Config) -> ClockWitness:
    agents = {
        f"{source.url}/robots.txt": source.build_politeness(version("watchword")).user_agent
        for source in config.sources.values()
        if source.enabled
    }
    return ClockWitness(agents)


def _get_token_secret(ledger: Ledger, clock: Clock) -> KeyRing:
    """Return the key that signs links; create it the first time."""
    with ledger.reading() as connection:
        ring = secrets.find_key_ring(connection, "pages", clock())
    if ring is None:
        with ledger.writing() as connection:
            ring = KeyRing(secrets.get_or_create(connection, "pages"))
    return ring


@dataclass(frozen=True)
class WorkingService(Service):
    """A service that may work: its process is the writer of the ledger, or was until just now."""

    find_loss: Callable[[], str | None] = field(kw_only=True)
    """Returns why this process is no longer the writer; None if it is."""


@contextmanager
def lock_ledger(service: Service) -> Iterator[WorkingService]:
    """Be the only process that works on the ledger while the block runs.

    What the block writes must be written through the service that is yielded: its ledger checks in
    each transaction that no other process has taken over.

    Raises:
        LedgerBusyError: Another process is using it.
        LedgerUnavailable: The ledger cannot be used now.
    """
    with writer.become(service.ledger) as mine:
        if mine is None:
            raise LedgerBusyError("another watchword is using this ledger; nothing was done")
        parts = {entry.name: getattr(service, entry.name) for entry in fields(Service)}
        parts |= {
            "ledger": mine.ledger,
            "topic_matcher": TopicMatcher(mine.ledger, service.config.ledger.compiled),
        }
        with closing(service.memory):
            yield WorkingService(**parts, find_loss=mine.find_loss)

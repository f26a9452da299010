"""The service as jobs and commands need it: an open ledger and all that stands beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from alerts.delivery import SentLog
from alerts.digests import DigestSettings
from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger import Ledger, open_ledger, secrets
from alerts.mail.context import MessageContext
from alerts.mail.identity import MailIdentity
from alerts.matching import TopicMatcher
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults
from scheduler.clock import Clock, wall_clock
from scheduler.config import Config, load_signing_keys


class LedgerBusyError(WatchwordError):
    """Another process works on this ledger."""

    exit_status = ExitStatus.RETRY


@dataclass
class Service:
    """An open ledger with all that the jobs need beside it."""

    config: Config
    ledger: Ledger
    templates: Templates
    topic_matcher: TopicMatcher
    mail_identity: MailIdentity
    sent_log: SentLog
    clock: Clock = wall_clock
    stop: threading.Event = field(default_factory=threading.Event)

    def create_message_context(self) -> MessageContext:
        """Return what messages are written with now."""
        return MessageContext(self.templates, self.mail_identity, self.clock())

    @property
    def digest_settings(self) -> DigestSettings:
        """How digests are written."""
        return DigestSettings(
            self.templates, self.mail_identity, self.config.digests.batch_interval, self.sent_log
        )

    @property
    def subscriber_defaults(self) -> SubscriberDefaults:
        """When a new subscriber gets what is not immediate."""
        digests = self.config.digests
        return SubscriberDefaults(digests.zone, digests.hour, self.config.channel_table)


def open_service(config: Config, clock: Clock = wall_clock) -> Service:
    """The service of ``config``. Raises :class:`alerts.ledger.LedgerError`."""
    ledger = open_ledger(config.ledger.url)
    watcher = TopicMatcher(ledger, config.ledger.compiled)
    sent_log = SentLog(config.ledger.sent_log)
    sent_log.verify()
    letterhead = msgspec.structs.replace(
        config.mail_identity,
        signing_keys=load_signing_keys(config),
        token_secret=_get_signing_secret(ledger),
    )
    return Service(
        config, ledger, Templates(config.templates), watcher, letterhead, sent_log, clock
    )


def _get_signing_secret(ledger: Ledger) -> bytes:
    """What links are sealed with; drawn the first time."""
    with ledger.reading() as connection:
        found = secrets.find_secret(connection, "pages")
    if found is None:
        with ledger.writing() as connection:
            found = secrets.get_or_create(connection, "pages")
    return found


@contextmanager
def lock_ledger(service: Service) -> Iterator[None]:
    """Be the only process at work on the ledger; raises :class:`LedgerBusyError` when another one
    is."""
    with service.ledger.try_process_lock() as held:
        if not held:
            raise LedgerBusyError("another watchword is at work on this ledger; nothing was done")
        yield

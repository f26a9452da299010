"""The service as jobs and commands need it: an open ledger and all that stands beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import msgspec

from alerts.delivery.policy import Terms
from alerts.delivery.sent_log import Already
from alerts.ledger import Ledger, open_ledger, secrets
from alerts.mail.message import Letterhead
from alerts.matching.match_changes import Watcher
from alerts.rendering.templates import Templates
from alerts.subscribers.subscribe import Habits
from scheduler.clock import Clock, wall_clock
from scheduler.config.load import signing_keys, ways
from scheduler.config.sections import Config


class Busy(Exception):
    """Another process works on this ledger."""


@dataclass
class Service:
    """An open ledger with all that the jobs need beside it."""

    config: Config
    ledger: Ledger
    templates: Templates
    watcher: Watcher
    letterhead: Letterhead
    already: Already
    clock: Clock = wall_clock
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def terms(self) -> Terms:
        """How messages are delivered."""
        return replace(self.config.mail.terms, already=self.already)

    @property
    def habits(self) -> Habits:
        """When a new subscriber gets what is not immediate."""
        digests = self.config.digests
        return Habits(digests.zone, digests.hour, frozenset(ways(self.config)))


def open_service(config: Config, clock: Clock = wall_clock) -> Service:
    """The service of ``config``. Raises :class:`alerts.ledger.LedgerError`."""
    ledger = open_ledger(config.ledger.url)
    watcher = Watcher(ledger, config.ledger.compiled)
    already = Already(config.ledger.sent)
    letterhead = msgspec.structs.replace(
        config.letterhead, keys=signing_keys(config), secret=_secret(ledger)
    )
    return Service(config, ledger, Templates(config.templates), watcher, letterhead, already, clock)


def _secret(ledger: Ledger) -> bytes:
    """What links are sealed with; drawn the first time."""
    with ledger.reading() as connection:
        found = secrets.drawn(connection, "pages")
    if found is None:
        with ledger.writing() as connection:
            found = secrets.get(connection, "pages")
    return found


@contextmanager
def alone(service: Service) -> Iterator[None]:
    """Be the only process at work on the ledger; raises :class:`Busy` when another one is."""
    with service.ledger.only_writer() as held:
        if not held:
            raise Busy("another watchword is at work on this ledger; nothing was done")
        yield

"""What there is to say about the state of the service. Pure; ``scheduler.status`` gathers it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.ledger.held_changes import HeldChangeGroup
from alerts.ledger.publication_delays import PublicationDelay
from alerts.model import Alarm


class Proportion(msgspec.Struct, frozen=True):
    """So many of so many."""

    count: int
    total: int

    @property
    def percent(self) -> str:
        """``98.5 %``; a dash where there was nothing to be found on."""
        return f"{100 * self.count / self.total:.1f} %" if self.total else "–"


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One source, as its last crawls found it."""

    source: str
    place: str  #: as people know it: ``www.london.gov.uk``
    last_good: datetime | None  #: when a crawl last came to its good end
    hours_since_good: float | None
    verdict: str | None  #: of the last crawl; None when there was none
    reason: str | None
    resting_until: datetime | None  #: it has refused us, and is left alone
    fill_rates: dict[str, Proportion]  #: of the last good crawl that read a page
    agreement: Proportion | None
    questions: dict[str, int]  #: by status, and ``suspect``
    refused: int  #: pages that the server keeps to itself
    held: tuple[HeldChangeGroup, ...]
    alarms: tuple[Alarm, ...]
    are_subscribers_notified: bool  #: that it cannot be read
    delay: PublicationDelay | None = (
        None  #: from publication to an immediate email, in the last month
    )


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole service at one moment."""

    now: datetime
    sources: tuple[SourceStatus, ...]
    messages: dict[str, int]  #: in the outbox, by phase
    paused: dict[str, datetime] = {}  #: what the operator has put on hold, and since when

    @property
    def is_well(self) -> bool:
        """Whether no alarm stands."""
        return not any(source.alarms for source in self.sources)

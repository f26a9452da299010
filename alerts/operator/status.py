"""The state of a source, as the command line and the pages show it. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.ledger.held_changes import HeldChangeGroup
from alerts.ledger.publication_delays import PublicationDelay
from alerts.model import Alarm
from alerts.operator.completeness import Completeness


class Proportion(msgspec.Struct, frozen=True):
    """A part of a whole, with both numbers."""

    count: int
    total: int

    @property
    def percent(self) -> str:
        """``98.5%``; a dash where the total is 0."""
        return f"{100 * self.count / self.total:.1f}%" if self.total else "–"


class SourceReading(msgspec.Struct, frozen=True, kw_only=True):
    """When a source was last read, and how its last crawl ended: what its state is judged by."""

    source: str  #: ``london``
    site_name: str  #: what people call it: its name in the config, or ``www.london.gov.uk``
    last_good: datetime | None  #: when the last complete crawl finished; None without one
    verdict: str | None  #: of the last crawl; None without one
    reason: str | None  #: for that verdict, in words
    #: When the daemon tries again a source that it could not read yet; None at its usual time.
    next_try: datetime | None = None


class SourceStatus(SourceReading, frozen=True, kw_only=True):
    """The state of one source, from its last crawls."""

    hours_since_good: float | None
    backoff_until: datetime | None  #: no requests are sent before; None where they may be
    fill_rates: dict[str, Proportion]
    """How often each field was found in the last crawl with the verdict ``ok``."""
    agreement: Proportion | None
    """How many fields both readings of a page agreed on; None where nothing was read twice."""
    questions: dict[str, int]  #: by status, and ``suspect``
    refused_pages: int  #: pages that the server refuses to everybody
    held: tuple[HeldChangeGroup, ...]  #: changes that wait for approval
    alarms: tuple[Alarm, ...]  #: open ones
    are_subscribers_notified: bool  #: that the source cannot be read
    delay: PublicationDelay | None = None
    """From publication to an immediate email, in the last month; None without an email."""
    reading_delay: PublicationDelay | None = None
    """From publication to our reading, in the last month; None without a change."""
    completeness: Completeness | None = None  #: of the meetings of the last three months

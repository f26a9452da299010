"""The state of the service in one line, for the foot of every page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.exc import DBAPIError

from alerts.errors import WatchwordError
from alerts.operator.health import Finding, Health, combine_states
from alerts.operator.impact import Impact, find_impact
from alerts.operator.public_status import PublicFinding, publish_finding
from alerts.operator.service_status import BriefStatus
from crawler.event_log import get_logger

log = get_logger("watchword.operator")

#: Seconds. Pages may be cached for as long.
_MAX_AGE = 60.0


class FooterState(msgspec.Struct, frozen=True):
    """What the foot of a page says; nothing that the public status does not say."""

    state: Health
    now: datetime  #: when it was read, in the zone in which days are reckoned
    last_read: datetime | None = None  #: when a source was last read in full
    finding: PublicFinding | None = None  #: the worst reason why the service is not well
    site_name: str | None = None  #: of the source that the finding is about
    not_read_since: datetime | None = None  #: that source, where it cannot be read
    #: By source, for the home page: the worst state that a finding about it has.
    source_states: Mapping[str, Health] = {}


class FooterReader:
    """Reads the state and keeps it for a minute, so that it costs a page a microsecond."""

    def __init__(
        self,
        read_status: Callable[[], BriefStatus],
        zone: str = "UTC",
        max_age: float = _MAX_AGE,
    ) -> None:
        """Prepare; nothing is read before the first page.

        Args:
            read_status: Returns the judgement on the service now.
            zone: The time zone in which days are reckoned.
            max_age: Seconds for which a state is kept.
        """
        self._read_status, self._zone, self._max_age = read_status, ZoneInfo(zone), max_age
        self._lock = threading.Lock()
        self._state: FooterState | None = None
        self._expires_at = 0.0

    def read(self) -> FooterState | None:
        """Return the state; None where it could not be read, which the log says.

        While one thread reads it anew, the others go on with what they have: None at the start.
        """
        if time.monotonic() < self._expires_at:
            return self._state
        if not self._lock.acquire(blocking=False):
            return self._state
        try:
            self._state = self._read_anew()
            self._expires_at = time.monotonic() + self._max_age
            return self._state
        finally:
            self._lock.release()

    def _read_anew(self) -> FooterState | None:
        try:
            return summarise_status(self._read_status(), self._zone)
        except (DBAPIError, WatchwordError) as error:
            log.warning(
                "the state for the foot of pages cannot be read",
                reason=" ".join(str(error).split()),
            )
            return None


def summarise_status(status: BriefStatus, zone: tzinfo = UTC) -> FooterState:
    """Return the state of the service for the foot of a page. Pure."""
    state, now = combine_states(status.findings), status.now.astimezone(zone)
    last_read = max((one.last_good for one in status.sources if one.last_good), default=None)
    states = {
        one.source: combine_states([f for f in status.findings if f.subject == one.source])
        for one in status.sources
    }
    if not status.findings:
        return FooterState(state, now, last_read, source_states=states)
    worst = min(status.findings, key=_rank)
    source = next((one for one in status.sources if one.source == worst.subject), None)
    is_unread = state is Health.TROUBLE and find_impact(worst.kind) is Impact.READING
    return FooterState(
        state,
        now,
        last_read,
        publish_finding(worst),
        source.site_name if source else None,
        source.last_good if source and is_unread else None,
        states,
    )


def _rank(finding: Finding) -> tuple[bool, int]:
    """Return the place of a finding: trouble first, then what keeps most from readers."""
    return finding.state is not Health.TROUBLE, list(Impact).index(find_impact(finding.kind))

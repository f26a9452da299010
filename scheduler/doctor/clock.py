"""Checks of the clock, against what a server says, and of the time zones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import requests

from alerts.delivery import BoundedSession
from scheduler.config import SourceSection
from scheduler.doctor.examination import CONVERSATION_SECONDS, Examination
from scheduler.doctor.report import CheckResult, failed, ok, skipped

#: The header has whole seconds, and the answer may have been under way.
_MAX_DIFFERENCE = timedelta(seconds=30)
#: A day of summer time and one of winter time, by which London's zone is known.
_SUMMER, _WINTER = datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)


def check_zones(examination: Examination) -> Iterator[CheckResult]:
    """Check that the data of the time zones is there, and is not nonsense."""
    advice = "reinstall the tzdata of the system, or that of Python: pip install -U tzdata"
    try:
        zone = ZoneInfo("Europe/London")
    except (ZoneInfoNotFoundError, ValueError) as error:  # missing, or damaged
        yield failed("clock.zones", f"Europe/London cannot be read: {error.args[0]}", advice)
        return
    offsets = _SUMMER.astimezone(zone).utcoffset(), _WINTER.astimezone(zone).utcoffset()
    if offsets != (timedelta(hours=1), timedelta()):
        yield failed("clock.zones", "Europe/London has no summer time", advice)
    else:
        own = examination.config.digests.zone
        yield ok("clock.zones", f"the time zones are there; digests are sent in {own}")


def check_clock(examination: Examination) -> Iterator[CheckResult]:
    """Check this machine's clock against the Date of a source's server (RFC 9110, 6.6.1)."""
    name = "clock.servers"
    sources = [one for one in examination.config.sources.values() if one.enabled]
    for source in sources:
        date = _ask_for_date(source)
        if date is None:
            continue
        difference = abs(examination.clock() - date)
        if difference > _MAX_DIFFERENCE:
            detail = f"it differs from that of {source.host} by {difference}"
            advice = "let this machine ask a time server: systemctl enable --now systemd-timesyncd"
            yield failed(name, detail, advice)
        else:
            yield ok(name, f"the clock agrees with that of {source.host}")
        return
    yield skipped(name, "no source's server says what time it is")


def _ask_for_date(source: SourceSection) -> datetime | None:
    """Return the time by a source's server; None where it does not say it."""
    agent = {"User-Agent": source.build_politeness("doctor").user_agent}
    try:
        with BoundedSession() as session:
            url = f"{source.url.rstrip('/')}/robots.txt"
            reply = session.head(url, headers=agent, timeout=CONVERSATION_SECONDS)
        date = parsedate_to_datetime(reply.headers.get("Date", ""))
    except (requests.RequestException, ValueError):
        return None
    return date.astimezone(UTC) if date.tzinfo else None

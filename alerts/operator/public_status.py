"""The part of the service's state that is for everybody. Pure.

It is a structure of its own, so that what is added to the operator's status does not become public.
Nothing in it depends on who is subscribed or on what one visitor does: no counts of messages or
jobs, and no delay of emails. It has no reasons, because they may name files, addresses and people.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.ledger.publication_delays import PublicationDelay
from alerts.operator.completeness import Completeness
from alerts.operator.health import Finding, Health, label_alarm
from alerts.operator.status import Proportion, SourceStatus


class PublicFinding(msgspec.Struct, frozen=True):
    """One reason why the service is not well."""

    state: Health
    subject: str  #: ``the service``, or a source: ``london``
    kind: str  #: of the alarm, or ``unread``, ``paused`` and so on
    label: str  #: what is wrong, in a few words of ours
    since: datetime | None


class PublicAlarm(msgspec.Struct, frozen=True):
    """An open alarm about a source."""

    kind: str
    label: str
    since: datetime


class PublicHeldChanges(msgspec.Struct, frozen=True):
    """Changes of one kind that wait for the operator's approval."""

    kind: str
    changes: int


class PublicSourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one source; the fields are those of `SourceStatus`."""

    source: str
    site_name: str
    last_good: datetime | None
    hours_since_good: float | None
    verdict: str | None
    backoff_until: datetime | None
    fill_rates: dict[str, Proportion]
    agreement: Proportion | None
    questions: dict[str, int]
    refused_pages: int
    held: tuple[PublicHeldChanges, ...]
    alarms: tuple[PublicAlarm, ...]
    are_subscribers_notified: bool
    reading_delay: PublicationDelay | None
    completeness: Completeness | None


class PublicStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the whole service at one moment, for ``/status`` and ``/status.json``."""

    state: Health
    now: datetime
    findings: tuple[PublicFinding, ...]  #: the worst first
    sources: tuple[PublicSourceStatus, ...]
    service_findings: tuple[PublicFinding, ...]  #: those that are not alarms of a source


def publish_finding(finding: Finding) -> PublicFinding:
    """Return the part of a finding that is for everybody."""
    return PublicFinding(finding.state, finding.subject, finding.kind, finding.label, finding.since)


def publish_source(status: SourceStatus) -> PublicSourceStatus:
    """Return the part of a source's state that is for everybody."""
    return PublicSourceStatus(
        source=status.source,
        site_name=status.site_name,
        last_good=status.last_good,
        hours_since_good=status.hours_since_good,
        verdict=status.verdict,
        backoff_until=status.backoff_until,
        fill_rates=status.fill_rates,
        agreement=status.agreement,
        questions=status.questions,
        refused_pages=status.refused_pages,
        held=tuple(PublicHeldChanges(group.kind, group.changes) for group in status.held),
        alarms=tuple(
            PublicAlarm(alarm.kind, label_alarm(alarm.kind), alarm.raised_at)
            for alarm in status.alarms
        ),
        are_subscribers_notified=status.are_subscribers_notified,
        reading_delay=status.reading_delay,
        completeness=status.completeness,
    )

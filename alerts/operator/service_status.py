"""The state of the whole service, as the command line and the pages show it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

import msgspec

from alerts.ledger.cluster_processes import ProcessRecord
from alerts.ledger.jobs import JobRecord
from alerts.ledger.pauses import Pause
from alerts.operator.health import Finding, Health, combine_states
from alerts.operator.public_status import PublicStatus, publish_finding, publish_source
from alerts.operator.status import SourceReading, SourceStatus


class BriefStatus(msgspec.Struct, frozen=True):
    """The judgement on the service at one moment, and when each source was last read."""

    now: datetime
    sources: tuple[SourceReading, ...]
    findings: tuple[Finding, ...]  #: why the service is not well, the worst first


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the whole service at one moment."""

    now: datetime
    sources: tuple[SourceStatus, ...]
    messages: dict[str, int]  #: how many messages the outbox has in each phase
    paused: tuple[Pause, ...] = ()  #: what the operator has paused
    jobs: tuple[JobRecord, ...] = ()  #: how each job last began and ended
    processes: tuple[ProcessRecord, ...] = ()  #: those of a cluster that run
    findings: tuple[Finding, ...] = ()  #: why the service is not well, the worst first
    warnings: tuple[str, ...] = ()  #: what the operator should put right; it stops nothing

    @property
    def state(self) -> Health:
        """Whether the service is well, not yet at work, or in trouble."""
        return combine_states(self.findings)

    @property
    def is_well(self) -> bool:
        """Whether there is no finding."""
        return self.state is Health.WELL

    @property
    def service_findings(self) -> tuple[Finding, ...]:
        """The findings that are not alarms of a source, which stand beside that source."""
        shown = {(alarm.source, alarm.kind) for source in self.sources for alarm in source.alarms}
        return tuple(one for one in self.findings if (one.subject, one.kind) not in shown)

    @property
    def brief(self) -> BriefStatus:
        """The judgement without the counts."""
        return BriefStatus(self.now, self.sources, self.findings)

    def describe_for_operator(self) -> dict[str, Any]:
        """Return the status for ``--json``, with its state first."""
        return {"state": self.state.value, **msgspec.to_builtins(self)}

    def publish(self) -> PublicStatus:
        """Return the part of the status that is for everybody."""
        return PublicStatus(
            state=self.state,
            now=self.now,
            findings=tuple(publish_finding(one) for one in self.findings),
            sources=tuple(publish_source(one) for one in self.sources),
            service_findings=tuple(publish_finding(one) for one in self.service_findings),
        )

    @classmethod
    def of_unusable_ledger(cls, now: datetime, reason: str) -> Self:
        """Return the status of a service whose ledger cannot be read."""
        label = "the ledger cannot be read"
        finding = Finding(Health.TROUBLE, "the service", "ledger", label, reason)
        return cls(now=now, sources=(), messages={}, findings=(finding,))

    @classmethod
    def of_missing_ledger(cls, now: datetime) -> Self:
        """Return the status of a service that has no ledger yet: it was never run."""
        reason = "`watchword run` or `watchword once` makes it"
        finding = Finding(Health.NOT_YET, "the service", "ledger", "there is no ledger yet", reason)
        return cls(now=now, sources=(), messages={}, findings=(finding,))

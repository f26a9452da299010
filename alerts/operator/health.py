"""Whether the service is well: one judgement, which every command and page shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec

from alerts.ledger.cluster_processes import ProcessRecord
from alerts.ledger.jobs import JobRecord
from alerts.ledger.pauses import Pause
from alerts.model import Alarm
from alerts.operator.job_alarms import BACKUP_ALARM, BACKUP_JOB, name_job_alarm
from alerts.operator.status import SourceReading
from alerts.rendering import ALARM_LABELS

#: The job that matches, publishes, composes and delivers; the others are its steps, and crawls.
_ROUND = "round"
_CRAWL_PREFIX = "crawl "
#: The subject of a finding that is about no source.
_SERVICE = "the service"
_COMPLETE_VERDICTS = ("ok", "empty")


class Health(StrEnum):
    """How the service is, or one part of it."""

    WELL = "well"
    NOT_YET = "not yet"  #: nothing has failed, but not everything is at work: new, or paused
    TROUBLE = "trouble"


class Finding(msgspec.Struct, frozen=True):
    """One reason why the service is not well."""

    state: Health  #: ``not yet`` or ``trouble``
    subject: str  #: ``the service``, or a source: ``london``
    #: Of the alarm, if there is one; else ``job``, ``round``, ``backup``, ``schedule``, ``work``,
    #: ``disk``, ``unread`` or ``paused``.
    kind: str
    label: str  #: what is wrong, for everybody
    reason: str  #: the details, for the operator: they may name files and addresses
    since: datetime | None = None


class HealthLimits(msgspec.Struct, frozen=True):
    """How long something may take before it counts as trouble, and when it is tried again."""

    #: Without a round. Rounds by cron may be a day apart.
    idle: timedelta = timedelta(hours=36)
    #: By source: without a crawl that read everything. A source that is not named has no limit.
    silent: Mapping[str, timedelta] = {}
    #: By source: the time between two crawls. Without it nobody says when one is tried again.
    crawl_periods: Mapping[str, timedelta] = {}
    #: Folders whose disk must have room.
    folders: tuple[Path, ...] = ()
    #: Without a good backup; None where nobody expects one.
    backup: timedelta | None = None


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """What the judgement is made from."""

    now: datetime
    alarms: Sequence[Alarm]  #: open ones, of every source and of the service
    jobs: Sequence[JobRecord]
    sources: Sequence[SourceReading]  #: those that are crawled
    paused: Sequence[Pause]
    full_folders: Sequence[Path] = ()  #: of those that must have room
    processes: Sequence[ProcessRecord] = ()  #: of a cluster


def combine_states(findings: Sequence[Finding]) -> Health:
    """Return the state that a service with some findings is in: that of the worst."""
    states = {finding.state for finding in findings}
    return next((s for s in (Health.TROUBLE, Health.NOT_YET) if s in states), Health.WELL)


def find_problems(seen: Observations, limits: HealthLimits) -> tuple[Finding, ...]:
    """Return why the service is not well, the worst first; nothing if it is.

    Every open alarm is a finding. A job that has failed and a source that could not be read are
    findings before they become alarms.
    """
    found = [
        *_judge_alarms(seen),
        *_judge_disks(seen),
        *_judge_jobs(seen),
        *_judge_rounds(seen, limits),
        *_judge_backups(seen, limits),
        *_judge_processes(seen),
        *_judge_sources(seen, limits),
        *_judge_pauses(seen),
    ]
    return tuple(sorted(found, key=lambda finding: finding.state is not Health.TROUBLE))


def _judge_alarms(seen: Observations) -> Iterator[Finding]:
    for alarm in seen.alarms:
        yield Finding(
            Health.TROUBLE,
            alarm.source or _SERVICE,
            alarm.kind,
            label_alarm(alarm.kind),
            alarm.reason,
            alarm.raised_at,
        )


def label_alarm(kind: str) -> str:
    """Return what an alarm says in a few words: ``the source blocks us``."""
    if kind.startswith(name_job_alarm("")):
        return f"the job “{kind.removeprefix(name_job_alarm(''))}” fails"
    return ALARM_LABELS.get(kind, kind)


def _judge_disks(seen: Observations) -> Iterator[Finding]:
    """Give the folders without room: jobs that fail for it cannot be noted in a ledger there."""
    for folder in seen.full_folders:
        yield Finding(
            Health.TROUBLE, _SERVICE, "disk", "a disk is full", f"there is no room in {folder}"
        )


def _judge_jobs(seen: Observations) -> Iterator[Finding]:
    """Give the jobs whose last run failed, but for those that an alarm is open about."""
    alarms = {alarm.kind for alarm in seen.alarms}
    crawls = {f"{_CRAWL_PREFIX}{source.source}" for source in seen.sources}
    for job in seen.jobs:
        is_old_crawl = job.name.startswith(_CRAWL_PREFIX) and job.name not in crawls
        if not job.failures_in_a_row or name_job_alarm(job.name) in alarms or is_old_crawl:
            continue
        label = f"the last run of the job “{job.name}” failed"
        yield Finding(
            Health.TROUBLE, _SERVICE, "job", label, job.reason or "", job.ended_at or job.begun_at
        )


def _judge_rounds(seen: Observations, limits: HealthLimits) -> Iterator[Finding]:
    """Give a finding if rounds have not begun, or come no more."""
    last = next((job for job in seen.jobs if job.name == _ROUND), None)
    if last is None:
        hint = "start `watchword run`, or `watchword once` by cron"
        yield Finding(Health.NOT_YET, _SERVICE, "round", "no round has been run yet", hint)
        return
    since = max(last.begun_at, last.ended_at or last.begun_at)
    if seen.now - since > limits.idle:
        label = "a round has not ended" if last.is_running else "no round has been run for long"
        hint = "is `watchword run` running, or `watchword once` by cron?"
        yield Finding(Health.TROUBLE, _SERVICE, "round", label, hint, since)


def _judge_backups(seen: Observations, limits: HealthLimits) -> Iterator[Finding]:
    """Give a finding if the last good backup is older than it may be, but for an alarm about it."""
    if limits.backup is None or any(alarm.kind == BACKUP_ALARM for alarm in seen.alarms):
        return
    last = next((job.good_at for job in seen.jobs if job.name == BACKUP_JOB), None)
    if last is None:
        label, hint = "no backup has been made yet", "run `watchword backup`, daily by a timer"
        yield Finding(Health.NOT_YET, _SERVICE, "backup", label, hint)
    elif seen.now - last > limits.backup:
        label, hint = "no backup has been made for long", "is its timer running?"
        yield Finding(Health.TROUBLE, _SERVICE, "backup", label, hint, last)


def _judge_processes(seen: Observations) -> Iterator[Finding]:
    """Give the roles of a cluster that no process has, while it has other processes."""
    alive = {one.role for one in seen.processes if one.is_alive(seen.now)}
    for role in ("schedule", "work") if alive else ():
        if role in alive:
            continue
        last = max((one.seen_at for one in seen.processes if one.role == role), default=None)
        state = Health.NOT_YET if last is None else Health.TROUBLE
        label, hint = "a part of the service does not run", f"start `watchword {role}`"
        yield Finding(state, _SERVICE, role, label, hint, last)


def _judge_sources(seen: Observations, limits: HealthLimits) -> Iterator[Finding]:
    """Give the sources that were never read in full, or not for long, but for alarms about them."""
    alarmed = {alarm.source for alarm in seen.alarms}
    paused = {one.source for one in seen.paused if one.activity == "crawl"}
    for source in seen.sources:
        if source.source in alarmed | paused:
            continue
        if source.last_good is None:
            yield _describe_unread(source, seen.now)
            continue
        limit = limits.silent.get(source.source)
        if limit is not None and seen.now - source.last_good > limit:
            label, reason = "not read in full for long", source.reason or ""
            yield Finding(Health.TROUBLE, source.source, "unread", label, reason, source.last_good)


def _describe_unread(source: SourceReading, now: datetime) -> Finding:
    has_failed = source.verdict is not None and source.verdict not in _COMPLETE_VERDICTS
    if has_failed:
        reason = f"{source.verdict}, {source.reason}"
        if source.next_try is not None and source.next_try > now:
            reason += f"; the daemon tries again at {source.next_try:%H:%M} UTC"
        return Finding(Health.TROUBLE, source.source, "unread", "it could not be read yet", reason)
    return Finding(
        Health.NOT_YET, source.source, "unread", "not read in full yet", source.reason or ""
    )


def _judge_pauses(seen: Observations) -> Iterator[Finding]:
    for pause in seen.paused:
        what = "crawls are paused" if pause.activity == "crawl" else "deliveries are paused"
        yield Finding(
            Health.NOT_YET,
            pause.source or _SERVICE,
            "paused",
            what,
            "by the operator",
            pause.since,
        )

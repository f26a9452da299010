"""The command that shows the state of the service: status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import LedgerUnavailable, find_ledger, name_ledger
from alerts.ledger.rate_counts import RateCounts
from alerts.limits import Limiter, LimitReport, LimitUse
from alerts.operator import BACKUP_JOB, Health, ServiceStatus, SourceStatus, build_status
from scheduler.cli.config import get_config
from scheduler.cli.options import ServiceCommand, get_options
from scheduler.cli.output import format_counts, format_moment, print_result
from scheduler.cli.tables import colour_state
from scheduler.clock import wall_clock
from scheduler.config import DEFAULT_PATH, Config
from scheduler.exposed_files import list_exposed_files

_EXIT_STATUSES = {
    Health.WELL: ExitStatus.OK,
    Health.NOT_YET: ExitStatus.RETRY,
    Health.TROUBLE: ExitStatus.PARTIAL,
}


class StatusReport(ServiceStatus, frozen=True, kw_only=True):
    """The state of the service, of each source and of the limits."""

    state: Health  #: of the service and all its sources
    config: str  #: the file that is in force, in words where there is none
    ledger: str
    limits: tuple[LimitUse, ...] = ()  #: how far each limit is used


@click.command(cls=ServiceCommand, data=(StatusReport,))
@click.pass_context
def status_command(context: click.Context) -> int:
    """Show the state of the service and of each source.

    \b
    Examples:
      watchword status
      watchword status --json

    \b
    Exit status:
      0   well
      75  not yet: nothing failed, but a source was never read, or something is paused
      1   trouble: an alarm is open, or something has failed
    """
    config = get_config(context)
    status, limits = _read_status(config)
    warnings = (*list_exposed_files(config), *limits.warnings)
    status = msgspec.structs.replace(status, warnings=warnings)
    config_name = _name_config(get_options(context).config_path)
    ledger_name = name_ledger(config.ledger.url.reveal())
    heading = f"Config: {config_name}; ledger: {ledger_name}"
    print_result(
        "\n".join([heading, *_format_status(status, limits)]),
        StatusReport(
            **msgspec.structs.asdict(status),
            config=config_name,
            ledger=ledger_name,
            state=status.state,
            limits=limits.use,
        ),
    )
    return _EXIT_STATUSES[status.state]


def _read_status(config: Config) -> tuple[ServiceStatus, LimitReport]:
    """Return the status, and how far the limits are used; no ledger is created for it."""
    now = wall_clock()
    try:
        ledger = find_ledger(config.ledger.url.reveal(), role="status")
    except LedgerUnavailable as error:
        return ServiceStatus.of_unusable_ledger(now, str(error)), LimitReport()
    if ledger is None:
        return ServiceStatus.of_missing_ledger(now), LimitReport()
    # Only counts are read, so there is no address to hash with a key.
    limiter = Limiter(RateCounts(ledger), b"", lambda: now, config.web.confirmations_per_hour)
    try:
        with closing(limiter), ledger.reading() as connection:
            status = build_status(connection, config.source_hosts, now, config.health_limits)
            return status, limiter.report()
    finally:
        ledger.engine.dispose()


def _name_config(path: Path | None) -> str:
    """Return which config file is in force, in words where there is none."""
    if path is None and not DEFAULT_PATH.exists():
        return f"built-in defaults (there is no {DEFAULT_PATH.absolute()})"
    return str((path or DEFAULT_PATH).absolute())


def _format_status(status: ServiceStatus, limits: LimitReport) -> Iterator[str]:
    for source in status.sources:
        yield from _format_source(source)
    last = next((job.good_at for job in status.jobs if job.name == "round"), None)
    yield f"rounds: last good one {format_moment(last)}"
    if backup := next((job for job in status.jobs if job.name == BACKUP_JOB), None):
        yield f"backups: last good one {format_moment(backup.good_at)}"
    if roles := Counter(one.role for one in status.processes):
        yield f"processes: {format_counts(roles)}"
    yield f"messages: {format_counts(status.messages, nothing='none yet')}"
    yield from _format_limits(limits)
    for finding in status.service_findings:
        since = f" since {format_moment(finding.since)}" if finding.since else ""
        reason = f": {finding.reason}" if finding.reason else ""
        state = colour_state(finding.state.upper(), finding.state)
        yield f"{state}{since}: {finding.subject}: {finding.label}{reason}"
    warned = click.style("WARNING", fg="yellow")
    yield from (f"{warned}: {warning}" for warning in status.warnings)
    yield f"Status: {colour_state(status.state)}"


def _format_limits(limits: LimitReport) -> Iterator[str]:
    """Give what is used by half or more; nothing on most days."""
    for use in limits.notable:
        who = f" ({use.who})" if use.who else ""
        refused = f", {use.refused} refused" if use.refused else ""
        yield (
            f"limit of {use.limit}, {use.scope.label}: {use.highest:,} of {use.most:,} "
            f"in {use.period}{who}{refused}"
        )


def _format_source(source: SourceStatus) -> Iterator[str]:
    reason = f", {source.reason}" if source.reason else ""
    yield (
        f"{source.source}: last complete crawl {format_moment(source.last_good)}; "
        f"last verdict: {colour_state(source.verdict or 'none yet')}{reason}"
    )
    if source.questions:
        counts = format_counts(source.questions)
        yield f"  questions: {counts}; refused pages: {source.refused_pages}"
    yield from _format_reading(source)
    if source.delay:
        median, p95 = source.delay.median, source.delay.p95
        yield f"  minutes from publication to immediate email: {median} (95 % within {p95})"
    if source.next_try:
        yield f"  next try of the daemon: {format_moment(source.next_try)}"
    if source.backoff_until:
        yield f"  no requests until {format_moment(source.backoff_until)}"
    for group in source.held:
        yield f"  held ({group.reason}): {group.changes:,} {group.kind}, {group.example}"
    for alarm in source.alarms:
        raised = click.style("ALARM", fg="red")
        yield f"  {raised} since {format_moment(alarm.raised_at)}: {alarm.kind}, {alarm.reason}"
    if source.are_subscribers_notified:
        yield "  subscribers have been told that the source cannot be read"


def _format_reading(source: SourceStatus) -> Iterator[str]:
    """Give how completely, and how surely, its questions are read."""
    if source.completeness and source.completeness.gaps:
        found = source.completeness
        yield (
            f"  numbers of the last three months: {found.known} of {found.expected} known, "
            f"missing: {found.describe_gaps()}"
        )
    if source.agreement:
        yield f"  fields on which both readings agree: {source.agreement.percent}"
    if source.fill_rates:
        rates = (f"{field} {rate.percent}" for field, rate in source.fill_rates.items())
        yield f"  fields found: {', '.join(rates)}"

"""The command that shows the state of the service: status."""

from __future__ import annotations

from collections.abc import Iterator

import click

from alerts.errors import ExitStatus
from alerts.operator import ServiceStatus, SourceStatus, build_status
from scheduler.cli.options import ServiceCommand, json_option
from scheduler.cli.output import format_counts, format_moment, print_result
from scheduler.cli.service import get_service


@click.command(cls=ServiceCommand)
@json_option
@click.pass_context
def status_command(context: click.Context, as_json: bool) -> int:
    """Show the state of each source and open alarms.

    Exit status 1 if an alarm is open.
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        status = build_status(connection, service.config.source_hosts, service.clock())
    print_result("\n".join(_format_status(status)), status, as_json=as_json)
    return ExitStatus.OK if status.is_well else ExitStatus.PARTIAL


def _format_status(status: ServiceStatus) -> Iterator[str]:
    for source in status.sources:
        yield from _format_source(source)
    for pause in status.paused:
        yield f"paused since {format_moment(pause.since)}: {pause.label}"
    yield "Status: well" if status.is_well else "Status: trouble"


def _format_source(source: SourceStatus) -> Iterator[str]:
    reason = f", {source.reason}" if source.reason else ""
    yield (
        f"{source.source}: last complete crawl {format_moment(source.last_good)}; "
        f"last verdict: {source.verdict or 'none yet'}{reason}"
    )
    if source.questions:
        counts = format_counts(source.questions)
        yield f"  questions: {counts}; refused pages: {source.refused_pages}"
    if source.agreement:
        yield f"  fields on which both readings agree: {source.agreement.percent}"
    if source.fill_rates:
        rates = (f"{field} {rate.percent}" for field, rate in source.fill_rates.items())
        yield f"  fields found: {', '.join(rates)}"
    if source.backoff_until:
        yield f"  no requests until {format_moment(source.backoff_until)}"
    for group in source.held:
        yield f"  held ({group.reason}): {group.changes} {group.kind}, {group.example}"
    for alarm in source.alarms:
        yield f"  ALARM since {format_moment(alarm.raised_at)}: {alarm.kind}, {alarm.reason}"
    if source.are_subscribers_notified:
        yield "  subscribers have been told that the source cannot be read"

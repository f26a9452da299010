"""Commands for the operator: status, approvals, approve, reject, config."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import held_changes
from alerts.ledger.held_changes import HoldReason
from alerts.operator import ServiceStatus, SourceStatus
from scheduler.cli.config import get_config
from scheduler.cli.options import ServiceCommand, json_option
from scheduler.cli.output import format_counts, print_indented_json, print_result
from scheduler.cli.pipeline import format_pipeline_result
from scheduler.cli.service import get_service
from scheduler.jobs import run_pipeline
from scheduler.service import Service, lock_ledger
from scheduler.status import build_status

#: Reasons for which changes wait for the operator, and not only for the end of their crawl.
_APPROVAL_REASONS: tuple[HoldReason, ...] = ("flood", "drift")


@click.command(cls=ServiceCommand)
@json_option
@click.pass_context
def status_command(context: click.Context, as_json: bool) -> int:
    """Show the state of each source and open alarms.

    Exit status 1 if an alarm is open.
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        status = build_status(connection, service.config, service.clock())
    print_result("\n".join(_format_status(status)), status, as_json=as_json)
    return ExitStatus.OK if status.is_well else ExitStatus.PARTIAL


def _format_status(status: ServiceStatus) -> Iterator[str]:
    for source in status.sources:
        yield from _format_source(source)
    for name, since in status.paused.items():
        yield f"paused since {_format_moment(since)}: {name}"
    yield "Status: well" if status.is_well else "Status: trouble"


def _format_source(source: SourceStatus) -> Iterator[str]:
    reason = f", {source.reason}" if source.reason else ""
    yield (
        f"{source.source}: last complete crawl {_format_moment(source.last_good)}; "
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
        yield f"  no requests until {_format_moment(source.backoff_until)}"
    for group in source.held:
        yield f"  held ({group.reason}): {group.changes} {group.kind}, {group.example}"
    for alarm in source.alarms:
        yield f"  ALARM since {_format_moment(alarm.raised_at)}: {alarm.kind}, {alarm.reason}"
    if source.are_subscribers_notified:
        yield "  subscribers have been told that the source cannot be read"


def _format_moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


@click.command(cls=ServiceCommand)
@json_option
@click.pass_context
def approvals_command(context: click.Context, as_json: bool) -> int:
    """List changes that wait for approval.

    Changes are held if a crawl brings unusually many, or seems to have misread its pages.
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        groups = held_changes.list_awaiting_approval(connection)
    lines = [
        f"{group.source} ({group.reason}): {group.changes} {group.kind} "
        f"since {_format_moment(group.since)}, for example {group.example}"
        for group in groups
    ]
    text = "\n".join(lines) or "No changes wait for approval."
    print_result(text, {"changes": groups}, as_json=as_json)
    return ExitStatus.OK


@click.command(cls=ServiceCommand)
@click.argument("source", required=False)
@json_option
@click.pass_context
def approve_command(context: click.Context, source: str | None, as_json: bool) -> int:
    """Publish held changes and notify subscribers.

    Approves the changes of SOURCE, or of all sources.

    \b
    watchword approvals      look at the changes first
    watchword approve        they are news: publish them and notify subscribers
    watchword reject         they are not: record them without notifying anybody
    """
    service = get_service(context)
    with lock_ledger(service):
        number = _promote_held_changes(service, source, is_silent=False)
        result = run_pipeline(service)
    print_result(
        f"{number} changes approved; {format_pipeline_result(result)}",
        {"approved": number},
        as_json=as_json,
    )
    return ExitStatus.OK if number else ExitStatus.PARTIAL


@click.command(cls=ServiceCommand)
@click.argument("source", required=False)
@json_option
@click.pass_context
def reject_command(context: click.Context, source: str | None, as_json: bool) -> int:
    """Record held changes without notifying anybody.

    For changes that are not news; for example, after the source has rewritten its pages. Rejects
    the changes of SOURCE, or of all sources.
    """
    service = get_service(context)
    with lock_ledger(service):
        number = _promote_held_changes(service, source, is_silent=True)
        result = run_pipeline(service)
    print_result(
        f"{number} changes rejected; {format_pipeline_result(result)}",
        {"rejected": number},
        as_json=as_json,
    )
    return ExitStatus.OK if number else ExitStatus.PARTIAL


def _promote_held_changes(service: Service, source: str | None, *, is_silent: bool) -> int:
    """Record the held changes of a source, or of all for None; return how many there were."""
    names = [source] if source else list(service.config.sources)
    now = service.clock()
    with service.ledger.writing() as connection:
        return sum(
            held_changes.promote(connection, name, _APPROVAL_REASONS, is_silent=is_silent, now=now)
            for name in names
        )


@click.command(cls=ServiceCommand)
@click.pass_context
def config_command(context: click.Context) -> int:
    """Check the config and print it.

    Prints every key as it is in force. Secrets are left out.
    """
    config = get_config(context)
    values = msgspec.to_builtins(config, enc_hook=str)
    values["operator"]["notify"] = ["(set)" for _ in values["operator"]["notify"]]
    print_indented_json(values)
    return ExitStatus.OK

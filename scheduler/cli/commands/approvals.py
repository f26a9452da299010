"""Commands about changes that wait for the operator: approvals, approve, reject."""

from __future__ import annotations

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import held_changes
from alerts.ledger.held_changes import APPROVAL_REASONS, HeldChangeGroup
from scheduler.cli.commands.pipeline import format_pipeline_result
from scheduler.cli.options import RecordedCommand, ServiceCommand
from scheduler.cli.output import format_moment, format_plural, print_result
from scheduler.cli.parameters import SourceName, check_source
from scheduler.cli.service import get_service
from scheduler.jobs import PipelineResult, run_pipeline
from scheduler.service import Service, lock_ledger


class HeldChangeList(msgspec.Struct, frozen=True):
    """The changes that wait for approval."""

    changes: list[HeldChangeGroup]  #: by source, reason and kind


class ApprovedChanges(msgspec.Struct, frozen=True):
    """What `watchword approve` did."""

    approved: int  #: changes
    pipeline: PipelineResult


class RejectedChanges(msgspec.Struct, frozen=True):
    """What `watchword reject` did."""

    rejected: int  #: changes
    pipeline: PipelineResult


_SOURCE = click.argument("source", required=False, type=SourceName())


@click.command(cls=ServiceCommand, data=(HeldChangeList,))
@click.pass_context
def approvals_command(context: click.Context) -> int:
    """List changes that wait for approval.

    Changes are held if a crawl brings unusually many, or seems to have misread its pages, or if a
    new question has the reference of another one. Withdrawals are held if other evidence speaks
    against them.

    \b
    Examples:
      watchword approvals
      watchword approvals --json
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        groups = held_changes.list_awaiting_approval(connection)
    lines = [
        f"{group.source} ({group.reason}): {group.changes:,} {group.kind} "
        f"since {format_moment(group.since)}, for example {group.example}"
        for group in groups
    ]
    text = "\n".join(lines) or "No changes wait for approval."
    print_result(text, HeldChangeList(groups))
    return ExitStatus.OK


@click.command(cls=RecordedCommand, data=(ApprovedChanges,), about="source")
@_SOURCE
@click.pass_context
def approve_command(context: click.Context, source: str | None) -> int:
    """Publish held changes and notify subscribers.

    Approves the changes of SOURCE, or of all sources.

    \b
    Examples:
      watchword approvals      look at the changes first
      watchword approve        they are news: publish them and notify subscribers
      watchword reject         they are not: record them without notifying anybody
    """
    service = get_service(context)
    with lock_ledger(service) as service:
        number = _promote_held_changes(service, source, is_silent=False)
        result = run_pipeline(service)
    print_result(
        f"{format_plural(number, 'change')} approved; {format_pipeline_result(result)}",
        ApprovedChanges(number, result),
    )
    return _compute_exit_status(result)


@click.command(cls=RecordedCommand, data=(RejectedChanges,), about="source")
@_SOURCE
@click.pass_context
def reject_command(context: click.Context, source: str | None) -> int:
    """Record held changes without notifying anybody.

    For changes that are not news; for example, after the source has rewritten its pages. Rejects
    the changes of SOURCE, or of all sources.

    \b
    Example:
      watchword reject london
    """
    service = get_service(context)
    with lock_ledger(service) as service:
        number = _promote_held_changes(service, source, is_silent=True)
        result = run_pipeline(service)
    print_result(
        f"{format_plural(number, 'change')} rejected; {format_pipeline_result(result)}",
        RejectedChanges(number, result),
    )
    return _compute_exit_status(result)


def _compute_exit_status(result: PipelineResult) -> ExitStatus:
    """Return the status of the first step that failed; that nothing was held is no failure."""
    return ExitStatus(result.failures[0].exit_status) if result.failures else ExitStatus.OK


def _promote_held_changes(service: Service, source: str | None, *, is_silent: bool) -> int:
    """Record the held changes of a source, or of all for None; return how many there were.

    Raises:
        UnknownSource: The config has no such source.
    """
    names = [check_source(service.config, source)] if source else list(service.config.sources)
    now = service.clock()
    with service.ledger.writing() as connection:
        return sum(
            held_changes.promote(connection, name, APPROVAL_REASONS, is_silent=is_silent, now=now)
            for name in names
        )

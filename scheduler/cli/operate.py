"""Commands for whoever runs the service: status, held, release, backfill."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import get_service, print_result, show_progress

if TYPE_CHECKING:
    from alerts.operator.status import SourceStatus
    from scheduler.crawls.backfill import BackfillProgress

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.command()
@_JSON
@click.pass_context
def status(context: click.Context, as_json: bool) -> int:
    """Show how each source was last read and what is wrong. Exit status 1 when anything is."""
    import msgspec

    from scheduler.status import build_status

    service = get_service(context)
    with service.ledger.reading() as connection:
        found = build_status(connection, service.config, service.clock())
    lines = [line for source in found.sources for line in _format_source_status(source)]
    lines += [
        f"on hold since {since:%Y-%m-%d %H:%M} UTC: {what}" for what, since in found.paused.items()
    ]
    lines.append("Nothing is wrong." if found.is_well else "Something is wrong.")
    print_result("\n".join(lines), msgspec.to_builtins(found), as_json=as_json)
    return ExitStatus.OK if found.is_well else ExitStatus.PARTIAL


def _format_source_status(source: SourceStatus) -> list[str]:
    """A source in lines."""
    from scheduler.cli.common import format_counts

    def at(moment: datetime | None) -> str:
        return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"

    lines = [
        f"{source.source}: last read in full {at(source.last_good)}; "
        f"the last crawl: {source.verdict or 'none yet'}"
        + (f", {source.reason}" if source.reason else "")
    ]
    if source.questions:
        lines.append(
            f"  questions: {format_counts(source.questions)}; refused pages: {source.refused}"
        )
    if source.agreement:
        lines.append(f"  two readings agree on {source.agreement.percent} of the fields")
    rates = [f"{name} {rate.percent}" for name, rate in source.fill_rates.items()]
    if rates:
        lines.append(f"  fields found: {', '.join(rates)}")
    if source.resting_until:
        lines.append(f"  left alone until {at(source.resting_until)}")
    lines += [f"  held ({h.because}): {h.changes} {h.kind}, {h.example}" for h in source.held]
    lines += [f"  ALARM since {at(a.raised_at)}: {a.kind}, {a.reason}" for a in source.alarms]
    if source.are_subscribers_notified:
        lines.append("  subscribers are told that it cannot be read")
    return lines


@click.command()
@_JSON
@click.pass_context
def approvals(context: click.Context, as_json: bool) -> int:
    """Show the changes that wait for your word: floods, and crawls that misread their pages."""
    import msgspec

    from alerts.ledger.held_changes import list_awaiting_approval

    service = get_service(context)
    with service.ledger.reading() as connection:
        found = list_awaiting_approval(connection)
    lines = [
        f"{h.source} ({h.because}): {h.changes} {h.kind} since {h.since:%Y-%m-%d %H:%M} UTC, "
        f"among them: {h.example}"
        for h in found
    ]
    values = {"held": msgspec.to_builtins(found)}
    print_result("\n".join(lines) or "Nothing is held.", values, as_json=as_json)
    return ExitStatus.OK


@click.command()
@click.argument("source", required=False)
@click.option(
    "--without-notifying", is_flag=True, help="Record them; nobody is ever alerted of them."
)
@_JSON
@click.pass_context
def approve(
    context: click.Context, source: str | None, without_notifying: bool, as_json: bool
) -> int:
    """Let go what is held: match it, publish it and send what is due.

    \b
    Look first:  watchword approvals
    Then either: watchword approve              it is true, and is news
    or:          watchword approve --without-notifying   the site was rewritten, and that is no news
    """
    from alerts.ledger.held_changes import HoldReason
    from alerts.ledger.held_changes import promote as let_go
    from scheduler.cli.run import format_pipeline_result
    from scheduler.jobs import run_pipeline
    from scheduler.service import lock_ledger

    service = get_service(context)
    names = [source] if source else list(service.config.sources)
    released = 0
    kept: tuple[HoldReason, ...] = ("flood", "drift")
    with lock_ledger(service):
        now = service.clock()
        with service.ledger.writing() as connection:
            for name in names:
                released += let_go(connection, name, kept, is_silent=without_notifying, now=now)
        done = run_pipeline(service)
    how = "recorded without an alert" if without_notifying else "released"
    print_result(
        f"{released} changes {how}; {format_pipeline_result(done)}",
        {"released": released, "silently": without_notifying},
        as_json=as_json,
    )
    return ExitStatus.OK if released else ExitStatus.PARTIAL


@click.command()
@click.argument("source", default="london")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m"]),
    default="2000-05",
    show_default=True,
    metavar="YYYY-MM",
    help="The oldest month to read.",
)
@click.option("--months", type=click.IntRange(1), help="Stop after so many months.")
@click.option("--again", is_flag=True, help="Read months that are done, too.")
@_JSON
@click.pass_context
def backfill(  # one option a question that its operator has
    context: click.Context,
    source: str,
    since: datetime,
    months: int | None,
    again: bool,
    as_json: bool,
) -> int:
    """Read the past of SOURCE month by month, the newest first. Nobody is alerted.

    It can be stopped at any time, and goes on where it was.
    """
    from scheduler.crawls.backfill import backfill_source as read_past
    from scheduler.service import lock_ledger

    service = get_service(context)
    if source not in service.config.sources:
        raise click.UsageError(f"the config has no source {source!r}")
    with lock_ledger(service), show_progress() as display:
        task = display.add_task(f"{source}: the past", total=None)

        def step(at: BackfillProgress) -> None:
            display.update(task, completed=at.done, total=at.total, description=at.description)

        end = read_past(
            service, source, _first_of_month(since), months, step, include_finished=again
        )
    values: dict[str, Any] = {"done": end.done, "total": end.total, "problem": end.problem}
    print_result(end.summary + (f"; {end.problem}" if end.problem else ""), values, as_json=as_json)
    return ExitStatus.UNAVAILABLE if end.problem else ExitStatus.OK


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would differ, and in which fields.")
@_JSON
@click.pass_context
def reparse(context: click.Context, files: tuple[Path, ...], dry_run: bool, as_json: bool) -> int:
    """Read every archived page again (FILES, or the whole archive) with today's readers.

    No request is made and nobody is alerted: a better reader is no news.
    """
    from urllib.parse import urlsplit

    import msgspec

    from crawler.archive import list_capture_files
    from scheduler.cli.common import format_counts
    from scheduler.crawls.reparse import reparse_archive
    from scheduler.service import lock_ledger

    service = get_service(context)
    sources = {name: urlsplit(s.url).netloc for name, s in service.config.sources.items()}
    found = list(files) or list_capture_files(service.config.archive.path)
    with lock_ledger(service), show_progress() as display:
        task = display.add_task("reading the archive", total=None)
        step = partial(display.advance, task)
        done = reparse_archive(service.ledger, found, sources, step, dry_run=dry_run)
    differing = (
        f"; fields that differ: {format_counts(done.differing_fields)}"
        if done.differing_fields
        else ""
    )
    print_result(
        f"{format_counts(done.counts)}{differing}", msgspec.to_builtins(done), as_json=as_json
    )
    return ExitStatus.OK


def _first_of_month(moment: datetime) -> date:
    return moment.date().replace(day=1)


COMMANDS = (status, approvals, approve, backfill, reparse)

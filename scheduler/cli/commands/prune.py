"""The command that deletes what is old: prune."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger.retention import RetentionLimits, count_old, prune
from scheduler.cli.options import RecordedCommand
from scheduler.cli.output import print_result
from scheduler.cli.parameters import PastDate, WholeNumber
from scheduler.cli.service import get_service
from scheduler.cli.tables import format_table

#: What counts and alarms look back at is kept: 92 days.
_MIN_DAYS = 100
#: No ledger is older than the service.
_FIRST_DAY = date(2020, 1, 1)


class PrunedLedger(msgspec.Struct, frozen=True):
    """What was deleted because it is old."""

    limits: RetentionLimits  #: what was done before is deleted
    rows: dict[str, int]  #: by table
    deleted: bool  #: false with `--dry-run`


@click.command(cls=RecordedCommand, data=(PrunedLedger,), unless="dry_run")
@click.option("--before", type=PastDate(_FIRST_DAY), metavar="DATE", help="Delete what is older.")
@click.option(
    "--keep", type=WholeNumber(_MIN_DAYS, 36_500), metavar="DAYS", help="Keep the last days."
)
@click.option("--dry-run", is_flag=True, help="Print what would be deleted; delete nothing.")
@click.pass_context
def prune_command(
    context: click.Context, before: date | None, keep: int | None, dry_run: bool
) -> int:
    """Delete what became of old messages, and old crawl runs.

    The daemon does it once a day, for what is older than [retention] in the config says. Questions,
    their changes and what matched them are the archive, and are kept, and so are subscribers. What
    counts and alarms look back at is kept too: the last 100 days. Other work goes on meanwhile.

    \b
    Examples:
      watchword prune --dry-run
      watchword prune --keep 365
      watchword prune --before 2025-01-01
    """
    service = get_service(context)
    now = service.clock()
    limits = _choose_limits(before, keep, now) or service.config.retention.compute_limits(now)
    if dry_run:
        with service.ledger.reading() as connection:
            rows = dict(count_old(connection, limits))
    else:
        rows = dict(prune(service.ledger, limits))
    _print(PrunedLedger(limits, rows, deleted=not dry_run))
    return ExitStatus.OK


def _choose_limits(before: date | None, keep: int | None, now: datetime) -> RetentionLimits | None:
    """Return the limits that were asked for; None for those of the config."""
    if before is not None and keep is not None:
        raise click.UsageError("--before and --keep exclude each other")
    if keep is not None:
        return RetentionLimits(now - timedelta(days=keep), now - timedelta(days=keep))
    if before is None:
        return None
    moment = datetime(before.year, before.month, before.day, tzinfo=UTC)
    if moment > now - timedelta(days=_MIN_DAYS):
        raise click.UsageError(f"--before: the last {_MIN_DAYS} days are kept")
    return RetentionLimits(moment, moment)


def _print(result: PrunedLedger) -> None:
    rows = [(name, f"{number:,}") for name, number in sorted(result.rows.items())]
    heading = "Rows deleted" if result.deleted else "Rows to delete"
    print_result(format_table(("Table", heading), rows, nothing="Nothing is old."), result)

"""The command that restores a backup: restore."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import DatabaseURL
from crawler.storage import FolderError
from scheduler import redaction
from scheduler.backup import OpenedBackup, Restore, RestoredState, find_backup
from scheduler.cli.config import configure_logs
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand, get_options
from scheduler.cli.output import format_moment, format_plural, print_result
from scheduler.cli.service import describe_actor
from scheduler.clock import wall_clock
from scheduler.config import DEFAULT_PATH


class RestoreReport(msgspec.Struct, frozen=True):
    """A backup that was restored, or only verified."""

    backup: str
    made_at: datetime
    version: str  #: of the program that made it
    restored: bool  #: false with `--dry-run`
    schema: str  #: of the ledger: after the upgrade, if it was restored
    rows: int  #: of the ledger, in all tables
    sent_keys: int  #: of the sent log in the backup
    captures: int  #: files that were added to the archive; with `--dry-run`, those of the backup
    ledger: str | None  #: where it is now
    aside: str | None  #: the folder into which the former ledger was moved
    files: list[str]  #: the config, secrets and templates that were added
    left_out: tuple[str, ...]  #: secrets that are not in the backup, by where they came from


@click.command(cls=RecordedCommand, data=(RestoreReport,), unless="dry_run")
@click.argument("backup", metavar="BACKUP")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Restore everything into a new folder, for a trial or another machine.",
)
@click.option("--ledger", "ledger_url", metavar="URL", help="With --to: an empty database.")
@click.option("--replace", is_flag=True, help="Move a ledger that is there aside.")
@click.option("--dry-run", is_flag=True, help="Verify the backup; restore nothing.")
@click.pass_context
def restore_command(
    context: click.Context,
    backup: str,
    target: Path | None,
    ledger_url: str | None,
    replace: bool,
    dry_run: bool,
) -> int:
    """Restore a backup, all or nothing.

    BACKUP is one backup, or a folder or URL with several, of which the newest is taken. The ledger
    is put where the config says, upgraded to the schema of this program. A missing config comes
    from the backup. Files that are there stay: config, secrets, captures, and the sent log, to
    which the one of the backup is added, so that nothing is sent a second time. Every checksum is
    verified first.

    \b
    Examples:
      watchword restore /srv/backups --dry-run
      watchword restore /srv/backups/watchword-20261127T003305Z
      watchword restore s3://bucket/watchword --to /srv/trial
    """
    _check_options(target, ledger_url, replaces=replace)
    configure_logs(context)
    if ledger_url is not None:
        redaction.hide([DatabaseURL(ledger_url)])
        if DatabaseURL(ledger_url).has_password:
            print_error("the password in URL can be seen in the list of processes: use ~/.pgpass")
    try:
        found = find_backup(backup)
    except FolderError as error:
        raise click.UsageError(f"BACKUP: {error}") from error
    if dry_run:
        _print(found, None, target)
        return ExitStatus.OK
    restore = Restore(found, describe_actor(), wall_clock())
    if target is not None:
        state = restore.restore_into_folder(target, ledger_url)
    else:
        file = get_options(context).config_path or DEFAULT_PATH
        state = restore.restore_in_place(file, replaces=replace)
    _print(found, state, target)
    return ExitStatus.OK


def _check_options(target: Path | None, ledger_url: str | None, *, replaces: bool) -> None:
    if ledger_url is not None and target is None:
        raise click.UsageError("--ledger needs --to; without it, ledger.url of the config counts")
    if replaces and target is not None:
        raise click.UsageError("--replace and --to exclude each other: FOLDER must be new")


def _verify(found: OpenedBackup) -> None:
    with TemporaryDirectory(prefix="watchword-restore-") as folder:
        found.fetch_parts(Path(folder))
    found.verify_captures()


def _print(found: OpenedBackup, state: RestoredState | None, target: Path | None) -> None:
    manifest = found.manifest
    if state is None:
        _verify(found)
    held = state.state if state else manifest.ledger
    report = RestoreReport(
        backup=str(found),
        made_at=manifest.made_at,
        version=manifest.version,
        restored=state is not None,
        schema=held.schema,
        rows=sum(held.rows.values()),
        sent_keys=manifest.sent_keys,
        captures=state.captures if state else len(manifest.captures),
        ledger=state.ledger if state else None,
        aside=state.aside if state else None,
        files=state.files if state else [],
        left_out=manifest.left_out,
    )
    print_result("\n".join(_format(report, target)), report)


def _format(report: RestoreReport, target: Path | None) -> Iterator[str]:
    what = "restored" if report.restored else "whole, and not restored:"
    yield (
        f"{what} {report.backup}, made on {format_moment(report.made_at)} by watchword"
        f" {report.version}: {format_plural(report.rows, 'row')} of the ledger (schema"
        f" {report.schema}), {format_plural(report.sent_keys, 'key')} of the sent log,"
        f" {format_plural(report.captures, 'file')} of captures"
    )
    if not report.restored:
        return
    yield f"ledger: {report.ledger}"
    if report.aside:
        yield f"the former ledger is in {report.aside}: delete it once you are sure"
    yield from (f"added: {file}" for file in report.files)
    yield from (f"not in the backup, put it back yourself: {one}" for one in report.left_out)
    yield "Next:"
    yield from (f"  {number}. {step}" for number, step in enumerate(_list_steps(target), start=1))


def _list_steps(target: Path | None) -> Iterator[str]:
    if target is not None:
        yield f"cd {shlex.quote(str(target))}"
        yield (
            'for a trial, set mail.channel = "maildir" in config.toml: what was due is sent from'
            " here too"
        )
    yield "watchword config; watchword status"
    yield "watchword forget EMAIL, for everybody whose data was deleted since the backup"
    yield "watchword secrets rotate --at-once, because numbers of messages are used again"
    yield "start watchword run: what was due is sent, and what the sent log knows is not"

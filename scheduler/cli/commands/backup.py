"""The command that backs the service up: backup."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import click
import msgspec

from alerts.errors import ExitStatus, WatchwordError
from crawler.storage import Folder, FolderError, LocalFolder, RemoteFolder, parse_folder
from scheduler.backup import (
    BackupOrder,
    FinishedBackup,
    make_backup,
    note_backup,
    note_failed_backup,
    open_source,
)
from scheduler.cli.config import get_config
from scheduler.cli.errors import print_hint
from scheduler.cli.options import RecordedCommand, get_options
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.parameters import WholeNumber
from scheduler.cli.progress import ProgressDisplay, ProgressTask, progress_option, show_progress
from scheduler.cli.service import get_service
from scheduler.cli.sizes import format_size
from scheduler.clock import wall_clock
from scheduler.config import DEFAULT_PATH


class BackupReport(msgspec.Struct, frozen=True):
    """A backup that was made and verified."""

    name: str  #: `watchword-20261127T003305Z`
    place: str  #: the folder of backups
    made_at: datetime
    schema: str  #: of the ledger: `0034`
    rows: int  #: of the ledger, in all tables
    sent_keys: int  #: of the sent log
    captures: int  #: files of the archive
    bytes: int  #: of all that belongs to it, captures that it shares with others as well
    left_out: tuple[str, ...]  #: secrets that are not in it, by where they come from
    deleted: list[str]  #: older backups


class BackupFolder(click.ParamType[Folder]):
    """A folder of this machine, or a URL of an object store."""

    name = "folder"

    def convert(
        self, value: str | Folder, param: click.Parameter | None, ctx: click.Context | None
    ) -> Folder:
        """Return the folder; fail where a URL cannot be used."""
        if isinstance(value, Folder):
            return value
        try:
            folder = parse_folder(value)  # a URL with a password is refused
            if isinstance(folder, RemoteFolder):
                folder.check()
            elif folder.path is not None:
                # The log of actions names it, and nobody knows then from where it was written.
                folder = LocalFolder(folder.path.absolute())
        except FolderError as error:
            self.fail(str(error), param, ctx)
        return folder


@click.command(cls=RecordedCommand, data=(BackupReport,), about="target", names_place=True)
@click.argument("target", metavar="DIR|URL", type=BackupFolder())
@click.option(
    "--keep", type=WholeNumber(1, 10_000), help="Keep the newest N good backups; delete older ones."
)
@click.option("--without-secrets", is_flag=True, help="Leave out passwords and keys of the config.")
@click.option("--without-captures", is_flag=True, help="Leave out the archive of captures.")
@progress_option
@click.pass_context
def backup_command(
    context: click.Context,
    target: Folder,
    keep: int | None,
    without_secrets: bool,
    without_captures: bool,
) -> int:
    """Back up the service into a folder or an object store.

    A backup holds the ledger, the sent log, the captures, the config, and the secrets and templates
    that it names. The service goes on meanwhile. Captures that are in DIR already are not copied
    again. The copy of the ledger is opened and compared before the backup counts. A ledger of an
    older schema is backed up as it is, so this can be run before an upgrade.

    On PostgreSQL pg_dump is needed. A backup holds personal data, also without secrets.

    \b
    Examples:
      watchword backup /srv/backups --keep 14
      watchword backup s3://bucket/watchword --without-secrets
    """
    config, file = get_config(context), get_options(context).config_path or DEFAULT_PATH
    order = BackupOrder(
        config=config,
        config_file=file if file.exists() else None,
        target=target,
        keep=keep,
        with_secrets=not without_secrets,
        with_captures=not without_captures,
    )
    finished = _make_backup(context, order)
    for source in finished.manifest.left_out:
        print_hint(f"not in the backup: {source}")
    _print(finished, target)
    return ExitStatus.OK


def _make_backup(context: click.Context, order: BackupOrder) -> FinishedBackup:
    """Make a backup; note it, and how it went, in a ledger of the newest schema."""
    ledger, is_newest = open_source(order.config)
    begun_at = wall_clock()
    with closing(ledger), show_progress() as display:
        if not is_newest:
            print_hint("the ledger has an older schema: it is backed up as it is")
            return make_backup(ledger, order, begun_at, _BackupProgress(display).report)
        noted = get_service(context).ledger
        try:
            finished = make_backup(ledger, order, begun_at, _BackupProgress(display).report)
        except WatchwordError as error:
            note_failed_backup(noted, error, begun_at, wall_clock())
            raise
        if not noted.is_read_only:
            note_backup(noted, begun_at, wall_clock())
    return finished


#: What is counted of each part.
_NOUNS = {"ledger": "page", "captures": "file"}


class _BackupProgress:
    """Shows how far each part is."""

    def __init__(self, display: ProgressDisplay) -> None:
        self._display = display
        self._tasks: dict[str, ProgressTask] = {}

    def report(self, what: str, done: int, total: int) -> None:
        """Show how much of a part is done, and of how much."""
        if what not in self._tasks:
            self._tasks[what] = self._display.start(f"copying {what}", _NOUNS[what])
        self._tasks[what].set_done(done, total)


def _print(finished: FinishedBackup, target: Folder) -> None:
    manifest = finished.manifest
    report = BackupReport(
        name=manifest.name,
        place=str(target),
        made_at=manifest.made_at,
        schema=manifest.ledger.schema,
        rows=sum(manifest.ledger.rows.values()),
        sent_keys=manifest.sent_keys,
        captures=len(manifest.captures),
        bytes=manifest.size,
        left_out=manifest.left_out,
        deleted=finished.deleted,
    )
    copied = (
        f"{format_plural(report.rows, 'row')} of the ledger (schema {report.schema}),"
        f" {format_plural(report.sent_keys, 'key')} of the sent log,"
        f" {format_plural(report.captures, 'file')} of captures, {format_size(report.bytes)}"
    )
    lines = [f"backed up into {target}/{manifest.name}: {copied}; opened and compared"]
    lines += [f"deleted {name}" for name in finished.deleted]
    print_result("\n".join(lines), report)

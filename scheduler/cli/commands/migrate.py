"""The command that moves the ledger to another database: migrate-to."""

from __future__ import annotations

from contextlib import closing

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.ledger import DatabaseURL, Ledger, name_ledger, transfer
from alerts.ledger.transfer import TableCopy
from alerts.search import index_questions
from scheduler.cli.errors import print_error
from scheduler.cli.options import RecordedCommand
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.progress import ProgressDisplay, ProgressTask, progress_option, show_progress
from scheduler.cli.service import get_service
from scheduler.service import lock_ledger

#: Questions between two reports of progress: about half a second.
_INDEXED_AT_A_TIME = 100


class CopiedLedger(msgspec.Struct, frozen=True):
    """A ledger that was copied. Each row was compared with that of the copy."""

    source: str
    target: str
    tables: list[TableCopy]
    indexed: int  #: questions whose words were indexed for search in the copy


@click.command(cls=RecordedCommand, data=(CopiedLedger,))
@click.argument("url", metavar="URL")
@progress_option
@click.pass_context
def migrate_to_command(context: click.Context, url: str) -> int:
    """Copy the ledger into another database.

    From SQLite to PostgreSQL or back. URL names an empty database, as ledger.url does. Nothing else
    may work on the ledger meanwhile. Every row of the copy is compared with the ledger; a copy that
    was broken off goes on when the command is run again. The ledger itself stays as it is. Put URL
    into ledger.url afterwards, and keep the folder of the sent log.

    A password is read from PGPASSWORD or ~/.pgpass: whoever is on this machine sees one in URL.

    \b
    Examples:
      watchword migrate-to postgresql://watchword@db.example.org/watchword
      watchword migrate-to sqlite:///var/ledger.sqlite3
    """
    shown, target = DatabaseURL(url), name_ledger(url)
    service = get_service(context)
    if shown.has_password:
        print_error("the password in URL can be seen in the list of processes: use ~/.pgpass")
    with lock_ledger(service) as service, show_progress() as display:
        copy, tables = transfer.copy_ledger(service.ledger, url, _Progress(display).report)
        with closing(copy):
            indexed = _index_words(copy, display)
    rows = sum(table.rows for table in tables)
    source = name_ledger(service.config.ledger.url.reveal())
    print_result(
        f"copied {format_plural(rows, 'row')} of {format_plural(len(tables), 'table')} and compared"
        f' each; now set ledger.url = "{shown}" and start again',
        CopiedLedger(source, target, tables, indexed),
    )
    return ExitStatus.OK


class _Progress:
    """Shows how far each table is."""

    def __init__(self, display: ProgressDisplay) -> None:
        self._display = display
        self._table = ""
        self._task: ProgressTask | None = None

    def report(self, table: str, done: int, total: int) -> None:
        """Show how many rows of a table are done, and of how many."""
        if self._task is None or table != self._table:
            self._table, self._task = table, self._display.start(f"copying {table}", "row")
        self._task.set_done(done, total)


def _index_words(copy: Ledger, display: ProgressDisplay) -> int:
    """Index the words of all questions for search; return their number."""
    task = display.start("indexing for search", "question")
    indexed = 0
    while some := index_questions(copy, _INDEXED_AT_A_TIME):
        indexed += some
        task.set_done(indexed, None)
    return indexed

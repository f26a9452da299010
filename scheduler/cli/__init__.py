"""The command line: parses arguments, calls the service and prints results.

It decides nothing about questions, topics or messages; that is what ``alerts`` is for. A command is
imported when it is used (see ``scheduler.cli.group``), so ``watchword --help`` is quick although
all imports are at the top of their modules.
"""

from __future__ import annotations

import sys

import click

from alerts.errors import ExitStatus
from scheduler.cli.documents import JsonDocument, is_json_wanted
from scheduler.cli.errors import describe_error, write_error
from scheduler.cli.group import watchword
from scheduler.cli.options import GlobalOptions
from scheduler.cli.umask import private_files
from scheduler.redaction import print_defect, redact_line

__all__ = ["main", "watchword"]


def main() -> None:
    """Run the command that ``sys.argv`` names, and exit with its status.

    An expected error is printed as one line on standard error, or as a JSON document there if
    ``--json`` is among the arguments; a defect keeps its traceback.
    """
    sys.excepthook = print_defect
    document = JsonDocument(is_wanted=is_json_wanted(sys.argv[1:]))
    status: object = ExitStatus.OK
    try:
        with private_files() as users_umask:
            status = watchword.main(
                prog_name="watchword",
                standalone_mode=False,
                obj=GlobalOptions(users_umask=users_umask, document=document),
            )
        sys.stdout.flush()  # a full disk is found here and not while Python exits
    except (Exception, KeyboardInterrupt) as error:
        described = describe_error(error)
        if described is None:
            raise
        line, status = described
        _report(error, line, status, document)
        _drop_unwritten_output()
    sys.exit(status if isinstance(status, int) else ExitStatus.OK)


def _report(error: BaseException, line: str, status: ExitStatus, document: JsonDocument) -> None:
    """Print what ended the command; after wrong usage, where its help is."""
    if document.is_wanted:
        if isinstance(error, click.UsageError) and error.ctx is not None:
            document.command = error.ctx.command_path.partition(" ")[2]
        document.print_error(status, redact_line(line))
        return
    if status != ExitStatus.INTERRUPTED:
        write_error(line)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
        click.echo(f"{error.ctx.get_usage()}\nTry '{path} --help' for help.", err=True)


def _drop_unwritten_output() -> None:
    """Forget what could not be written, which Python would try to write once more as it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = sys.__stdout__ = None  # type: ignore[misc]

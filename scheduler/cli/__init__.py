"""The command line: parses arguments, calls the service and prints results.

It decides nothing about questions, topics or messages; that is what ``alerts`` is for. A command is
imported when it is used (see ``scheduler.cli.group``), so ``watchword --help`` is quick although
all
imports are at the top of their modules.
"""

from __future__ import annotations

import sys

import click

from alerts.errors import ExitStatus
from scheduler.cli.errors import describe_error, print_error
from scheduler.cli.group import watchword
from scheduler.cli.options import GlobalOptions
from scheduler.cli.umask import private_files
from scheduler.logs import print_defect

__all__ = ["main", "watchword"]


def main() -> None:
    """Run the command that ``sys.argv`` names, and exit with its status.

    An expected error is printed as one line on standard error; a defect keeps its traceback.
    """
    sys.excepthook = print_defect
    try:
        with private_files() as users_umask:
            status = watchword.main(
                prog_name="watchword",
                standalone_mode=False,
                obj=GlobalOptions(users_umask=users_umask),
            )
        sys.stdout.flush()  # a full disk is found here and not while Python exits
    except click.UsageError as error:
        error.show()
        sys.exit(ExitStatus.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitStatus.CONFIG)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(ExitStatus.INTERRUPTED)
    except Exception as error:
        described = describe_error(error)
        if described is None:
            raise
        line, status = described
        print_error(line)
        _drop_unwritten_output()
    sys.exit(status if isinstance(status, int) else ExitStatus.OK)


def _drop_unwritten_output() -> None:
    """Forget what could not be written, which Python would try to write once more as it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = sys.__stdout__ = None  # type: ignore[misc]

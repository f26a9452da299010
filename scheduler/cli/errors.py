"""Errors of a command: one line on standard error, and the exit status."""

from __future__ import annotations

import errno

import click

from alerts.errors import ExitStatus, WatchwordError
from scheduler.cli.options import choose_colour, get_options
from scheduler.redaction import redact_line

#: Errors of a device that takes no more data. They come without the name of a file.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


def print_error(line: str) -> None:
    """Write one line to standard error; with ``--json``, add it to the document's warnings."""
    if not _add_warning(line):
        write_error(line)


def print_hint(line: str) -> None:
    """Write advice to standard error; with ``--json``, add it to the document's warnings."""
    if not _add_warning(line):
        click.echo(redact_line(line), err=True)


def _add_warning(line: str) -> bool:
    """Add a line to the document's warnings, if there will be a document."""
    context = click.get_current_context(silent=True)
    document = get_options(context).document if context else None
    if document is None or not document.is_wanted:
        return False
    document.add_warning(redact_line(line))
    return True


def write_error(line: str) -> None:
    """Write one line to standard error, after the name of the program."""
    name = click.style("watchword:", fg="red", bold=True)
    click.echo(f"{name} {redact_line(line)}", err=True, color=choose_colour())


def describe_error(error: BaseException) -> tuple[str, ExitStatus] | None:
    """Return the line to print for an error and the exit status, or None for a defect.

    Wrong usage is expected, and so is Ctrl-C. Other expected errors are those that derive from
    :class:`WatchwordError`, and errors of the operating system that name a file or say that nothing
    can be written, as on a full disk. Anything else is a defect: its traceback says more than a
    line could.
    """
    match error:
        case click.exceptions.NoArgsIsHelpError():
            described = "Missing command.", ExitStatus.USAGE  # its own message is the whole help
        case click.UsageError():
            described = error.format_message(), ExitStatus.USAGE
        case click.ClickException():
            described = error.format_message(), ExitStatus.CONFIG
        case click.Abort() | KeyboardInterrupt():
            described = "interrupted", ExitStatus.INTERRUPTED
        case WatchwordError():
            described = " ".join(str(error).split()), error.exit_status
        case OSError() if error.filename:
            described = f"{error.filename}: {error.strerror}", ExitStatus.DATA
        case OSError() if error.errno in _UNWRITABLE:
            described = f"the output cannot be written: {error.strerror}", ExitStatus.RETRY
        case _:
            return None
    return described

"""Errors of a command: one line on standard error, and the exit status."""

from __future__ import annotations

import errno
import sys

from alerts.errors import ExitStatus, WatchwordError
from scheduler.logs import redact_line

#: Errors of a device that takes no more data. They come without the name of a file.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


def print_error(line: str) -> None:
    """Write one line to standard error, after the name of the program."""
    sys.stderr.write(f"watchword: {redact_line(line)}\n")


def describe_error(error: Exception) -> tuple[str, ExitStatus] | None:
    """Return the line to print for an error and the exit status, or None for a defect.

    Expected errors are those that derive from :class:`WatchwordError`, and errors of the operating
    system that name a file or say that nothing can be written, as on a full disk. Anything else is
    a defect: its traceback says more than a line could.
    """
    if isinstance(error, WatchwordError):
        return " ".join(str(error).split()), error.exit_status
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", ExitStatus.DATA
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return f"the output cannot be written: {error.strerror}", ExitStatus.RETRY
    return None

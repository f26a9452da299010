"""Errors of a command: one line on standard error and an exit status."""

from __future__ import annotations

import sys

from alerts.errors import ExitStatus, WatchwordError


def print_error(line: str) -> None:
    """Write one line to standard error, with the program's name before it."""
    sys.stderr.write(f"watchword: {line}\n")


def describe_error(error: Exception) -> tuple[str, ExitStatus] | None:
    """Return the line to print for an error and the exit status, or None for an unexpected one.

    Expected are the errors that derive from :class:`WatchwordError`, and those of the operating
    system that name a file. Anything else is a defect, whose traceback is worth more than a line.
    """
    if isinstance(error, WatchwordError):
        return " ".join(str(error).split()), error.exit_status
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", ExitStatus.DATA
    return None

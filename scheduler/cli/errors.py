"""Errors of a command: one line on standard error, and the exit status."""

from __future__ import annotations

import sys

from alerts.errors import ExitStatus, WatchwordError


def print_error(line: str) -> None:
    """Write one line to standard error, after the name of the program."""
    sys.stderr.write(f"watchword: {line}\n")


def describe_error(error: Exception) -> tuple[str, ExitStatus] | None:
    """Return the line to print for an error and the exit status, or None for a defect.

    Expected errors are those that derive from :class:`WatchwordError`, and errors of the operating
    system that name a file. Anything else is a defect: its traceback says more than a line could.
    """
    if isinstance(error, WatchwordError):
        return " ".join(str(error).split()), error.exit_status
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", ExitStatus.DATA
    return None

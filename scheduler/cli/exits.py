"""Exit statuses (after sysexits.h), and known errors as one line each."""

from __future__ import annotations

import sys

OK = 0
PARTLY = 1
USAGE = 64
BAD_DATA = 65
UNAVAILABLE = 69
BUSY = 75
CONFIG = 78


def print_error(line: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"watchword: {line}\n")


def describe_error(error: Exception) -> tuple[str | None, int]:
    """The line and exit status of an error that we know; no line for a defect of ours."""
    from alerts.ledger import LedgerError
    from alerts.model import AddressError
    from alerts.queries.parse import QueryError
    from alerts.rendering.templates import TemplatesError
    from scheduler.bounce_mailbox import MailboxError
    from scheduler.config.loader import ConfigError
    from scheduler.service import LedgerBusyError

    known: dict[type[Exception], int] = {
        ConfigError: CONFIG,
        LedgerError: BAD_DATA,
        QueryError: USAGE,
        AddressError: USAGE,
        TemplatesError: CONFIG,
        LedgerBusyError: BUSY,
        MailboxError: BAD_DATA,
    }
    for kind, status in known.items():
        if isinstance(error, kind):
            return " ".join(str(error).split()), status
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", BAD_DATA
    return None, PARTLY

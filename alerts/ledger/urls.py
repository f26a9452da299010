"""The database's address: which URLs the ledger can be opened at."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from alerts.errors import ExitStatus, WatchwordError

_SQLITE = "sqlite:///"
#: The highest TCP port.
_MAX_PORT = 65535


class LedgerError(WatchwordError):
    """The ledger cannot be used. The message names it and says what to do."""

    exit_status = ExitStatus.DATA


def check_url(url: str) -> None:
    """Check that a URL is one that a ledger can have. Nothing is opened.

    Raises:
        LedgerError: It is not; the message says why.
    """
    parse_url(url)


def parse_url(url: str) -> URL:
    """Return a database's URL in its parts.

    What follows ``sqlite:///`` is the path of the file, unchanged: a ``?`` or ``#`` in it is part
    of the name.

    Args:
        url: ``sqlite:///var/ledger.sqlite3`` or ``postgresql://...``.

    Raises:
        LedgerError: The URL is wrong, or is that of another kind of database.
    """
    if url.startswith(_SQLITE) and url not in {_SQLITE, f"{_SQLITE}:memory:"}:
        return URL.create("sqlite", database=url.removeprefix(_SQLITE))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise LedgerError(
            f"ledger.url: {_hide(url)} is not a database URL, like sqlite:///var/ledger.sqlite3"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        raise LedgerError("ledger.url: a SQLite ledger needs a file: sqlite:///var/ledger.sqlite3")
    if parsed.get_backend_name() != "postgresql":
        raise LedgerError(
            f"ledger.url: {parsed.drivername}:// is not supported; there are sqlite:/// and postgresql://"
        )
    if parsed.port is not None and not 0 < parsed.port <= _MAX_PORT:
        raise LedgerError(f"ledger.url: {parsed.port} is not a port: expected 1 to {_MAX_PORT}")
    return parsed.set(drivername="postgresql+psycopg")


def name_ledger(url: str) -> str:
    """Return which ledger a URL names, for the operator: a file, or a URL without its password.

    Raises:
        LedgerError: The URL is wrong.
    """
    parsed = parse_url(url)
    if file := find_file(url):
        return str(file.absolute())
    return parsed.set(drivername="postgresql").render_as_string(hide_password=True)


def find_file(url: str) -> Path | None:
    """Return the file of a SQLite ledger, None for another database.

    Raises:
        LedgerError: The URL is wrong.
    """
    parsed = parse_url(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def _hide(url: str) -> str:
    """Return the scheme of a URL that cannot be parsed: the rest may hold a password."""
    scheme, separator, _ = url.partition("://")
    return f"{scheme}{separator}..." if separator else repr(url)

"""The database's address: which URLs the ledger can be opened at."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from alerts.errors import ExitStatus, WatchwordError
from alerts.secret import Secret

_SQLITE = "sqlite:///"
#: The highest TCP port.
_MAX_PORT = 65535


class LedgerError(WatchwordError):
    """The ledger cannot be used. The message names it and says what to do."""

    exit_status = ExitStatus.DATA


class DatabaseURL(Secret):
    """The SQLAlchemy URL of a database: shown without its password, and without its options.

    In the config, the path of a SQLite file is taken from the config's folder.
    """

    __slots__ = ()

    def __str__(self) -> str:
        try:
            return format_url(parse_url(self.reveal()))
        except LedgerError:
            return _hide(self.reveal())

    @property
    def has_password(self) -> bool:
        """Whether a password stands in it."""
        try:
            return parse_url(self.reveal()).password is not None
        except LedgerError:
            return False

    def list_hidden_parts(self) -> list[str]:
        """Return the URL, if it is not shown whole, its password and the values of its options."""
        url = self.reveal()
        if str(self) == url:
            return []
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            return [url]
        options = [value for values in parsed.normalized_query.values() for value in values]
        return [url, *filter(None, [parsed.password, *options])]


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
    if file := find_file(url):
        return str(file.absolute())
    return format_url(parse_url(url))


def format_url(url: URL) -> str:
    """Return the URL of an engine without its password and options: for PostgreSQL ``?...``."""
    if url.get_backend_name() == "sqlite":
        return f"{_SQLITE}{url.database}"
    shown = url.set(drivername="postgresql").difference_update_query(url.query)
    return shown.render_as_string(hide_password=True) + ("?..." if url.query else "")


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
    return f"{scheme}{separator}..." if separator else "what it holds"

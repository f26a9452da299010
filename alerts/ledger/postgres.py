"""Connections to PostgreSQL, and how transactions begin on it.

Everything here works through PgBouncer in transaction mode, where each transaction may run in
another session of the server: nothing is set for a session, no statement is prepared, nothing
listens, and no lock outlives its transaction. What a transaction needs is sent together with its
``BEGIN``, so it takes no round trip of its own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from alerts.errors import MissingExtra

#: "watchw" in ASCII, so that it differs from the advisory locks of others in the same database.
LOCK_KEYS = 0x776174636877
#: Held by the one transaction that may write anything.
WRITE_LOCK_KEY = LOCK_KEYS + 1

#: What PostgreSQL's client library is told, so that no wait for the server is endless: seconds to
#: connect, to the first probe of a silent connection, between probes, how many probes may fail, and
#: the milliseconds that sent bytes may stay without an acknowledgement.
_DEADLINES: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "prepare_threshold": None,  # PgBouncer knows prepared statements only since version 1.21
}
#: The most bytes of a session's name.
_MAX_NAME = 63

#: - A lock: as long as SQLite waits for one.
#: - A statement: the longest ones, which count or mask a million rows, take 20 s. What takes longer
#:   is a mistake, and nobody waits for its result any more.
#: - Between two statements: matching compiles topics meanwhile, and composing renders. A process
#:   that stands still must not hold up the others, or the clean-up of old rows, for ever.
_LIMITS = (
    "SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = '5min';"
    " SET LOCAL idle_in_transaction_session_timeout = '5min'"
)
BEGIN_READING = f"BEGIN READ ONLY; {_LIMITS}"
#: Of one that sees the database as it was at its first statement, and may take hours: a copy. The
#: level stands in the statement, because a level that the driver is given is for its own BEGIN.
BEGIN_SNAPSHOT = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '30s';"
    " SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
)
BEGIN_WRITING_SHARD = f"BEGIN; {_LIMITS}"
BEGIN_WRITING = f"BEGIN; {_LIMITS}; SELECT pg_advisory_xact_lock({WRITE_LOCK_KEY})"
#: Of one step of an upgrade. Whoever wants a table waits behind a step that waits for it, so a step
#: does so for a short time and is tried again; what it does then may take as long as it must.
BEGIN_MIGRATION = (
    "BEGIN; SET LOCAL lock_timeout = '3s'; SET LOCAL idle_in_transaction_session_timeout = '5min';"
    f" SELECT pg_advisory_xact_lock({WRITE_LOCK_KEY})"
)


def create_postgres_engine(
    url: URL, role: str = "", begin: str = BEGIN_WRITING_SHARD, **options: Any
) -> Engine:
    """Return an engine whose transactions begin with a statement, its execution option ``begin``.

    Args:
        url: Of the database, with the driver psycopg.
        role: What the process does, for example ``run``. PostgreSQL shows it in
            ``pg_stat_activity``, after "watchword".
        begin: The statement where a connection has no such option.
        options: For SQLAlchemy's ``create_engine``.

    Raises:
        MissingExtra: The driver is not installed.
    """
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            connect_args=_list_arguments(url, role),
            execution_options={"begin": begin},
            **options,
        )
    except ModuleNotFoundError as error:
        raise MissingExtra("postgres", "psycopg", "a ledger on PostgreSQL") from error
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def build_connect_arguments(url: URL, role: str) -> dict[str, Any]:
    """Return what the driver is to connect with, for connections that are not of the engine.

    Arguments as of :func:`create_postgres_engine`.
    """
    _, found = url.get_dialect()().create_connect_args(url)
    found.pop("context", None)  # SQLAlchemy's own types
    return {**found, **_list_arguments(url, role)}


def _list_arguments(url: URL, role: str) -> dict[str, Any]:
    arguments = {**_DEADLINES, "application_name": f"watchword {role}".strip()[:_MAX_NAME]}
    return {key: value for key, value in arguments.items() if key not in url.query}


def _on_connect(connection: Any, _record: Any) -> None:
    # By itself the driver sends a BEGIN of its own before the first statement: `_on_begin` does.
    connection.autocommit = True


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return  # a migration makes an index without a transaction
    driver: Any = connection.connection.driver_connection
    driver.autocommit = True  # SQLAlchemy changes it after such an index
    connection.exec_driver_sql(options["begin"])

"""The number of a ledger's schema: which migrations it has seen.

A ledger that another one is being copied into has a mark before the number, so that nothing but the
copying opens it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).parent / "migrations"

_UNFINISHED_COPY = "unfinished copy at "


def get_newest() -> str:
    """Return the number of the newest schema.

    It is that of the newest file, and found without Alembic: every command opens the ledger, and
    Alembic takes 0.2 s to import.
    """
    return max(list_known())


def list_known() -> set[str]:
    """Return the numbers of all schemas that this program can upgrade from."""
    return {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("0*.py")}


def find(connection: Connection) -> str | None:
    """Return the number of the schema, without the mark of a copy; None for an empty database."""
    found = _read(connection)
    return None if found is None else found.removeprefix(_UNFINISHED_COPY)


def is_unfinished_copy(connection: Connection) -> bool:
    """Return whether another ledger was not copied into this one completely."""
    return (_read(connection) or "").startswith(_UNFINISHED_COPY)


def mark_copy(connection: Connection, *, is_finished: bool) -> None:
    """Mark a ledger of the newest schema as an unfinished copy, or as finished."""
    mark = "" if is_finished else _UNFINISHED_COPY
    connection.execute(
        text("UPDATE alembic_version SET version_num = :found"), {"found": mark + get_newest()}
    )


def _read(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)

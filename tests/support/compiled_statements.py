"""SQL that all ledgers of a test process share in its compiled form.

Each engine of SQLAlchemy keeps the statements that it has compiled, as the one of a running service
does for weeks. Nearly every test opens a ledger of its own, and would compile all statements again:
a sixth of its processor time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

#: More than there are statements in the code; some have many forms.
_MAX_STATEMENTS = 5_000


class _SharedStatements(LRUCache[Any, Any]):
    """Compiled statements by their keys, in which a dialect stands for all that write the same."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_share_key(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_share_key(key), value)


def _share_key(key: Any) -> tuple[object, ...]:
    dialect: Dialect = key[0]
    written_alike = (dialect.name, dialect.driver, dialect.paramstyle, dialect.server_version_info)
    return (*written_alike, *key[1:])


@contextmanager
def share_compiled_statements() -> Iterator[None]:
    """Let all engines of this process share what they compile within the block."""
    shared = _SharedStatements(_MAX_STATEMENTS)

    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=shared)

    event.listen(Engine, "engine_connect", share)
    try:
        yield
    finally:
        event.remove(Engine, "engine_connect", share)

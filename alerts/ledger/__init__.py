"""The ledger: the database, and everything in the service that must not be lost.

Owns the tables, their migrations, and the transactions (:class:`Ledger`). Each noun has a module
of functions that are used with the module's name: ``subscriptions.list_active(connection)``. These
modules are the face of the package, together with the names below; engine, schema, records,
migrations and upgrade are private. The ledger must not know how digests are composed, how pages
are searched, or how messages are written and sent.

For all functions: ``connection`` is in a transaction that the caller opened with
:meth:`Ledger.writing`, :meth:`Ledger.writing_shard` or :meth:`Ledger.reading`. They return frozen
values. They do not read the clock: the caller passes ``now``. Datetimes are aware and in UTC. Any
function may raise SQLAlchemy's ``DBAPIError``.
"""

from alerts.ledger import (  # their tables belong to the ledger
    delivery_schema,  # noqa: F401
    service_schema,  # noqa: F401
)
from alerts.ledger.engine import Ledger, StatementTimeout, find_ledger, open_ledger
from alerts.ledger.faults import LedgerUnavailable, WriterLost
from alerts.ledger.urls import (
    DatabaseURL,
    LedgerError,
    find_file,
    name_ledger,
)

__all__ = [
    "DatabaseURL",
    "Ledger",
    "LedgerError",
    "LedgerUnavailable",
    "StatementTimeout",
    "WriterLost",
    "find_file",
    "find_ledger",
    "name_ledger",
    "open_ledger",
]

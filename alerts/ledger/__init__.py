"""The ledger: everything that must not be lost. One module of functions a noun.

What holds for all of them: a function takes a ``Connection`` inside a transaction that its caller
opened (:meth:`Ledger.writing` or :meth:`Ledger.reading`), gives frozen values, and knows no clock;
datetimes are aware and in UTC, both ways. Any of them may raise SQLAlchemy's ``DBAPIError``.
"""

from alerts.ledger.engine import Ledger, LedgerError, StatementTimeout, open_ledger

__all__ = ["Ledger", "LedgerError", "StatementTimeout", "open_ledger"]

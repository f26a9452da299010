"""The type of the columns that hold a moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, TypeDecorator

from crawler.event_log import get_logger

log = get_logger("watchword.ledger")

#: What a damaged time is read as.
_DAMAGED_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime. It is stored in UTC and returned in UTC.

    A column may hold moments that have not come only if its ``info`` says how far ``ahead`` they
    may be; see :mod:`alerts.ledger.clock_readings`.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC. Raise `ValueError` for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value as UTC. SQLite stores no time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Return what reads a stored value. SQLite keeps any text: a damaged one reads as 1970.

        It costs its own row, and not the query that meets it.
        """
        process = super().result_processor(dialect, coltype)
        if process is None or dialect.name != "sqlite":
            return process

        def read(value: Any) -> datetime | None:
            try:
                return process(value)
            except (TypeError, ValueError):
                log.error("the ledger holds a time that cannot be read", value=f"{value:.40}")
                return _DAMAGED_MOMENT

        return read

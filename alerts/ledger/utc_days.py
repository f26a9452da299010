"""Rows counted by the day, in UTC, on both kinds of database."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func


def build_utc_day(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """Return the day of a time, in UTC, as an expression; read it with :func:`read_day`."""
    if connection.dialect.name == "sqlite":  # which stores times in UTC
        return func.date(column)
    return func.date(func.timezone("UTC", column))


def read_day(value: str | date) -> date:
    """Return a day as the database gave it."""
    return value if isinstance(value, date) else date.fromisoformat(value)

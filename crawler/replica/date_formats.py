"""Dates in the formats that the source prints. Pure.

``strftime`` is not used because its names of months follow the machine's locale.
"""

from __future__ import annotations

from datetime import date

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def format_long_date(day: date) -> str:
    """Return a date as ``09 February 2023``."""
    return f"{day.day:02} {_MONTHS[day.month - 1]} {day.year}"


def format_weekday_date(day: date) -> str:
    """Return a date as ``Tuesday 20 December 2022``."""
    return f"{_WEEKDAYS[day.weekday()]} {format_long_date(day)}"


def format_us_date(day: date) -> str:
    """Return a date as ``July 4, 2012``."""
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"

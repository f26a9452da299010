"""Times, sizes and texts as the operator reads them, in English. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup, escape

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1000
#: Days within which a weekday names a day.
_WEEK = 7


class Times(msgspec.Struct, frozen=True):
    """Names moments near to now, in one time zone."""

    now: datetime
    zone: ZoneInfo

    def say(self, moment: datetime) -> str:
        """Return ``today, 14:05``, ``Tue, 16:05`` or ``19 Nov 2026, 07:00``."""
        there, here = moment.astimezone(self.zone), self.now.astimezone(self.zone)
        days = (there.date() - here.date()).days
        names = {0: "today", -1: "yesterday", 1: "tomorrow"}
        if days in names:
            return f"{names[days]}, {there:%H:%M}"
        if abs(days) < _WEEK:
            return f"{there:%a, %H:%M}"
        return f"{there.day} {there:%b %Y, %H:%M}"

    def start(self, moment: datetime) -> str:
        """Return the same with a capital letter, for the first word of a cell."""
        text = self.say(moment)
        return text[:1].upper() + text[1:]

    def clock(self, moment: datetime) -> str:
        """Return ``14:05``."""
        return f"{moment.astimezone(self.zone):%H:%M}"

    def day(self, moment: datetime) -> str:
        """Return ``19 Nov 2026``."""
        there = moment.astimezone(self.zone)
        return f"{there.day} {there:%b %Y}"


def format_duration(length: timedelta | None) -> str:
    """Return ``58 s``, ``4 min 12 s`` or ``2 h 05 min``; a dash for None."""
    if length is None:
        return "–"
    seconds = round(length.total_seconds())
    minutes, rest = divmod(seconds, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def format_minutes(minutes: float) -> str:
    """Return ``12 min``, or ``3 h 05 min``."""
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"


def mark_code(text: str) -> Markup:
    """Return a text as HTML in which what stands between backticks is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    pieces = (
        Markup("<code>{}</code>").format(one) if at % 2 else escape(one)
        for at, one in enumerate(parts)
    )
    return Markup("").join(pieces)


def format_size(size: float) -> str:
    """Return ``23.4 GB``."""
    value, unit = float(size), _UNITS[0]
    for unit in _UNITS:  # it is used after the loop
        if value < _THOUSAND or unit == _UNITS[-1]:
            break
        value /= _THOUSAND
    return f"{value:.0f} {unit}" if unit == _UNITS[0] else f"{value:.1f} {unit}"


def format_days(days: int) -> str:
    """Return about how long some days are: ``5 days``, ``3 months``, ``2 years``."""
    for length, name in ((365, "year"), (30, "month")):
        if days >= 2 * length:
            return f"{days // length} {name}s"
    return f"{days} day{'' if days == 1 else 's'}"

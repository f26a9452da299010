"""Dates and numbers, as the language of this process writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal

from alerts.language.catalogue import get_locale, gettext, ngettext

#: Dates that are kept as text: those of 11 years. A digest shows the same few again and again.
_CACHED = 4096
#: Questions a month below which they are counted by the year: 9 a year are 0.75 a month.
_LEAST_A_MONTH = 0.8


def format_day(day: date | None) -> str:
    """Return ``20 December 2018``; an empty text for None."""
    return _format_day(_get_day(day), get_locale())


def format_long_day(day: date) -> str:
    """Return ``Thursday 20 December 2018``."""
    weekday = format_date(day, "EEEE", get_locale())
    return gettext("%(weekday)s %(day)s") % {"weekday": weekday, "day": format_day(day)}


def format_short_day(day: date | None) -> str:
    """Return ``20 Dec 2018``, for lists; an empty text for None."""
    return _format_short_day(_get_day(day), get_locale())


def format_month(day: date) -> str:
    """Return ``December 2018``."""
    return _format_month(_get_day(day), get_locale())


def format_short_month(day: date) -> str:
    """Return ``Dec``, for a chart."""
    return _format_months(_get_day(day), "LLL", get_locale())


def format_month_letter(day: date) -> str:
    """Return ``D``, for a chart in which there is no room for more."""
    return _format_months(_get_day(day), "LLLLL", get_locale())


def format_clock_time(moment: datetime | time) -> str:
    """Return ``07:05``, in the zone of ``moment``."""
    return format_time(moment, "short", locale=get_locale())


def format_moment(moment: datetime) -> str:
    """Return ``20 December 2018, 07:05 UTC``."""
    zone = moment.tzname()
    return f"{format_day(moment.date())}, {moment:%H:%M} {zone}"


def format_near(moment: datetime, now: datetime) -> str:
    """Return a moment as people say it near to it: ``today, 14:05``, ``Monday``, ``19 Nov 2026``.

    Args:
        moment: What to name.
        now: The present, in the zone in which the days are reckoned.
    """
    there = moment.astimezone(now.tzinfo)
    clock_time, name = format_clock_time(there), name_near_day(there.date(), now.date())
    if abs((there.date() - now.date()).days) <= 1:
        return gettext("%(day)s, %(time)s") % {"day": name, "time": clock_time}
    return name


def name_near_day(day: date, today: date) -> str:
    """Return ``today``, ``yesterday``, ``tomorrow``, ``Monday`` or ``19 Nov 2026``."""
    days = (day - today).days
    near = {0: gettext("today"), -1: gettext("yesterday"), 1: gettext("tomorrow")}
    if days in near:
        return near[days]
    if timedelta(days=-7) < day - today < timedelta(days=7):
        return format_date(day, "EEEE", get_locale())
    return format_short_day(day)


def format_due(moment: datetime, now: datetime) -> str:
    """Return a time to come in full: ``tomorrow, Friday 27 November, 07:00``.

    Args:
        moment: What to name.
        now: The present, in the zone in which the days are reckoned.
    """
    there = moment.astimezone(now.tzinfo)
    values = {
        "day": format_skeleton("MMMMEEEEd", there, locale=get_locale()),
        "time": format_clock_time(there),
    }
    days = (there.date() - now.date()).days
    if days in (0, 1):
        values["near"] = name_near_day(there.date(), now.date())
        return gettext("%(near)s, %(day)s, %(time)s") % values
    return gettext("%(day)s, %(time)s") % values


def format_rate(per_month: float) -> str:
    """Return how many questions a topic brings: ``About 2 questions a month``."""
    if per_month >= _LEAST_A_MONTH:
        number = round(per_month)
        return ngettext(
            "About %(number)s question a month", "About %(number)s questions a month", number
        ) % {"number": format_number(number)}
    number = round(12 * per_month)
    if number == 0:
        return gettext("Fewer than one question a year")
    return ngettext(
        "About %(number)s question a year", "About %(number)s questions a year", number
    ) % {"number": format_number(number)}


def format_number(number: float) -> str:
    """Return ``68,214``."""
    return _format_number(number, get_locale())


def join_names(names: Sequence[str]) -> str:
    """Return names as a list: ``VRU, benches and knife crime``."""
    return format_list(names, locale=get_locale())


Day = TypeVar("Day", date, date | None)


def _get_day(day: Day) -> Day:
    """Return the day alone of a moment: one moment is different days in different zones.

    As keys of a cache, aware moments are equal in all zones.
    """
    return day.date() if isinstance(day, datetime) else day


@lru_cache(_CACHED)
def _format_day(day: date | None, locale: Locale) -> str:
    return format_date(day, "long", locale) if day else ""


@lru_cache(_CACHED)
def _format_short_day(day: date | None, locale: Locale) -> str:
    return format_date(day, "medium", locale) if day else ""


@lru_cache(_CACHED)
def _format_month(day: date, locale: Locale) -> str:
    return format_skeleton("yMMMM", day, locale=locale)


@lru_cache(_CACHED)
def _format_number(number: float, locale: Locale) -> str:
    return format_decimal(number, locale=locale)


@lru_cache(_CACHED)
def _format_months(day: date, pattern: str, locale: Locale) -> str:
    return format_date(day, pattern, locale)

"""Dates in the formats that the source prints. Pure.

Nothing is guessed: another format, an impossible day, or two dates where one is expected give
None. The names of months are a table of ours because ``strptime`` uses the machine's locale.
"""

from __future__ import annotations

import re
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
_WEEKDAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"

#: Each has groups for day, month and year. A weekday is ignored even if it contradicts the date:
#: the number is more likely right than the weekday.
_DATE_PATTERNS = (
    rf"{_MONTH} (?P<day>\d{{1,2}}), (?P<year>\d{{4}})",  # December 20, 2018: session dates to 2019
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",  # 2014-10-22: after "MQT on"
    # 09 February 2023 in listings; Tuesday 20 December 2022 above answers since 2022
    # 26 March, 2019 after "Last updated:" in the Assembly's papers
    rf"(?:(?:{_WEEKDAYS}) )?(?P<day>\d{{1,2}}) {_MONTH},? (?P<year>\d{{4}})",
    r"(?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{4})",  # 28/06/2016: day first, in written responses
)
_FLAGS = re.ASCII | re.IGNORECASE
_FULL_PATTERNS = tuple(re.compile(shape, _FLAGS) for shape in _DATE_PATTERNS)
#: Inside a text, a date must not be part of a longer number, path or time stamp.
_INLINE_PATTERNS = tuple(
    re.compile(rf"(?<![\w/-]){shape}(?![\w/-])", _FLAGS) for shape in _DATE_PATTERNS
)


def read_date(text: str) -> date | None:
    """Return the date in ``text`` if ``text`` is nothing but a date, None otherwise."""
    folded = " ".join(text.split())
    for shape in _FULL_PATTERNS:
        if match := shape.fullmatch(folded):
            return _build_date(match)
    return None


def find_date(text: str) -> date | None:
    """Return the date somewhere in ``text``, such as ``MQT on 2018-12-20``.

    Returns:
        None if there is no date, if there are two different ones, or if one is impossible.
    """
    folded = " ".join(text.split())
    days = {_build_date(match) for shape in _INLINE_PATTERNS for match in shape.finditer(folded)}
    return days.pop() if len(days) == 1 else None


def _build_date(match: re.Match[str]) -> date | None:
    """Return the day of a match, None if there is no such day: 31 February."""
    month = match["month"]
    number = int(month) if month.isdigit() else _MONTHS.index(month.capitalize()) + 1
    try:
        return date(int(match["year"]), number, int(match["day"]))
    except ValueError:
        return None

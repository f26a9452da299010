"""Gaps in the numbers that a source gives its questions. Pure.

London's numbers begin anew each year (2026/0001); those of the UK Parliament run on, and those of
the Lords have a prefix (HL123). Numbers of a supplementary question (2026/0001-1) do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from statistics import quantiles
from typing import NamedTuple

import msgspec

#: A longer stretch without a known number was never read, for example before the first crawl.
_MAX_GAP = 200
#: What is late by less than this is not late: one crawl reads pages for some hours.
_MIN_DELAY = timedelta(days=1)
#: The usual delay where fewer questions were late than can be counted on.
_DEFAULT_DELAY = timedelta(days=7)
_MIN_LATE = 5

_YEAR_KEY = re.compile(r"(\d+)/(\d+)")
_PLAIN_KEY = re.compile(r"([a-z]*) ?(\d+)")


class SeenQuestion(msgspec.Struct, frozen=True):
    """When a question was first seen, and its number."""

    reference_key: str | None  #: as `make_reference_key` returns it
    day: date  #: of its meeting; the day on which it was first seen, where that is unknown
    first_seen_at: datetime


class NumberGap(msgspec.Struct, frozen=True):
    """Numbers between two known ones that belong to no known question."""

    first: str  #: ``2026/0003``
    last: str
    size: int
    day: date  #: of the question before the gap
    since: datetime  #: when a higher number was first seen

    def __str__(self) -> str:
        """Return ``2026/0003``, or ``2026/0003 to 2026/0005``."""
        return self.first if self.size == 1 else f"{self.first} to {self.last}"


class _Number(NamedTuple):
    series: str  #: what stands before the number: ``2026/``, ``hl``, or nothing
    number: int
    seen: SeenQuestion


def find_gaps(questions: Iterable[SeenQuestion]) -> list[NumberGap]:
    """Return the gaps in the numbers of some questions of one source, series by series."""
    return [gap for series in _list_series(questions) for gap in _find_in_series(series)]


def compute_usual_delay(questions: Iterable[SeenQuestion]) -> timedelta:
    """Return how long a number is usually missing, at most: in 19 of 20 cases.

    It is counted on the questions that were found after one with a higher number.
    """
    late: list[float] = []
    for series in _list_series(questions):
        for one, since in zip(series, _list_first_above(series), strict=True):
            if since is not None and one.seen.first_seen_at - since > _MIN_DELAY:
                late.append((one.seen.first_seen_at - since).total_seconds())
    if len(late) < _MIN_LATE:
        return _DEFAULT_DELAY
    return timedelta(seconds=quantiles(late, n=20)[-1])


def _list_series(questions: Iterable[SeenQuestion]) -> list[list[_Number]]:
    numbers = sorted(filter(None, map(_parse_number, questions)), key=lambda one: one[:2])
    return [list(series) for _, series in groupby(numbers, key=lambda one: one.series)]


def _parse_number(seen: SeenQuestion) -> _Number | None:
    key = seen.reference_key or ""
    if found := _YEAR_KEY.fullmatch(key):
        pair = int(found[1]), int(found[2])
        # The key does not say which of the two is the year: it is the one nearer to the meeting's.
        year, number = sorted(pair, key=lambda value: abs(value - seen.day.year))
        return _Number(f"{year}/", number, seen)
    if found := _PLAIN_KEY.fullmatch(key):
        return _Number(found[1], int(found[2]), seen)
    return None


def _list_first_above(series: Sequence[_Number]) -> list[datetime | None]:
    """Return for each number when the first of those above it was seen; None for the last."""
    found: list[datetime | None] = []
    earliest: datetime | None = None
    for one in reversed(series):
        found.append(earliest)
        seen = one.seen.first_seen_at
        earliest = seen if earliest is None else min(earliest, seen)
    return found[::-1]


def _find_in_series(series: Sequence[_Number]) -> Iterator[NumberGap]:
    above = _list_first_above(series)
    for one, following, since in zip(series, series[1:], above, strict=False):
        size = following.number - one.number - 1
        if 0 < size <= _MAX_GAP and since is not None:
            first, last = one.number + 1, following.number - 1
            yield NumberGap(
                _format(one.series, first), _format(one.series, last), size, one.seen.day, since
            )


def _format(series: str, number: int) -> str:
    return f"{series}{number:04}" if series.endswith("/") else f"{series.upper()}{number}"

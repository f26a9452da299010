"""Where a list of search results goes on: the cursor of pages, the API and exports. Pure."""

from __future__ import annotations

from datetime import date

import msgspec

from alerts.ledger.word_index import DatedQuestion

#: Between the parts of a cursor; the last part is an id, which may contain it.
_SEPARATOR = "~"
#: Between the number of results and the place of a group, where it is not the first.
_GROUP = "."
#: Digits of the number of results in a cursor: more than any archive has.
_MAX_DIGITS = 9


class SearchPosition(msgspec.Struct, frozen=True):
    """A place in the results of a query, which are sorted by their day.

    It is a day and an id, not a number of results: a question that arrives between two pages
    shifts nothing, so no result is repeated and none is lost.
    """

    last: DatedQuestion  #: the last question that was given or decided
    results_before: int  #: number of results up to it
    #: The place of its group in an order of several groups (:mod:`alerts.search.orders`).
    group: int = 0

    def format(self) -> str:
        """Return the position as one word, which :func:`parse_position` reads."""
        number = f"{self.results_before}{_GROUP}{self.group}" if self.group else self.results_before
        parts = (self.last.day.isoformat(), str(number), self.last.question_id)
        return _SEPARATOR.join(parts)


def parse_position(text: str) -> SearchPosition | None:
    """Return the position that :meth:`SearchPosition.format` wrote; None if ``text`` is none."""
    day, _, rest = text.partition(_SEPARATOR)
    number, _, question_id = rest.partition(_SEPARATOR)
    number, _, group = number.partition(_GROUP)
    are_numbers = _is_number(number) and _is_number(group or "0")
    if not are_numbers or not question_id or "\0" in question_id:  # PostgreSQL refuses NUL
        return None
    try:
        last = DatedQuestion(question_id, date.fromisoformat(day))
        return SearchPosition(last, int(number), int(group or "0"))
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS

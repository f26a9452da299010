"""Where a list of search results goes on: the cursor of pages, the API and exports. Pure."""

from __future__ import annotations

from datetime import date

import msgspec

from alerts.ledger.word_index import DatedQuestion

#: Between the parts of a cursor; the last part is an id, which may contain it.
_SEPARATOR = "~"
#: Digits of the number of results in a cursor: more than any archive has.
_MAX_DIGITS = 9


class SearchPosition(msgspec.Struct, frozen=True):
    """A place in the results of a query, which are sorted from the newest to the oldest.

    It is a day and an id, not a number of results: a question that arrives between two pages
    shifts nothing, so no result is repeated and none is lost.
    """

    last: DatedQuestion  #: the last question that was given or decided
    results_before: int  #: number of results up to it

    def format(self) -> str:
        """Return the position as one word, which :func:`parse_position` reads."""
        parts = (self.last.day.isoformat(), str(self.results_before), self.last.question_id)
        return _SEPARATOR.join(parts)


def parse_position(text: str) -> SearchPosition | None:
    """Return the position that :meth:`SearchPosition.format` wrote; None if ``text`` is none."""
    day, _, rest = text.partition(_SEPARATOR)
    number, _, question_id = rest.partition(_SEPARATOR)
    is_number = number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS
    if not is_number or not question_id or "\0" in question_id:  # PostgreSQL refuses NUL
        return None
    try:
        return SearchPosition(DatedQuestion(question_id, date.fromisoformat(day)), int(number))
    except ValueError:
        return None

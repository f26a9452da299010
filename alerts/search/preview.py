"""What a topic would have brought, shown before anybody subscribes to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection

from alerts.ledger import questions
from alerts.ledger import word_index as words
from alerts.queries.ast import And, How, Near, Or, Phrase, Query, Word
from alerts.queries.english import stem
from alerts.queries.index_terms import Key, ask
from alerts.queries.parse import canonical, parse
from alerts.queries.tokens import tokenise
from alerts.search.results import Shown, shown
from alerts.search.search import Budget, search
from alerts.search.suggestions import Offer, offers

#: Questions a day, on average, that nobody reads.
TOO_BROAD = 30
_MONTHS = 24
_LATEST = 5
#: Words that are spelt alike; of those that are equally near the commonest is meant.
_NEAR = 6


class Spelling(msgspec.Struct, frozen=True):
    """A word that the archive does not have, and the nearest that it has."""

    word: str
    nearest: str | None
    questions: int  #: that have the nearest


class Preview(msgspec.Struct, frozen=True):
    """What a query finds in the archive. Days are those of the questions."""

    canonical: str
    last_7_days: int
    last_365_days: int
    ever: int
    last: date | None
    months: dict[date, int]  #: by its first day, the last 24 and this one, oldest first
    latest: tuple[Shown, ...]
    a_day: float  #: on average, in the last year, or since the archive begins
    unknown: tuple[Spelling, ...]  #: words of it that were never seen
    offers: tuple[Offer, ...]
    is_estimate: bool = False  #: the numbers are near the truth: there was no time to decide all

    @property
    def is_too_broad(self) -> bool:
        """Whether there would be more than anybody reads."""
        return self.a_day > TOO_BROAD


def preview(
    connection: Connection, typed: str, today: date, budget: Budget | None = None
) -> Preview:
    """What the query ``typed`` finds in the archive. Raises
    :class:`alerts.queries.parse.QueryError`.

    The words of the archive must have been written (:mod:`alerts.search.index`).
    """
    query = parse(typed)
    found = search(connection, query, _LATEST, budget)
    records = {q.id: q for q in questions.all_of(connection, [d.question_id for d in found.newest])}
    year = _since(found.days, today - timedelta(days=365))
    begins = words.first_day(connection) or today
    span = min(365, max(1, (today - begins).days))
    return Preview(
        canonical=canonical(query),
        last_7_days=_since(found.days, today - timedelta(days=7)),
        last_365_days=year,
        ever=found.total,
        last=max(found.days, default=None),
        months=by_month(found.days, today),
        latest=tuple(shown(records[dated.question_id], query) for dated in found.newest),
        a_day=year / span,
        unknown=tuple(_spellings(connection, query, typed)),
        offers=tuple(offers(connection, query, budget)),
        is_estimate=found.is_estimate,
    )


def _since(days: Mapping[date, float], first: date) -> int:
    return round(sum(number for day, number in days.items() if day > first))


def by_month(days: Mapping[date, float], today: date) -> dict[date, int]:
    """The last 24 months and this one, by their first days, oldest first."""
    counted: defaultdict[date, float] = defaultdict(float)
    for day, number in days.items():
        counted[day.replace(day=1)] += number
    this = 12 * today.year + today.month - 1
    firsts = [date(n // 12, n % 12 + 1, 1) for n in range(this - _MONTHS, this + 1)]
    return {first: round(counted[first]) for first in firsts}


def _spellings(connection: Connection, query: Query, typed: str) -> Iterator[Spelling]:
    """What may be meant by the wanted words that no question has."""
    as_typed = {stem(token.word): token.word for token in tokenise(typed)}
    for word in _wanted(query):
        need = ask(word).need
        if need is not None and not words.count(connection, need, most=1):
            text = "".join(word.tokens)
            yield _nearest(connection, as_typed.get(text, text), word.how)


def _wanted(query: Query) -> Iterator[Word]:
    """The words that must be there, in any field."""
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _wanted(part)
        case Phrase(parts) | Near(parts) if query.field is None:
            for part in parts:
                yield from _wanted(part)
        case Word() if query.field is None:
            yield query


def _nearest(connection: Connection, text: str, how: How) -> Spelling:
    """The word of the archive that is written most like ``text``, the commonest of those."""
    sense = "cx" if how == "capitals" else "wx"
    known = [key[len(sense) :] for key in words.spelt_from(connection, sense + text[0].lower())]
    slips = 1 if len(text) < 5 else 2
    close = process.extract(
        text.lower(), known, scorer=OSA.distance, score_cutoff=slips, limit=_NEAR
    )
    counted = [
        (distance, -words.count(connection, Key(sense + form)), form) for form, distance, _ in close
    ]
    said = [one for one in counted if one[1]]
    if not said:
        return Spelling(text, None, 0)
    _, number, best = min(said)
    return Spelling(text, best.upper() if how == "capitals" else best, -number)

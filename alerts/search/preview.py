"""What a topic would have brought, shown before anybody subscribes to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection

from alerts.ledger import questions, word_index
from alerts.queries import Query, format_canonical, parse_query
from alerts.queries.ast import And, MatchMode, Near, Or, Phrase, Word
from alerts.queries.index_terms import IndexKey, build_index_query
from alerts.search.results import QuestionExcerpt, build_excerpt
from alerts.search.search import TimeBudget, search_questions
from alerts.search.suggestions import Suggestion, find_suggestions
from alerts.text import stem, tokenise

#: Questions a day, on average, that nobody reads.
MAX_QUESTIONS_PER_DAY = 30
_MONTHS = 24
_LATEST_COUNT = 5
#: Words that are spelt alike; of those that are equally near the commonest is meant.
_MAX_CANDIDATES = 6


class SpellingSuggestion(msgspec.Struct, frozen=True):
    """A word that the archive does not have, and the nearest that it has."""

    word: str
    nearest: str | None
    questions: int  #: that have the nearest


class Preview(msgspec.Struct, frozen=True):
    """What a query finds in the archive. Days are those of the questions."""

    canonical: str
    last_7_days: int
    last_365_days: int
    total: int
    last_date: date | None
    months: dict[date, int]  #: by its first day, the last 24 and this one, oldest first
    latest: tuple[QuestionExcerpt, ...]
    per_day: float  #: on average, in the last year, or since the archive begins
    unknown_words: tuple[SpellingSuggestion, ...]  #: words of it that were never seen
    suggestions: tuple[Suggestion, ...]
    is_estimate: bool = False  #: the numbers are near the truth: there was no time to decide all

    @property
    def is_too_broad(self) -> bool:
        """Whether there would be more than anybody reads."""
        return self.per_day > MAX_QUESTIONS_PER_DAY


def build_preview(
    connection: Connection, typed: str, today: date, budget: TimeBudget | None = None
) -> Preview:
    """What the query ``typed`` finds in the archive. Raises
    :class:`alerts.queries.parse.QueryError`.

    The words of the archive must have been written (:mod:`alerts.search.index`).
    """
    query = parse_query(typed)
    found = search_questions(connection, query, _LATEST_COUNT, budget)
    records = {
        q.id: q for q in questions.load_records(connection, [d.question_id for d in found.newest])
    }
    year = _count_since(found.counts_by_day, today - timedelta(days=365))
    begins = word_index.get_first_day(connection) or today
    span = min(365, max(1, (today - begins).days))
    return Preview(
        canonical=format_canonical(query),
        last_7_days=_count_since(found.counts_by_day, today - timedelta(days=7)),
        last_365_days=year,
        total=found.total,
        last_date=max(found.counts_by_day, default=None),
        months=count_by_month(found.counts_by_day, today),
        latest=tuple(build_excerpt(records[dated.question_id], query) for dated in found.newest),
        per_day=year / span,
        unknown_words=tuple(_suggest_spellings(connection, query, typed)),
        suggestions=tuple(find_suggestions(connection, query, budget)),
        is_estimate=found.is_estimate,
    )


def _count_since(days: Mapping[date, float], first: date) -> int:
    return round(sum(number for day, number in days.items() if day > first))


def count_by_month(days: Mapping[date, float], today: date) -> dict[date, int]:
    """The last 24 months and this one, by their first days, oldest first."""
    counted: defaultdict[date, float] = defaultdict(float)
    for day, number in days.items():
        counted[day.replace(day=1)] += number
    this = 12 * today.year + today.month - 1
    firsts = [date(n // 12, n % 12 + 1, 1) for n in range(this - _MONTHS, this + 1)]
    return {first: round(counted[first]) for first in firsts}


def _suggest_spellings(
    connection: Connection, query: Query, typed: str
) -> Iterator[SpellingSuggestion]:
    """What may be meant by the wanted words that no question has."""
    as_typed = {stem(token.word): token.word for token in tokenise(typed)}
    for word in _list_required_words(query):
        need = build_index_query(word).condition
        if need is not None and not word_index.count_questions(connection, need, maximum=1):
            text = "".join(word.tokens)
            yield _find_nearest(connection, as_typed.get(text, text), word.mode)


def _list_required_words(query: Query) -> Iterator[Word]:
    """The words that must be there, in any field."""
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _list_required_words(part)
        case Phrase(parts) | Near(parts) if query.field is None:
            for part in parts:
                yield from _list_required_words(part)
        case Word() if query.field is None:
            yield query


def _find_nearest(connection: Connection, text: str, how: MatchMode) -> SpellingSuggestion:
    """The word of the archive that is written most like ``text``, the commonest of those."""
    sense = "cx" if how == "capitals" else "wx"
    known = [
        key[len(sense) :]
        for key in word_index.list_keys_with_prefix(connection, sense + text[0].lower())
    ]
    slips = 1 if len(text) < 5 else 2
    close = process.extract(
        text.lower(), known, scorer=OSA.distance, score_cutoff=slips, limit=_MAX_CANDIDATES
    )
    counted = [
        (distance, -word_index.count_questions(connection, IndexKey(sense + form)), form)
        for form, distance, _ in close
    ]
    said = [one for one in counted if one[1]]
    if not said:
        return SpellingSuggestion(text, None, 0)
    _, number, best = min(said)
    return SpellingSuggestion(text, best.upper() if how == "capitals" else best, -number)

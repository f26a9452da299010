"""The preview of a topic: what it would have found, shown before anybody subscribes to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection

from alerts.ledger import questions, word_index
from alerts.queries import (
    Query,
    QueryError,
    ast,
    format_canonical,
    index_terms,
    iter_words,
    list_hints,
    list_wanted_leaves,
    parse_query,
    replace_wanted_leaves,
)
from alerts.search.results import QuestionExcerpt, build_excerpt
from alerts.search.search import SearchResults, TimeBudget, search_questions
from alerts.search.small_letters import SmallForm, find_small_forms
from alerts.search.suggestions import Suggestion, find_suggestions

#: Questions a day, on average, above which a topic is called too broad.
MAX_QUESTIONS_PER_DAY = 30
#: Months in the chart, beside the current one.
_MONTHS = 24
#: Excerpts below the numbers.
_LATEST_COUNT = 5
#: Spellings that are compared by how many questions have them; the commonest is suggested.
_MAX_CANDIDATES = 6


class SpellingSuggestion(msgspec.Struct, frozen=True):
    """A word that the archive does not have, and the most similar one that it has."""

    word: str
    nearest: str | None  #: None if no word is similar enough
    questions: int  #: number of questions that have the nearest
    query: str | None = None  #: the whole query with the nearest in place of the word


class Preview(msgspec.Struct, frozen=True):
    """What a query finds in the archive. Days are those of the questions."""

    canonical: str
    last_7_days: int
    last_365_days: int
    total: int
    last_date: date | None  #: of the newest question that matches
    #: By first day of the month: the last 24 and this one, oldest first; without the months before
    #: :attr:`decided_to`.
    months: dict[date, int]
    latest: tuple[QuestionExcerpt, ...]
    #: On average over the last year, or since the archive begins or the search ended if later.
    per_day: float
    unknown_words: tuple[SpellingSuggestion, ...]  #: words of the query that no question has
    suggestions: tuple[Suggestion, ...]
    is_complete: bool = True  #: whether :attr:`total` is all; if not, there are at least so many
    decided_to: date | None = None  #: the day down to which questions were compared; None: all
    next: str | None = None  #: where the questions after :attr:`latest` begin
    is_week_complete: bool = True  #: whether :attr:`last_7_days` is all
    is_year_complete: bool = True  #: whether :attr:`last_365_days` is all
    hints: tuple[str, ...] = ()  #: sentences on words that were left out
    #: Words in capitals that are found in small letters instead.
    small_forms: tuple[SmallForm, ...] = ()
    is_archive_empty: bool = False  #: whether there is no question yet that could have matched

    @property
    def is_too_broad(self) -> bool:
        """Whether more questions match than a person would read."""
        return self.per_day > MAX_QUESTIONS_PER_DAY


def build_preview(
    connection: Connection, typed: str, today: date, budget: TimeBudget | None = None
) -> Preview:
    """Return what the query ``typed`` finds in the archive.

    New questions must have been indexed (:func:`alerts.search.index_questions`).

    Args:
        connection: The ledger.
        typed: The query as the subscriber typed it.
        today: The day that the last week and year end with.
        budget: The time after which no older questions are counted; None to count all.

    Raises:
        QueryError: ``typed`` is no query.
    """
    query = parse_query(typed)
    found = search_questions(connection, query, _LATEST_COUNT, budget)
    week, year = today - timedelta(days=7), today - timedelta(days=365)
    last_365_days = _count_since(found.counts_by_day, year)
    known_first_day = word_index.get_first_day(connection)
    first_day = known_first_day or today
    begin = max(year, first_day, found.decided_to or first_day)
    spellings = _suggest_spellings(connection, query) if known_first_day else ()
    small_forms = find_small_forms(connection, query, budget)
    in_capitals = {form.word for form in small_forms}
    return Preview(
        canonical=format_canonical(query),
        last_7_days=_count_since(found.counts_by_day, week),
        last_365_days=last_365_days,
        total=found.total,
        last_date=max(found.counts_by_day, default=None),
        months=_count_decided_months(found, today),
        latest=_load_excerpts(connection, found, query),
        per_day=last_365_days / max(1, (today - begin).days),
        hints=tuple(list_hints(typed)),
        unknown_words=tuple(one for one in spellings if one.word not in in_capitals),
        small_forms=tuple(small_forms),
        suggestions=tuple(find_suggestions(connection, query, budget)),
        is_complete=found.is_complete,
        decided_to=found.decided_to,
        next=found.next.format() if found.next else None,
        is_week_complete=found.is_complete_after(week),
        is_year_complete=found.is_complete_after(year),
        is_archive_empty=known_first_day is None,
    )


def _count_decided_months(found: SearchResults, today: date) -> dict[date, int]:
    """Return counts by month, without months of which no question was compared."""
    months = count_by_month(found.counts_by_day, today)
    if found.decided_to is None:
        return months
    first = found.decided_to.replace(day=1)
    return {month: number for month, number in months.items() if month >= first}


def _load_excerpts(
    connection: Connection, found: SearchResults, query: Query
) -> tuple[QuestionExcerpt, ...]:
    ids = [dated.question_id for dated in found.newest]
    records = questions.list_records(connection, ids)
    return tuple(build_excerpt(record, query) for record in records)


def _count_since(counts_by_day: Mapping[date, int], day: date) -> int:
    """Return the number of questions after ``day``."""
    return sum(number for one, number in counts_by_day.items() if one > day)


def count_by_month(counts_by_day: Mapping[date, int], today: date) -> dict[date, int]:
    """Return counts of the last 24 months and this one by their first days, oldest first."""
    counted: defaultdict[date, int] = defaultdict(int)
    for day, number in counts_by_day.items():
        counted[day.replace(day=1)] += number
    this = 12 * today.year + today.month - 1
    firsts = [date(n // 12, n % 12 + 1, 1) for n in range(this - _MONTHS, this + 1)]
    return {first: counted[first] for first in firsts}


def _suggest_spellings(connection: Connection, query: Query) -> Iterator[SpellingSuggestion]:
    """Generate a suggestion for each wanted word that no question has in any field."""
    leaves = [leaf for leaf in list_wanted_leaves(query) if leaf.field is None]
    for word in (word for leaf in leaves for word in iter_words(leaf)):
        condition = index_terms.build_index_query(word).condition
        if condition and not word_index.count_questions(connection, condition, maximum=1):
            yield _find_nearest(connection, query, word, "".join(word.tokens))


def _find_nearest(
    connection: Connection, query: Query, word: ast.Word, text: str
) -> SpellingSuggestion:
    """Return the word of the archive most similar to ``text``; of equal ones, the commonest.

    A word is left out if the query would be refused with it, such as a stop word alone.
    """
    key_prefix = "cx" if word.mode == "capitals" else "wx"
    known = [
        key[len(key_prefix) :]
        for key in word_index.list_keys_with_prefix(connection, key_prefix + text[0].lower())
    ]
    max_distance = 1 if len(text) < 5 else 2
    similar = process.extract(
        text.lower(), known, scorer=OSA.distance, score_cutoff=max_distance, limit=_MAX_CANDIDATES
    )
    counted = []
    for form, distance, _ in similar:
        shown = form.upper() if word.mode == "capitals" else form
        corrected = _correct(query, word, shown)
        number = word_index.count_questions(connection, index_terms.IndexKey(key_prefix + form))
        if number and corrected:
            counted.append((distance, -number, shown, corrected))
    if not counted:
        return SpellingSuggestion(text, None, 0)
    _, number, nearest, corrected = min(counted)
    return SpellingSuggestion(text, nearest, -number, corrected)


def _correct(query: Query, word: ast.Word, nearest: str) -> str | None:
    """Return ``query`` with ``nearest`` in place of a word; None if that would be refused."""

    def replace(leaf: ast.Word | ast.Phrase) -> ast.Word | ast.Phrase:
        if isinstance(leaf, ast.Word):
            is_it = (leaf.tokens, leaf.mode) == (word.tokens, word.mode)
            return msgspec.structs.replace(leaf, tokens=(nearest,)) if is_it else leaf
        return msgspec.structs.replace(
            leaf, words=tuple(ast.Word((nearest,), "exact") if w == word else w for w in leaf.words)
        )

    def correct(leaf: ast.Leaf) -> Query:
        if isinstance(leaf, ast.Near):
            return msgspec.structs.replace(leaf, parts=tuple(map(replace, leaf.parts)))
        return replace(leaf)

    try:
        corrected = parse_query(format_canonical(replace_wanted_leaves(query, correct)))
    except QueryError:
        return None
    return format_canonical(corrected)

"""What else a query may have meant, and how else it can be written."""

from __future__ import annotations

import re
from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import word_index
from alerts.queries import (
    QueryError,
    format_canonical,
    index_terms,
    iter_words,
    list_hints,
    list_wanted_leaves,
    parse_query,
)
from alerts.results.narrower import NarrowerSearch, suggest_narrower
from alerts.search import (
    Breadth,
    SearchResults,
    SmallForm,
    SpellingSuggestion,
    Suggestion,
    TimeBudget,
    count_results,
    find_breadth,
    find_small_forms,
    find_suggestions,
    find_typed_word,
    list_unknown_words,
    suggest_spellings,
)
from alerts.text import CURRENCY_WORDS

_YEAR = timedelta(days=365)
#: Words that are corrected in one query: more than that are no mistakes.
_MAX_CORRECTIONS = 4
#: Results from which on nobody needs a search that finds more.
_ENOUGH = 4


class WordCount(msgspec.Struct, frozen=True):
    """A word of a query that finds nothing, and how many questions have it."""

    word: str
    questions: int
    nearest: SpellingSuggestion | None  #: where no question has it, the most similar word


class CorrectedQuery(msgspec.Struct, frozen=True):
    """A query with the most similar words in place of those that no question has."""

    query: str
    questions: int  #: number of questions that it finds


class OtherWays(msgspec.Struct, frozen=True):
    """What else may have been meant, and how broad the query is."""

    hints: tuple[str, ...] = ()  #: sentences on words that were left out
    unknown_words: tuple[SpellingSuggestion, ...] = ()  #: words of the query that no question has
    words: tuple[WordCount, ...] = ()  #: all words of a query that finds nothing, as typed
    #: The words of a query that finds little which alone find more.
    wider: tuple[WordCount, ...] = ()
    correction: CorrectedQuery | None = None  #: of a query that finds nothing
    small_forms: tuple[SmallForm, ...] = ()  #: words in capitals that are found in small letters
    suggestions: tuple[Suggestion, ...] = ()
    breadth: Breadth | None = None  #: None if the query is not too broad
    narrower: tuple[NarrowerSearch, ...] = ()  #: for a query that is too broad


def find_other_ways(
    connection: Connection,
    typed: str,
    found: SearchResults,
    *,
    period: tuple[date, date],
    budget: TimeBudget | None = None,
) -> OtherWays:
    """Return other ways to write a query.

    Args:
        connection: The ledger.
        typed: The query as somebody typed it.
        found: What it finds.
        period: The day of the oldest question, and today.
        budget: The time for counting questions; None for no limit.

    Raises:
        QueryError: ``typed`` is no query.
    """
    query, (start, today) = parse_query(typed), period
    is_nothing = found.total == 0 and found.is_complete
    number = found.total if found.total or found.is_complete else None
    spellings = suggest_spellings(connection, query, found=number)
    small_forms = find_small_forms(connection, query, budget)
    unknown = list_unknown_words(spellings, small_forms, typed)
    begin = max(today - _YEAR, start, found.decided_to or start)
    breadth = find_breadth(connection, query, found.counts_by_day, today, begin, budget)
    return OtherWays(
        hints=tuple(list_hints(typed)),
        unknown_words=tuple(unknown),
        words=_count_words(connection, typed, unknown) if is_nothing else (),
        wider=_find_wider(connection, typed, found),
        correction=_correct(connection, typed, unknown, budget) if is_nothing else None,
        small_forms=tuple(small_forms),
        suggestions=tuple(find_suggestions(connection, query, budget)),
        breadth=breadth,
        narrower=tuple(suggest_narrower(connection, typed, budget)) if breadth else (),
    )


def _find_wider(connection: Connection, typed: str, found: SearchResults) -> tuple[WordCount, ...]:
    if not 0 < found.total < _ENOUGH or not found.is_complete:
        return ()
    words = _count_words(connection, typed, [])
    return tuple(one for one in words if len(words) > 1 and one.questions > found.total)


def _count_words(
    connection: Connection, typed: str, unknown: list[SpellingSuggestion]
) -> tuple[WordCount, ...]:
    query, text_typed = parse_query(typed), typed.lower()
    nearest = {one.word: one for one in unknown}
    counted: dict[str, WordCount] = {}
    for leaf in list_wanted_leaves(query):
        for word in iter_words(leaf) if leaf.field is None else ():
            if word.tokens[0] in CURRENCY_WORDS:  # a sign, which nobody can look for alone
                continue
            text = find_typed_word(typed, "".join(word.tokens))
            condition = index_terms.build_index_query(word).condition
            number = word_index.count_questions(connection, condition) if condition else 0
            counted[text] = WordCount(text, number, nearest.get(text))
    return tuple(sorted(counted.values(), key=lambda one: text_typed.find(one.word.lower())))


def _correct(
    connection: Connection,
    typed: str,
    unknown: list[SpellingSuggestion],
    budget: TimeBudget | None,
) -> CorrectedQuery | None:
    """Return the query with all of its unknown words corrected; None if that finds nothing."""
    corrected = next((one.query for one in unknown if one.query), None)
    if corrected is None:
        return None
    for _ in range(_MAX_CORRECTIONS):
        further = suggest_spellings(connection, parse_query(corrected), found=None)
        following = next((one.query for one in further if one.query), None)
        if following is None:
            break
        corrected = following
    number = count_results(connection, parse_query(corrected), budget).questions
    return CorrectedQuery(_retype(typed, unknown, corrected), number) if number else None


def _retype(typed: str, unknown: list[SpellingSuggestion], corrected: str) -> str:
    """Return a corrected query with its words in the order in which they were typed."""
    text = typed
    for one in unknown:
        if one.nearest:
            whole_word = rf"(?<!\w){re.escape(one.word)}(?!\w)"
            text = re.sub(whole_word, re.escape(one.nearest), text, flags=re.IGNORECASE)
    try:
        is_same = format_canonical(parse_query(text)) == corrected
    except QueryError:
        return corrected
    return text if is_same else corrected


def find_correction(
    connection: Connection, typed: str, budget: TimeBudget | None = None
) -> CorrectedQuery | None:
    """Return what was meant by a refused query, with what it finds; None if it finds nothing.

    Args:
        connection: The ledger.
        typed: A query that is accepted.
        budget: The time for counting questions; None for no limit.

    Raises:
        QueryError: ``typed`` is no query either.
    """
    number = count_results(connection, parse_query(typed), budget).questions
    return CorrectedQuery(typed, number) if number else None

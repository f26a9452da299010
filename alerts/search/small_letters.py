"""Words of a query in capitals that few questions have, and the same words in small letters.

What is offered changes a query only if the subscriber accepts it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection

from alerts.queries import (
    Query,
    QueryError,
    ast,
    format_canonical,
    iter_words,
    list_wanted_leaves,
    parse_query,
    replace_wanted_leaves,
)
from alerts.search.search import TimeBudget, search_questions

#: Questions with a word in capitals from which on it is taken for an acronym: fewer may be titles
#: that are printed in capitals.
_MIN_ACRONYM = 5
#: How many times as many questions have the word in small letters.
_MIN_RATIO = 20


class SmallForm(msgspec.Struct, frozen=True):
    """A word in capitals that finds little or nothing, and the same word in small letters."""

    word: str  #: as in the canonical query: ``FARES``
    questions: int  #: number of questions that have it in capitals
    small: str  #: ``fares``
    small_questions: int  #: number of questions that have it in small letters
    query: str  #: the whole query, with the word in small letters
    is_complete: bool = True  #: whether these are all; if not, there are at least so many

    @property
    def sentence(self) -> str:
        """What was found, as one sentence."""
        capitals = f"{self.questions:,}" if self.questions else "No"
        is_one = self.questions <= 1
        at_least = "" if self.is_complete else "at least "
        small = "1 has" if self.small_questions == 1 else f"{self.small_questions:,} have"
        return (
            f"{capitals} {'question has' if is_one else 'questions have'} {self.word} in capitals;"
            f" {at_least}{small} {self.small} in small letters."
        )


def find_small_forms(
    connection: Connection, query: Query, budget: TimeBudget | None = None
) -> list[SmallForm]:
    """Return the wanted words in capitals that are found in small letters instead, each once.

    Args:
        connection: The ledger.
        query: A query in normal form.
        budget: The time for counting questions; None for no limit.
    """
    found = (_compare(connection, query, word, budget) for word in _list_capitals(query))
    return [form for form in found if form is not None]


def _list_capitals(query: Query) -> list[ast.Word]:
    """Return the wanted words in capitals, each in the field that it is looked for in."""
    return list(dict.fromkeys(_iter_capitals(query)))


def _iter_capitals(query: Query) -> Iterator[ast.Word]:
    for leaf in list_wanted_leaves(query):
        for word in iter_words(leaf):
            if word.mode == "capitals":
                yield msgspec.structs.replace(word, field=leaf.field)


def _compare(
    connection: Connection, query: Query, word: ast.Word, budget: TimeBudget | None
) -> SmallForm | None:
    """Return the small form of a word in capitals if that is what the questions have."""
    corrected = _correct(query, word)
    if corrected is None:
        return None
    capitals = search_questions(connection, word, 0, budget)
    if capitals.total >= _MIN_ACRONYM or not capitals.is_complete:
        return None
    small = search_questions(connection, _lower(word), 0, budget)
    if not small.total or small.total < _MIN_RATIO * capitals.total:
        return None
    return SmallForm(
        word.tokens[0],
        capitals.total,
        word.tokens[0].lower(),
        small.total,
        corrected,
        small.is_complete,
    )


def _lower(word: ast.Word) -> ast.Word:
    tokens = tuple(token.lower() for token in word.tokens)
    return msgspec.structs.replace(word, tokens=tokens, mode="stem")


def _correct(query: Query, word: ast.Word) -> str | None:
    """Return ``query`` with a word in small letters; None if that would be refused."""

    def replace(part: ast.Word | ast.Phrase) -> ast.Word | ast.Phrase:
        is_it = isinstance(part, ast.Word) and (part.tokens, part.mode) == (word.tokens, word.mode)
        return _lower(part) if is_it and isinstance(part, ast.Word) else part

    def correct(leaf: ast.Leaf) -> Query:
        if leaf.field != word.field:
            return leaf
        if isinstance(leaf, ast.Near):
            return msgspec.structs.replace(leaf, parts=tuple(map(replace, leaf.parts)))
        return replace(leaf)

    try:
        parse_query(format_canonical(_lower(word)))  # a little word alone is refused
        corrected = parse_query(format_canonical(replace_wanted_leaves(query, correct)))
    except QueryError:
        return None
    return format_canonical(corrected)

"""Searches that are narrower than one that finds too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions
from alerts.queries import Query, QueryError, iter_words, list_wanted_leaves, parse_query
from alerts.search import TimeBudget, count_results, list_results
from alerts.text import STOP_WORDS, stem, tokenise

#: The newest results whose titles are read: 0.1 ms each.
_SAMPLE = 60
#: Titles that a word must be in, and searches that are offered.
_MIN_TITLES, _MAX_SEARCHES = 3, 3
#: Searches that are counted: each is one query to the index.
_MAX_COUNTED = 6
_MIN_LETTERS = 4


class NarrowerSearch(msgspec.Struct, frozen=True):
    """A query with one more word or phrase."""

    words: str  #: what is added: ``custody``, ``"front counters"``
    query: str
    questions: int  #: number of questions that it finds, at least


def suggest_narrower(
    connection: Connection, typed: str, budget: TimeBudget | None = None
) -> Iterator[NarrowerSearch]:
    """Generate narrower searches, from the words that the titles of the newest results share.

    Args:
        connection: The ledger.
        typed: The query as somebody typed it.
        budget: The time for counting questions; None for no limit.

    Raises:
        QueryError: ``typed`` is no query.
    """
    query = parse_query(typed)
    offered = 0
    for words in _list_shared(connection, query)[:_MAX_COUNTED]:
        if offered == _MAX_SEARCHES:
            return
        text = f"({typed}) {words}" if " OR " in typed or "|" in typed else f"{typed} {words}"
        try:
            narrowed = parse_query(text)
        except QueryError:
            continue
        number = count_results(connection, narrowed, budget).questions
        if number:
            offered += 1
            yield NarrowerSearch(words, text, number)


def _list_shared(connection: Connection, query: Query) -> list[str]:
    """Return words and phrases that several titles have, the commonest first."""
    newest, _ = list_results(connection, query, _SAMPLE)
    records = questions.list_records(connection, [one.question_id for one in newest])
    typed = {
        stem(token.lower())
        for leaf in list_wanted_leaves(query)
        for word in iter_words(leaf)
        for token in word.tokens
    }
    number: Counter[str] = Counter()
    for record in records:
        number.update(set(_iter_title_words(record.title or "", typed)))
    common = [words for words, count in number.most_common() if count >= _MIN_TITLES]
    phrases = [words.strip('"').split() for words in common if " " in words]
    inside = {word for phrase in phrases for word in phrase}
    return [words for words in common if words not in inside]


def _iter_title_words(title: str, typed: set[str]) -> Iterator[str]:
    """Generate the words of a title, and the pairs of words side by side, that say something."""
    words = [token.word for token in tokenise(title)]
    says = [
        len(word) >= _MIN_LETTERS
        and word.isalpha()
        and word not in STOP_WORDS
        and stem(word) not in typed
        for word in words
    ]
    yield from (word for word, is_good in zip(words, says, strict=True) if is_good)
    for (first, is_good), (second, is_next) in pairwise(zip(words, says, strict=True)):
        if is_good and is_next:
            yield f'"{first} {second}"'

"""What somebody may be typing: published topics, acronyms, members, and spellings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection

from alerts.ledger import members, topics, word_index
from alerts.queries import QueryError, parse_query
from alerts.search.spellings import suggest_spellings
from alerts.text import fold_to_letters

#: Letters from which on something is suggested: too much begins with one letter.
_MIN_LENGTH = 2


def find_completions(connection: Connection, typed: str, limit: int = 8) -> list[str]:
    """Return queries that somebody may be typing, the likeliest first.

    Private topics are never among them.

    Args:
        connection: The ledger.
        typed: What the search box holds so far.
        limit: How many queries to return at most.
    """
    words = [fold_to_letters(word) for word in typed.split()]
    if sum(map(len, words)) < _MIN_LENGTH:
        return []
    found = dict.fromkeys(_iter_completions(connection, typed.strip(), words))
    found.pop(typed.strip(), None)
    return list(islice(found, limit)) or _correct(connection, typed)


def _iter_completions(connection: Connection, typed: str, words: Sequence[str]) -> Iterator[str]:
    for topic in topics.list_public(connection):
        if topic.question_id is None and _begins_in(topic.title, words):
            yield topic.title
    for form in word_index.list_long_forms(connection, typed):
        yield typed.upper()
        yield f'"{form.form}"'
    for name in sorted(members.list_names(connection)):
        if _begins_in(name, words):
            yield f'"{name}"'


def _begins_in(text: str, words: Sequence[str]) -> bool:
    """Return whether a run of the words of ``text`` begins as some folded words do."""
    folded = [fold_to_letters(word) for word in text.split()]
    *whole, last = words
    return any(
        folded[at : at + len(whole)] == whole and folded[at + len(whole)].startswith(last)
        for at in range(len(folded) - len(whole))
    )


def _correct(connection: Connection, typed: str) -> list[str]:
    """Return what was typed with words of the archive in place of those that it does not have."""
    try:
        query = parse_query(typed)
    except QueryError:
        return []
    found = suggest_spellings(connection, query, found=0)
    return [one.query for one in found if one.query]

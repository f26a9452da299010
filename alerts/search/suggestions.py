"""Other ways to write what somebody watches for, found in the archive and offered to them.

Nothing is put into a query unasked: an offer that is taken is seen in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection

from alerts.ledger import word_index as words
from alerts.ledger.word_index import Written
from alerts.queries.ast import And, Or, Phrase, Query, Word
from alerts.queries.parse import QueryError, canonical, parse
from alerts.search.search import Budget, search

#: So often two ways to write something must have stood together: a slip of the pen is no acronym.
_LEAST = 2
#: More offers would be a form to fill in.
_MOST = 3


class Offer(msgspec.Struct, frozen=True):
    """Another way to write a part of a query."""

    part: str  #: of the canonical query: ``VRU``
    form: str  #: as a query: ``"violence reduction unit"``
    printed: str  #: as the archive has it: ``Violence Reduction Unit``
    questions: int  #: that have it written so

    @property
    def sentence(self) -> str:
        """The offer in words."""
        noun = "question" if self.questions == 1 else "questions"
        part = self.part.strip('"')
        return f"{part} is also written {self.printed}: {self.questions:,} {noun}."


def offers(connection: Connection, query: Query, budget: Budget | None = None) -> list[Offer]:
    """What may be included in ``query``: what its acronyms stand for, the acronyms of its names."""
    found: list[Offer] = []
    there = {canonical(leaf) for leaf in _leaves(query)}
    for leaf in _leaves(query):
        for other, printed in _others(connection, leaf):
            form = canonical(other)
            if form not in there:
                there.add(form)
                total = search(connection, other, 0, budget).total
                found.append(Offer(canonical(leaf), form, printed, total))
    return found[:_MOST]


def include(query: Query, taken: Sequence[Offer]) -> Query:
    """``query`` with what was offered beside each part: ``VRU OR "violence reduction unit"``."""
    return parse(canonical(_widened(query, taken)))


def _widened(query: Query, taken: Sequence[Offer]) -> Query:
    match query:
        case And(parts):
            return And(tuple(_widened(part, taken) for part in parts))
        case Or(parts):
            return Or(tuple(_widened(part, taken) for part in parts))
        case Word() | Phrase():
            mine = [parse(offer.form) for offer in taken if offer.part == canonical(query)]
            return Or((query, *mine)) if mine else query
        case _:
            return query


def _leaves(query: Query) -> Iterator[Word | Phrase]:
    """The parts that are wanted and stand for themselves: none in a NEAR or behind a NOT."""
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
        case Word() | Phrase():
            yield query


def _others(connection: Connection, leaf: Word | Phrase) -> Iterator[tuple[Query, str]]:
    """Other ways to write a leaf: as a query in its field, and as printed."""
    if isinstance(leaf, Phrase):
        long = " ".join("-".join(word.tokens) for word in leaf.words)
        known = words.short_forms(connection, long)
    elif leaf.how in ("capitals", "stem") and len(leaf.tokens) == 1:
        known = words.long_forms(connection, leaf.tokens[0])
    else:
        return
    for written in _merged(known):
        quoted = written.form if isinstance(leaf, Phrase) else f'"{written.form}"'
        scope = f"{leaf.field}:" if leaf.field else ""
        try:
            yield parse(scope + quoted), written.form
        except QueryError:  # a long form that is no query, such as one of stop words
            continue


def _merged(known: Sequence[Written]) -> list[Written]:
    """What differs in its capitals only is one, as it is mostly printed; slips are left out."""
    merged: dict[str, Written] = {}
    for written in known:
        first = merged.get(written.form.lower(), Written(written.form, 0))
        total = first.questions + written.questions
        merged[written.form.lower()] = Written(first.form, total)
    return [written for written in merged.values() if written.questions >= _LEAST]

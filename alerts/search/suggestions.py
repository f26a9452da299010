"""Other ways to write what somebody watches for, found in the archive and offered to them.

Nothing is put into a query unasked: an offer that is taken is seen in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection

from alerts.ledger import word_index
from alerts.ledger.word_index import AcronymForm
from alerts.queries import Query, QueryError, format_canonical, parse_query
from alerts.queries.ast import And, Or, Phrase, Word
from alerts.search.search import TimeBudget, search_questions

#: So often two ways to write something must have stood together: a slip of the pen is no acronym.
_MIN_QUESTIONS = 2
#: More offers would be a form to fill in.
_MAX_SUGGESTIONS = 3


class Suggestion(msgspec.Struct, frozen=True):
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


def find_suggestions(
    connection: Connection, query: Query, budget: TimeBudget | None = None
) -> list[Suggestion]:
    """What may be included in ``query``: what its acronyms stand for, the acronyms of its names."""
    found: list[Suggestion] = []
    there = {format_canonical(leaf) for leaf in _list_leaves(query)}
    for leaf in _list_leaves(query):
        for other, printed in _find_alternatives(connection, leaf):
            form = format_canonical(other)
            if form not in there:
                there.add(form)
                total = search_questions(connection, other, 0, budget).total
                found.append(Suggestion(format_canonical(leaf), form, printed, total))
    return found[:_MAX_SUGGESTIONS]


def apply_suggestions(query: Query, taken: Sequence[Suggestion]) -> Query:
    """``query`` with what was offered beside each part: ``VRU OR "violence reduction unit"``."""
    return parse_query(format_canonical(_widen(query, taken)))


def _widen(query: Query, taken: Sequence[Suggestion]) -> Query:
    match query:
        case And(parts):
            return And(tuple(_widen(part, taken) for part in parts))
        case Or(parts):
            return Or(tuple(_widen(part, taken) for part in parts))
        case Word() | Phrase():
            mine = [
                parse_query(offer.form) for offer in taken if offer.part == format_canonical(query)
            ]
            return Or((query, *mine)) if mine else query
        case _:
            return query


def _list_leaves(query: Query) -> Iterator[Word | Phrase]:
    """The parts that are wanted and stand for themselves: none in a NEAR or behind a NOT."""
    match query:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _list_leaves(part)
        case Word() | Phrase():
            yield query


def _find_alternatives(connection: Connection, leaf: Word | Phrase) -> Iterator[tuple[Query, str]]:
    """Other ways to write a leaf: as a query in its field, and as printed."""
    if isinstance(leaf, Phrase):
        long = " ".join("-".join(word.tokens) for word in leaf.words)
        known = word_index.list_short_forms(connection, long)
    elif leaf.mode in ("capitals", "stem") and len(leaf.tokens) == 1:
        known = word_index.list_long_forms(connection, leaf.tokens[0])
    else:
        return
    for written in _merge_forms(known):
        quoted = written.form if isinstance(leaf, Phrase) else f'"{written.form}"'
        scope = f"{leaf.field}:" if leaf.field else ""
        try:
            yield parse_query(scope + quoted), written.form
        except QueryError:  # a long form that is no query, such as one of stop words
            continue


def _merge_forms(known: Sequence[AcronymForm]) -> list[AcronymForm]:
    """What differs in its capitals only is one, as it is mostly printed; slips are left out."""
    merged: dict[str, AcronymForm] = {}
    for written in known:
        first = merged.get(written.form.lower(), AcronymForm(written.form, 0))
        total = first.questions + written.questions
        merged[written.form.lower()] = AcronymForm(first.form, total)
    return [written for written in merged.values() if written.questions >= _MIN_QUESTIONS]

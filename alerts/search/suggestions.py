"""Other spellings of the parts of a query, found in the archive and suggested to the subscriber.

A suggestion changes a query only if the subscriber accepts it, and is then part of its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from alerts.ledger import word_index
from alerts.ledger.word_index import AcronymForm
from alerts.queries import (
    Query,
    QueryError,
    ast,
    format_canonical,
    list_wanted_leaves,
    parse_query,
    replace_wanted_leaves,
)
from alerts.search.search import TimeBudget, search_questions

#: Questions that must define an acronym: a single one may be a slip of the pen.
_MIN_QUESTIONS = 2
#: Suggestions for one query: with more, subscribing would become a form to fill in.
_MAX_SUGGESTIONS = 3


class Suggestion(msgspec.Struct, frozen=True):
    """Another way to write a part of a query."""

    part: str  #: of the canonical query: ``VRU``
    form: str  #: as a query: ``"violence reduction unit"``
    printed: str  #: as the archive has it: ``Violence Reduction Unit``
    questions: int  #: number of questions that have it in this form
    query: str  #: the whole query, with this form included
    is_complete: bool = True  #: whether these are all; if not, there are at least so many

    @property
    def sentence(self) -> str:
        """The suggestion as one sentence."""
        noun = "question" if self.questions == 1 else "questions"
        part = self.part.strip('"')
        at_least = "" if self.is_complete else "at least "
        return f"{part} is also written {self.printed}: {at_least}{self.questions:,} {noun}."


def find_suggestions(
    connection: Connection, query: Query, budget: TimeBudget | None = None
) -> list[Suggestion]:
    """Return the long forms of the acronyms in ``query``, and the acronyms of its phrases.

    Args:
        connection: The ledger.
        query: A query in normal form.
        budget: The time for counting questions; None for no limit.
    """
    leaves = [leaf for leaf in list_wanted_leaves(query) if not isinstance(leaf, ast.Near)]
    present = {format_canonical(leaf) for leaf in leaves}
    suggestions: list[Suggestion] = []
    for leaf in leaves:
        for other, printed in _find_alternatives(connection, leaf):
            form, part = format_canonical(other), format_canonical(leaf)
            widened = _include_form(query, part, other)
            if form not in present and widened is not None:
                present.add(form)
                found = search_questions(connection, other, 0, budget)
                suggestions.append(
                    Suggestion(part, form, printed, found.total, widened, found.is_complete)
                )
    return suggestions[:_MAX_SUGGESTIONS]


def _include_form(query: Query, part: str, form: Query) -> str | None:
    """Return ``query`` with ``form`` as an alternative to a part; None if that is refused."""
    try:
        widened = format_canonical(_widen(query, {part: [form]}))
        # What was typed stands first where that is all.
        is_all = format_canonical(query) == part
        return f"{part} OR {format_canonical(form)}" if is_all else widened
    except QueryError:  # it would be too long
        return None


def apply_suggestions(query: Query, accepted: Sequence[Suggestion]) -> Query:
    """Return ``query`` with each suggestion as an alternative to its part.

    ``VRU`` becomes ``VRU OR "violence reduction unit"``.
    """
    forms: dict[str, list[Query]] = {}
    for one in accepted:
        forms.setdefault(one.part, []).append(parse_query(one.form))
    return _widen(query, forms)


def _widen(query: Query, forms: Mapping[str, Sequence[Query]]) -> Query:
    """Return ``query`` with alternatives to its parts, which are given in canonical form."""

    def widen(leaf: ast.Leaf) -> Query:
        others = forms.get(format_canonical(leaf))
        return ast.Or((leaf, *others)) if others else leaf

    return parse_query(format_canonical(replace_wanted_leaves(query, widen)))


def _find_alternatives(
    connection: Connection, leaf: ast.Word | ast.Phrase
) -> Iterator[tuple[Query, str]]:
    """Generate other ways to write a leaf: each as a query in the leaf's field, and as printed."""
    if isinstance(leaf, ast.Phrase):
        long = " ".join("-".join(word.tokens) for word in leaf.words)
        forms = word_index.list_short_forms(connection, long)
    elif leaf.mode in ("capitals", "stem") and len(leaf.tokens) == 1:
        forms = word_index.list_long_forms(connection, leaf.tokens[0])
    else:
        return
    for known in _merge_forms(forms):
        quoted = known.form if isinstance(leaf, ast.Phrase) else f'"{known.form}"'
        field = f"{leaf.field}:" if leaf.field else ""
        try:
            yield parse_query(field + quoted), known.form
        except QueryError:  # a long form that is no query, such as one of stop words
            continue


def _merge_forms(forms: Sequence[AcronymForm]) -> list[AcronymForm]:
    """Return forms that differ only in capitals as one, printed as is commonest; drop rare ones."""
    merged: dict[str, AcronymForm] = {}
    for known in forms:
        first = merged.get(known.form.lower(), AcronymForm(known.form, 0))
        total = first.questions + known.questions
        merged[known.form.lower()] = AcronymForm(first.form, total)
    return [known for known in merged.values() if known.questions >= _MIN_QUESTIONS]

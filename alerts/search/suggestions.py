"""Other ways to write the parts of a query, each with the number of questions that it would add.

A suggestion changes a query only if the subscriber accepts it, and is then part of its text. The
forms come from the archive (acronyms that it defines), from a data file of the source
(:mod:`alerts.search.known_forms`), and from the query itself (a phrase with the other forms of its
words). A form that adds nothing is not suggested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import msgspec
from sqlalchemy import Connection

from alerts.language import format_number, gettext, ngettext
from alerts.language import gettext_noop as _
from alerts.queries import Query, QueryError, ast, format_canonical, parse_query
from alerts.search.alternatives import Alternative, AlternativeKind, find_alternatives
from alerts.search.parts import list_parts, replace_part
from alerts.search.search import TimeBudget, count_results

#: Suggestions for one query: with more, subscribing would become a form to fill in.
_MAX_SUGGESTIONS = 6
#: Forms of one query that are counted, and those that are counted though the time is over: each is
#: a search of its own.
_MAX_COUNTED, _MIN_COUNTED = 16, 4


#: What is said of a suggestion of each kind.
_SENTENCES: Mapping[AlternativeKind, str] = {
    "acronym": _("%(part)s is also written %(form)s: %(questions)s."),
    "letters": _("%(part)s is nowhere in capitals; in any letters (%(form)s): %(questions)s."),
    "meaning": _("For %(part)s, people also write %(form)s: %(questions)s."),
    "inflection": _("Other forms of the words in “%(part)s” (%(form)s): %(questions)s."),
    "instead": _("%(part)s is also another word. To find %(form)s in its place: %(questions)s."),
}


class Suggestion(msgspec.Struct, frozen=True):
    """Another way to write a part of a query."""

    part: str  #: of the canonical query: ``VRU``
    form: str  #: as a query: ``"violence reduction unit"``
    printed: str  #: as people write it: ``Violence Reduction Unit``
    #: Number of questions that match with this form and not without it; in place of its part, all.
    added: int
    query: str  #: the whole query, with this form included
    is_complete: bool = True  #: whether these are all; if not, there are at least so many
    kind: AlternativeKind = "acronym"

    @property
    def sentence(self) -> str:
        """The suggestion as one sentence."""
        values = {
            "part": self.part.replace('"', ""),
            "form": self.printed,
            "questions": self._count(),
        }
        return gettext(_SENTENCES[self.kind]) % values

    def _count(self) -> str:
        """Return how many questions it adds, in words."""
        if self.kind == "instead":
            message = ngettext("%(number)s question", "%(number)s questions", self.added)
            at_least = ngettext(
                "at least %(number)s question", "at least %(number)s questions", self.added
            )
        else:
            message = ngettext("%(number)s more question", "%(number)s more questions", self.added)
            at_least = ngettext(
                "at least %(number)s more question",
                "at least %(number)s more questions",
                self.added,
            )
        return (message if self.is_complete else at_least) % {"number": format_number(self.added)}


def find_suggestions(
    connection: Connection, query: Query, budget: TimeBudget | None = None
) -> list[Suggestion]:
    """Return other forms of the parts of ``query`` that add questions, the surest kind first.

    Args:
        connection: The ledger.
        query: A query in normal form.
        budget: The time for counting questions; None for no limit.
    """
    found = (_count_added(connection, query, one, budget) for one in _iter_new(connection, query))
    suggestions: list[Suggestion] = []
    for number, suggestion in enumerate(islice(found, _MAX_COUNTED), 1):
        if suggestion is not None and suggestion.added:
            suggestions.append(suggestion)
        is_late = budget is not None and budget.is_spent() and number >= _MIN_COUNTED
        if is_late or len(suggestions) == _MAX_SUGGESTIONS:
            break
    return suggestions


def apply_suggestions(query: Query, accepted: Sequence[Suggestion]) -> Query:
    """Return ``query`` with each suggestion as an alternative to its part.

    ``VRU`` becomes ``VRU OR "violence reduction unit"``. One of the kind "instead" takes the
    place of its part.

    Raises:
        QueryError: The query would be too long.
    """
    forms: dict[str, list[Query]] = {}
    for one in (one for one in accepted if one.kind != "instead"):
        forms.setdefault(one.part, []).append(parse_query(one.form))
    # Runs of words first: once a word is widened, it is no longer beside the others.
    for part in sorted(forms, key=lambda part: -len(part.split())):
        query = _widen(query, parse_query(part), forms[part])
    for one in (one for one in accepted if one.kind == "instead"):
        replaced = replace_part(query, parse_query(one.part), parse_query(one.form))
        query = parse_query(format_canonical(replaced))
    return query


def _iter_new(connection: Connection, query: Query) -> Iterator[Alternative]:
    """Generate alternatives to the parts of ``query`` that it does not have yet."""
    parts = list_parts(query)
    present = {format_canonical(part) for part in parts}
    for one in find_alternatives(connection, parts):
        form = format_canonical(one.form)
        if form not in present:
            present.add(form)
            yield one


def _count_added(
    connection: Connection, query: Query, one: Alternative, budget: TimeBudget | None
) -> Suggestion | None:
    """Return an alternative with what it adds; None if the query would be refused with it."""
    try:
        widened = _include_form(query, one.part, one.form)
        instead = replace_part(query, one.part, one.form)
        if one.kind == "instead":
            widened, counted = format_canonical(instead), instead
        else:
            counted = ast.And((instead, ast.Not(query)))
        counted = parse_query(format_canonical(counted))
    except QueryError:  # it would be too long
        return None
    found = count_results(connection, counted, budget)
    return Suggestion(
        part=format_canonical(one.part),
        form=format_canonical(one.form),
        printed=one.printed,
        added=found.questions,
        query=widened,
        is_complete=found.is_complete,
        kind=one.kind,
    )


def _include_form(query: Query, part: Query, form: Query) -> str:
    """Return ``query`` with ``form`` as an alternative to a part."""
    widened = format_canonical(_widen(query, part, [form]))
    # What was typed stands first where that is all.
    is_all = format_canonical(query) == format_canonical(part)
    return f"{format_canonical(part)} OR {format_canonical(form)}" if is_all else widened


def _widen(query: Query, part: Query, forms: Sequence[Query]) -> Query:
    """Return ``query`` with alternatives to one of its parts."""
    widened = replace_part(query, part, ast.Or((part, *forms)))
    return parse_query(format_canonical(widened))

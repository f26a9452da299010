"""A second, fast parser: canonical forms read back into query trees. Pure.

:func:`alerts.queries.parse.format_canonical` writes queries in normal form and within all limits,
so nothing has to be checked, folded or sorted, and words and operators are told apart by their
first characters. That takes 2.4 µs a query, where :func:`alerts.queries.parse.parse_query` takes
100 µs. It is why this parser exists: a million topics compile in seconds instead of minutes
(``docs/explanation/benchmarks.md``). A property test holds that both read every canonical form to
the same tree.

A form that was damaged in the database is refused, so that one topic costs no other.
"""

from __future__ import annotations

import re

from alerts.language import gettext
from alerts.queries.ast import And, Near, Not, Or, Phrase, Query, Word
from alerts.queries.checks import QueryError
from alerts.queries.fields import FIELDS, KEYWORD_FIELDS

#: An operator, or a word or phrase with its field; then anything else, which no form has.
_TOKEN = re.compile(
    r"""( OR | NEAR/\d+ |NOT |[()])|(?:([a-z_]+):)?(?:"([\w .-]+)"|([\w-]+)(\*)?)|([^ ])"""
)
#: NOT and NEAR before anything but a word or phrase.
_WITHOUT_LEAF = re.compile(r"(?:(?<![A-Z])NOT | NEAR/\d+ )(?=[ ()]|NOT |OR |NEAR/|$)")
_FIELDS = frozenset({None, *FIELDS})


def parse_canonical(canonical: str) -> Query:
    """Return the query that :func:`alerts.queries.parse.format_canonical` wrote as ``canonical``.

    Raises:
        QueryError: It did not write this, as far as can be seen from the structure and the words.
            Some other texts are read without complaint, and wrongly.
    """
    try:
        return _read(canonical)
    except IndexError:  # a bracket closes nothing, or nothing is before NEAR
        raise _refuse() from None


def is_readable(canonical: str) -> bool:
    """Return whether :func:`parse_canonical` reads a stored form."""
    try:
        parse_canonical(canonical)
    except QueryError:
        return False
    return True


def _read(canonical: str) -> Query:
    opened: list[tuple[list[Query], list[Query]]] = []
    choices: list[Query] = []
    parts: list[Query] = []
    before = ""
    has_operators = False
    for operator, field, quoted, bare, star, other in _TOKEN.findall(canonical):
        if other:
            raise _refuse()
        if not operator:
            leaf = _build_leaf(field or None, quoted, bare, is_prefix=bool(star))
            if before == "NOT ":
                parts.append(Not(leaf))
            elif before.startswith(" NEAR"):
                parts.append(_extend_near(parts.pop(), leaf, int(before[6:])))
            else:
                parts.append(leaf)
            before = ""
            continue
        has_operators = True
        if operator == "(":
            opened.append((choices, parts))
            choices, parts = [], []
        elif operator == ")":
            group = _any_of([*choices, _all_of(parts)])
            choices, parts = opened.pop()
            parts.append(group)
        elif operator == " OR ":
            choices.append(_all_of(parts))
            parts = []
        before = operator
    query = _any_of([*choices, _all_of(parts)])
    if has_operators and (opened or _WITHOUT_LEAF.search(canonical) or not _has_wanted_leaf(query)):
        raise _refuse()
    return query


def _refuse() -> QueryError:
    return QueryError(gettext("Subscribe again: what was kept of this query is damaged."), 0)


def _has_wanted_leaf(query: Query) -> bool:
    """Return whether whatever matches ``query`` has one of its words."""
    if isinstance(query, And):
        return any(map(_has_wanted_leaf, query.parts))
    if isinstance(query, Or):
        return all(map(_has_wanted_leaf, query.parts))
    return not isinstance(query, Not)


def _all_of(parts: list[Query]) -> Query:
    if not parts:
        raise _refuse()
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _any_of(choices: list[Query]) -> Query:
    return choices[0] if len(choices) == 1 else Or(tuple(choices))


def _extend_near(before: Query, leaf: Word | Phrase, within: int) -> Query:
    """Return what ``before NEAR/within leaf`` means; ``before`` may be a NEAR already."""
    if isinstance(before, Not):
        return Not(_extend_near(before.part, leaf, within))
    if isinstance(before, Near):
        return Near((*before.parts, _without_field(leaf)), within, before.field)
    if not isinstance(before, Word | Phrase):
        raise _refuse()
    return Near((_without_field(before), _without_field(leaf)), within, before.field)


def _without_field(leaf: Word | Phrase) -> Word | Phrase:
    if isinstance(leaf, Word):
        return Word(leaf.tokens, leaf.mode)
    return Phrase(leaf.words)


def _build_leaf(field: str | None, quoted: str, bare: str, *, is_prefix: bool) -> Word | Phrase:
    if field not in _FIELDS:
        raise _refuse()
    if quoted:
        plain = quoted.replace(".", "")  # behind a letter that must not be linked: "e. smith"
        words = tuple([Word(tuple(word.split("-")), "exact") for word in plain.split()])
        return Phrase(words, field) if len(words) > 1 else Word(words[0].tokens, "exact", field)
    tokens = tuple(bare.split("-"))
    if is_prefix:
        return Word(tokens, "prefix", field)
    if field in KEYWORD_FIELDS:
        return Word(tokens, "exact", field)
    if "A" <= bare[0] <= "Z":
        if not bare.isupper():
            raise _refuse()
        return Word((bare,), "capitals", field)
    return Word(tokens, "stem", field)

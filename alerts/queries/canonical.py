"""A second, fast parser: canonical forms read back into query trees. Pure.

:func:`alerts.queries.parse.format_canonical` writes queries in normal form and within all limits,
so nothing has to be checked, folded or sorted, and words and operators are told apart by their
first characters. That takes 2.4 µs a query, where :func:`alerts.queries.parse.parse_query` takes
100 µs. It is why this parser exists: a million topics compile in seconds (``docs/benchmarks.md``)
instead of minutes. A property test holds that both read every canonical form to the same tree.
"""

from __future__ import annotations

import re

from alerts.queries.ast import And, Near, Not, Or, Phrase, Query, Word
from alerts.queries.fields import KEYWORD_FIELDS

_TOKEN = re.compile(
    r"""( OR | NEAR/\d+ |NOT |[()])|(?:([a-z_]+):)?(?:"([^"]*)"|([^\s"()*:]+)(\*)?)"""
)


def parse_canonical(canonical: str) -> Query:
    """Return the query that :func:`alerts.queries.parse.format_canonical` wrote as ``canonical``.

    Any other text is read without complaint, and wrongly.
    """
    opened: list[tuple[list[Query], list[Query]]] = []
    choices: list[Query] = []
    parts: list[Query] = []
    before = ""
    for operator, field, quoted, bare, star in _TOKEN.findall(canonical):
        if not operator:
            leaf = _build_leaf(field or None, quoted, bare, is_prefix=bool(star))
            if before == "NOT ":
                parts.append(Not(leaf))
            elif before.startswith(" NEAR"):
                parts.append(_extend_near(parts.pop(), leaf, int(before[6:])))
            else:
                parts.append(leaf)
        elif operator == "(":
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
    return _any_of([*choices, _all_of(parts)])


def _all_of(parts: list[Query]) -> Query:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _any_of(choices: list[Query]) -> Query:
    return choices[0] if len(choices) == 1 else Or(tuple(choices))


def _extend_near(before: Query, leaf: Word | Phrase, within: int) -> Query:
    """Return what ``before NEAR/within leaf`` means; ``before`` may be a NEAR already."""
    if isinstance(before, Not):
        return Not(_extend_near(before.part, leaf, within))
    if isinstance(before, Near):
        return Near((*before.parts, _without_field(leaf)), within, before.field)
    assert isinstance(before, Word | Phrase)
    return Near((_without_field(before), _without_field(leaf)), within, before.field)


def _without_field(leaf: Word | Phrase) -> Word | Phrase:
    if isinstance(leaf, Word):
        return Word(leaf.tokens, leaf.mode)
    return Phrase(leaf.words)


def _build_leaf(field: str | None, quoted: str, bare: str, *, is_prefix: bool) -> Word | Phrase:
    if quoted:
        plain = quoted.replace(".", "")  # behind a letter that must not be linked: "e. smith"
        words = tuple([Word(tuple(word.split("-")), "exact") for word in plain.split(" ")])
        return Phrase(words, field) if len(words) > 1 else Word(words[0].tokens, "exact", field)
    if is_prefix:
        return Word(tuple(bare.split("-")), "prefix", field)
    if field in KEYWORD_FIELDS:
        return Word(tuple(bare.split("-")), "exact", field)
    if "A" <= bare[0] <= "Z":
        return Word((bare,), "capitals", field)
    return Word(tuple(bare.split("-")), "stem", field)

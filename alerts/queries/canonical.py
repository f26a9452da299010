"""A canonical form read back, much faster than what somebody typed. Pure.

What :func:`alerts.queries.parse.format_canonical` wrote is in normal form and within all limits, so
nothing has
to be checked, sorted or folded, and words and signs are told apart by their first characters.
"""

from __future__ import annotations

import re

from alerts.queries.ast import And, Near, Not, Or, Phrase, Query, Word
from alerts.queries.fields import KEYWORD_FIELDS

_TOKEN = re.compile(
    r"""( OR | NEAR/\d+ |NOT |[()])|(?:([a-z_]+):)?(?:"([^"]*)"|([^\s"()*:]+)(\*)?)"""
)


def parse_canonical(canonical: str) -> Query:
    """The query whose canonical form this is: as ``parse(canonical)``, if that can be parsed."""
    opened: list[tuple[list[Query], list[Query]]] = []
    choices: list[Query] = []
    parts: list[Query] = []
    before = ""
    for sign, field, quoted, bare, star in _TOKEN.findall(canonical):
        if not sign:
            leaf = _leaf(field or None, quoted, bare, is_prefix=bool(star))
            if before == "NOT ":
                parts.append(Not(leaf))
            elif before.startswith(" NEAR"):
                parts.append(_near(parts.pop(), leaf, int(before[6:])))
            else:
                parts.append(leaf)
        elif sign == "(":
            opened.append((choices, parts))
            choices, parts = [], []
        elif sign == ")":
            group = _any([*choices, _all(parts)])
            choices, parts = opened.pop()
            parts.append(group)
        elif sign == " OR ":
            choices.append(_all(parts))
            parts = []
        before = sign
    return _any([*choices, _all(parts)])


def _all(parts: list[Query]) -> Query:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _any(choices: list[Query]) -> Query:
    return choices[0] if len(choices) == 1 else Or(tuple(choices))


def _near(before: Query, leaf: Word | Phrase, within: int) -> Query:
    if isinstance(before, Not):
        return Not(_near(before.part, leaf, within))
    if isinstance(before, Near):
        return Near((*before.parts, _without_field(leaf)), within, before.field)
    assert isinstance(before, Word | Phrase)
    return Near((_without_field(before), _without_field(leaf)), within, before.field)


def _without_field(leaf: Word | Phrase) -> Word | Phrase:
    if isinstance(leaf, Word):
        return Word(leaf.tokens, leaf.mode)
    return Phrase(leaf.words)


def _leaf(field: str | None, quoted: str, bare: str, *, is_prefix: bool) -> Word | Phrase:
    if quoted:
        words = tuple([Word(tuple(word.split("-")), "exact") for word in quoted.split(" ")])
        return Phrase(words, field) if len(words) > 1 else Word(words[0].tokens, "exact", field)
    if is_prefix:
        return Word(tuple(bare.split("-")), "prefix", field)
    if field in KEYWORD_FIELDS:
        return Word(tuple(bare.split("-")), "exact", field)
    if "A" <= bare[0] <= "Z":
        return Word((bare,), "capitals", field)
    return Word(tuple(bare.split("-")), "stem", field)

"""Definitions of acronyms in texts: "Violence Reduction Unit (VRU)". Pure.

The algorithm is that of Schwartz and Hearst (A simple algorithm for identifying abbreviation
definitions in biomedical text, Pacific Symposium on Biocomputing 2003): the letters of the short
form are searched from right to left in the words beside the bracket, and its first letter must
begin a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from alerts.text.tokenizer import tokenise

_BRACKET = re.compile(r"\(([^()]{2,100})\)")
_MIXED_CASE = re.compile(r"[A-Z][A-Za-z]{1,5}")
#: What ends a clause: a long form never extends beyond it.
_CLAUSE_END = re.compile(r"[.;:!?()]")


class AcronymDefinition(NamedTuple):
    """A short form, and what it stands for."""

    short_form: str  #: as printed, without a plural's s: ``VRU``, ``TfL``
    long_form: str  #: as printed: ``Violence Reduction Unit``


def find_definitions(texts: Iterable[str]) -> Iterator[AcronymDefinition]:
    """Generate the definitions in texts, ``long (SHORT)`` or ``SHORT (long)``, with repetitions."""
    for text in texts:
        for bracket in _BRACKET.finditer(text):
            inner, before = bracket[1].strip(), text[: bracket.start()].rstrip()
            if found := _find_long_before_short(
                inner, _CLAUSE_END.split(before)[-1]
            ) or _find_short_before_long(before, inner):
                yield found


def _find_long_before_short(short: str, before: str) -> AcronymDefinition | None:
    """Return the definition in ``long (SHORT)``, if it is one."""
    acronym = _parse_acronym(short)
    if acronym is None:
        return None
    words = before.split()
    # The paper allows as many words as the short form has letters and five more, or twice as many
    # as it has letters, whichever is less.
    near = " ".join(words[-min(len(acronym) + 5, 2 * len(acronym)) :])
    long = _find_long_form(acronym, near)
    return AcronymDefinition(acronym, long) if long else None


def _find_short_before_long(before: str, inner: str) -> AcronymDefinition | None:
    """Return the definition in ``SHORT (long)``, if all words in the bracket belong to it."""
    acronym = _parse_acronym(before.rsplit(maxsplit=1)[-1]) if before else None
    long = _find_long_form(acronym, inner) if acronym else None
    return AcronymDefinition(acronym, long) if acronym and long == inner else None


def _parse_acronym(word: str) -> str | None:
    """Return the short form that a word is: an acronym, or one with several capitals, like TfL."""
    tokens = tokenise(word)
    if len(tokens) != 1:
        return None
    printed = word[tokens[0].start : tokens[0].end]
    acronym = tokens[0].acronym
    if acronym and printed.replace(".", "").startswith(acronym):
        return acronym
    is_mixed = _MIXED_CASE.fullmatch(printed) and sum(map(str.isupper, printed)) > 1
    return printed if is_mixed else None


def _find_long_form(short: str, words: str) -> str | None:
    """Return the shortest end of ``words`` that has the letters of ``short`` in their order."""
    at = len(words)
    for place in range(len(short) - 1, -1, -1):
        letter = short[place].lower()
        at -= 1
        while at >= 0 and (
            words[at].lower() != letter or (place == 0 and at > 0 and words[at - 1].isalnum())
        ):
            at -= 1
        if at < 0:
            return None
    long = words[at:].strip(" ,'\"“”‘’-–")
    return long if _is_plausible(short, long) else None


def _is_plausible(short: str, long: str) -> bool:
    """Return whether the paper's checks hold: longer than the short form, and not containing it."""
    words = long.split()
    has_short = any(token.word == short.lower() for token in tokenise(long))
    return len(long) > len(short) and not has_short and 2 <= len(words) <= 2 * len(short)

"""Ordinary words in capitals (``KNIFE CRIME``), told from acronyms. Pure.

A word of two to six capitals is an acronym. But who writes two ordinary words in capitals writes
all words so: ``GREEN BELT`` means the green belt. It does not matter where in the query they are,
because canonical forms, which have to mean the same, are sorted. If there is no word in small
letters, every word is read as if it were in small letters; else only the ordinary ones. In
``TFL FARES``, which has no small letters, one ordinary word of five letters or more is enough.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lark import Token

from alerts.queries.fields import KEYWORD_FIELDS
from alerts.text import LITTLE_WORDS, STOP_WORDS, is_common_word, tokenise

#: Ordinary words from which on the query is shouted.
_MIN_ORDINARY = 2
#: Letters of an ordinary word that is shouted beside acronyms alone, as in ``TFL FARES``: many
#: shorter ones are acronyms too (LIP, LEAP, CARE).
_MIN_LONG_LENGTH = 5
#: A word of more letters is no acronym, whether the list of common words has it or not.
_MAX_ACRONYM_LENGTH = 6
#: Ordinary words that British official texts write in capitals as often, as acronyms: Adverse
#: Childhood Experiences, Business Improvement District, Multi-Agency Safeguarding Hub, the National
#: Institute for Health and Care Excellence, the Police and Criminal Evidence Act, ...
_ACRONYMS_TOO = frozenset(
    {"ace", "aids", "bid", "bids", "led", "mash", "nice", "pace"}
    | {"pip", "prep", "sage", "send", "stem", "vat"}
)


def has_small_letters(text: str) -> bool:
    """Return whether a word has small letters but for the s of a plural or possessive: ``TfL``."""
    return any(map(str.islower, re.sub(r"\W?s\W*$", "", text)))


def find_shouted(tokens: Sequence[Token]) -> list[Token]:
    """Return the words of a query that are in capitals and are no acronyms all the same."""
    words = [token for token in _list_english(tokens) if token.type == "WORD"]
    shouted = [token for token in _list_english(tokens) if not has_small_letters(token)]
    ordinary = [token for token in shouted if _is_ordinary(token)]
    small = [word for word in words if has_small_letters(word)]
    if len({str(token) for token in ordinary}) >= _MIN_ORDINARY:
        found = ordinary if small else shouted
    elif len(shouted) < _MIN_ORDINARY or any(word.lower() not in LITTLE_WORDS for word in small):
        found = []
    else:
        found = [token for token in ordinary if len(token) >= _MIN_LONG_LENGTH]
    return [token for token in found if token.type == "WORD"]


def lower_shouted(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens of a query, with shouted words in small letters."""
    shouted = {id(token) for token in find_shouted(tokens)}
    return [
        token.update(value=token.lower()) if id(token) in shouted else token for token in tokens
    ]


def _list_english(tokens: Sequence[Token]) -> list[Token]:
    """Return the words and quoted texts that are not the value of a keyword's field."""
    befores = [None, *tokens]
    return [
        token
        for token, before in zip(tokens, befores, strict=False)
        if token.type in ("WORD", "QUOTED")
        and not (before and before.type == "FIELD" and before[:-1].lower() in KEYWORD_FIELDS)
    ]


def _is_ordinary(token: Token) -> bool:
    """Return whether a text in capitals consists of ordinary words, not only of little ones."""
    words = [word.acronym.lower() if word.acronym else word.word for word in tokenise(token)]
    return all(map(_is_english, words)) and not all(word in STOP_WORDS for word in words)


def _is_english(word: str) -> bool:
    if not word.isalpha() or word in _ACRONYMS_TOO:
        return False
    if word in STOP_WORDS or len(word) > _MAX_ACRONYM_LENGTH:
        return True
    return len(word) > 2 and is_common_word(word)

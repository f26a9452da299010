"""What people write before a subject, as if to somebody: "questions about ...". Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lark import Token

#: Beginnings of queries that name no subject. Each ends with a word that a subject follows.
_LEAD_IN = re.compile(
    r"(?:(?:please )?(?:tell|send|show|give|email) me )?(?:(?:all|any|every|the|latest|new) )*"
    r"(?:questions?|answers?|news|info|information|updates?|alerts?|details|anything|everything)"
    r"(?: (?:asked|relating|related))? (?:about|on|regarding|concerning|of|to)"
    r"|(?:please )?(?:tell|email|alert|notify) me (?:about|of|on)"
    r"|i(?:'m|’m| am)? (?:want|would like|need|interested)(?: to (?:know|hear))? (?:about|in)"
    r"|how (?:many|much)",
    re.IGNORECASE,
)
#: Words of the longest beginning: "please send me all the latest information relating to".
_MAX_WORDS = 10
#: What may follow: a subject.
_SUBJECTS = frozenset({"WORD", "QUOTED", "LPAR", "FIELD"})


def split_lead_in(tokens: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """Return the words that a query begins with and that name no subject, and the others.

    Args:
        tokens: A query. All of it is returned as others if no subject follows.
    """
    words = 0
    while words < min(len(tokens), _MAX_WORDS) and tokens[words].type == "WORD":
        words += 1
    for size in range(words, 1, -1):
        text = " ".join(tokens[:size])
        if size < len(tokens) and tokens[size].type in _SUBJECTS and _LEAD_IN.fullmatch(text):
            return list(tokens[:size]), list(tokens[size:])
    return [], list(tokens)

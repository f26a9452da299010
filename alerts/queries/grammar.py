"""The grammar: a parse tree (``query.lark``) of what a subscriber typed, or a refusal. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from lark import Lark, Token, Tree, UnexpectedToken

from alerts.language import gettext
from alerts.queries.capitals import find_shouted, lower_shouted
from alerts.queries.checks import (
    QueryError,
    check_brackets,
    check_field,
    check_length,
    check_signs,
    check_words,
    offset_of,
    quote_token,
)
from alerts.queries.fields import KEYWORD_FIELDS
from alerts.text import STOP_WORDS, tokenise

#: ``A & E``, which is read as ``A&E``, at the same length.
_SPACED_LETTERS = re.compile(r"(?<!\w)([A-Z]) & ([A-Z]s?)(?!\w)")
#: A number and its unit, ``5 million``, which are looked for side by side, at the same length.
_SPACED_UNIT = re.compile(
    r"(?<![^\s(\"“])([£€$]?[0-9][0-9.,]*) (?=(?:per cent|percent|million|billion)(?!\w))",
    re.IGNORECASE,
)
_PER_CENT = re.compile(r"\b(per) cent(?!\w)", re.IGNORECASE)
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
#: Signs of East Asian keyboards, each with its own: ``（`` is ``(``. Letters and digits stay.
_WIDE_SIGNS = {
    code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if not chr(code).isalnum()
} | {0x3000: " "}

Node: TypeAlias = Tree[Token] | Token

_OPERATORS = frozenset({"_AND", "_OR", "NOT", "NEAR", "FIELD"})
#: Types of tokens between or after words.
_PROXIMITY_TOKENS = frozenset({"NEAR", "WITHIN"})


def parse_tree(text: str) -> Node:
    """Return the parse tree of a query.

    Raises:
        QueryError: The text is no query, or nearly every text would match it.
    """
    tokens = _split(text)
    if not tokens:
        raise QueryError(gettext("Write at least one word to look for."), 0)
    check_words(tokens)
    check_brackets(tokens)
    tree = _build_tree(lower_shouted(_split_lead_in(tokens)[1]))
    if error := _find_unselective(tree):
        raise error
    return tree


def is_selective(parts: Sequence[Node]) -> bool:
    """Return whether texts that have all parts of an AND have a word worth looking for."""
    return any(_find_unselective(part) is None for part in parts)


def list_lead_in(text: str) -> list[str]:
    """Return the words that a query begins with and that name no subject.

    Raises:
        QueryError: The text is no query.
    """
    return [str(token) for token in _split_lead_in(_split(text))[0]]


def list_shouted(text: str) -> list[str]:
    """Return the words of a query that would be acronyms, and are read as if in small letters.

    Raises:
        QueryError: The text is no query.
    """
    shouted = find_shouted(_split_lead_in(_split(text))[1])
    return [str(token) for token in shouted if any(word.acronym for word in tokenise(token))]


def _split_lead_in(tokens: Sequence[Token]) -> tuple[list[Token], list[Token]]:
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


def _split(text: str) -> list[Token]:
    check_length(text)
    text = _SPACED_LETTERS.sub(r"\1&\2  ", text.translate(_WIDE_SIGNS))
    text = _PER_CENT.sub("\\1\u00adcent", _SPACED_UNIT.sub(r"\1-", text))
    check_signs(text)
    return list(_lexer().lex(text))


@cache  # one object for the process: making the parser takes 15 ms
def _grammar() -> Lark:
    return Lark.open("query.lark", rel_to=__file__, parser="lalr", lexer="basic")


@cache  # a grammar with a parser makes a lexer for each text (60 µs); without one it keeps its own
def _lexer() -> Lark:
    return Lark.open("query.lark", rel_to=__file__, parser=None, lexer="basic")


def _build_tree(tokens: Sequence[Token]) -> Node:
    """Return the parse tree of tokens whose brackets pair: only operators can be misplaced."""
    parser = _grammar().parse_interactive()
    before: Token | None = None
    try:
        for token in tokens:
            parser.feed_token(token)
            before = token
        tree: Node = parser.feed_token(Token("$END", ""))
    except UnexpectedToken as error:
        raise _explain_misplaced(before, error.token) from None
    return tree


def _explain_misplaced(before: Token | None, token: Token) -> QueryError:
    if token.type == "WITHIN":
        message = gettext("Put words in double quotes before “%(sign)s”.")
        return QueryError(message % {"sign": token}, offset_of(token))
    if before is not None and before.type in _OPERATORS:
        message = gettext("Write a word after “%(sign)s”.")
        return QueryError(message % {"sign": before}, offset_of(before))
    if token.type in _OPERATORS:
        message = gettext("Write a word before “%(sign)s”.")
        return QueryError(message % {"sign": token}, offset_of(token))
    return QueryError(gettext("Write a word between these brackets."), offset_of(before or token))


def _find_unselective(node: Node, *, is_positive: bool = True) -> QueryError | None:
    """Return what is wrong if a text can match ``node`` without having a word worth looking for.

    Args:
        node: A node of the parse tree; the fields that it names are checked as well.
        is_positive: False below an odd number of NOTs.
    """
    if isinstance(node, Token):
        return _check_selective_word(node, is_positive=is_positive)
    if node.data == "without":
        operator, part = node.children
        assert isinstance(operator, Token)
        error = _find_unselective(part, is_positive=not is_positive)
        return QueryError(error.message, offset_of(operator)) if error and is_positive else error
    if node.data == "scoped":
        return _find_unselective_in_field(node, is_positive=is_positive)
    if node.data == "window":  # its words may be apart, so it is no phrase
        [quoted] = _list_leaves(node)
        return _check_selective_word(quoted, is_positive=is_positive, is_phrase=False)
    parts = [p for p in node.children if not (isinstance(p, Token) and p.type in _PROXIMITY_TOKENS)]
    errors = [_find_unselective(part, is_positive=is_positive) for part in parts]
    if (node.data != "either") == is_positive and None in errors:
        return None  # all parts must be there, and one of them is worth looking for
    return next(filter(None, errors), None)


def _find_unselective_in_field(node: Tree[Token], *, is_positive: bool) -> QueryError | None:
    field, part = node.children
    assert isinstance(field, Token)
    check_field(field, _list_leaves(part))
    is_keyword = is_positive and field[:-1].lower() in KEYWORD_FIELDS
    return None if is_keyword else _find_unselective(part, is_positive=is_positive)


def _list_leaves(node: Node) -> list[Token]:
    if isinstance(node, Token):
        return [node]
    tokens = node.scan_values(lambda value: isinstance(value, Token))
    return [token for token in tokens if token.type not in _PROXIMITY_TOKENS]


def _check_selective_word(
    token: Token, *, is_positive: bool, is_phrase: bool = True
) -> QueryError | None:
    if not is_positive:
        message = gettext("Add a word to look for: NOT alone would match nearly everything.")
        return QueryError(message, offset_of(token))
    words = tokenise(token)
    if len(words) == 1 and words[0].acronym:
        return None
    if token.type == "QUOTED" and len(words) > 1 and is_phrase:
        return None  # each of its words is in nearly every text, but not next to the other
    if all(word.word in STOP_WORDS for word in words):
        message = gettext("Add a rarer word: %(word)s is in nearly every text.")
        return QueryError(message % {"word": quote_token(token)}, offset_of(token))
    return None

"""From what a subscriber typed to a parse tree, or to one sentence on what to change. Pure.

Nothing that is not understood is passed over in silence: a query that does less than its writer
believes is found out only by the alerts that never come. What can be seen in the text alone is
refused by :mod:`alerts.refusing`, before the grammar reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from lark import Lark, Token, Tree, UnexpectedToken

from alerts.queries.english import STOP_WORDS
from alerts.queries.fields import KEYWORDS
from alerts.queries.tokens import tokenise
from alerts.refusing import (
    MAX_DEPTH,
    MAX_LENGTH,
    QueryError,
    check_field,
    check_signs,
    check_words,
    shown,
)

Node: TypeAlias = Tree[Token] | Token

_OPERATORS = frozenset({"_AND", "_OR", "NOT", "NEAR", "FIELD"})


def read(text: str) -> Node:
    """The parse tree of a query that asks for something; raises :class:`QueryError`."""
    if len(text) > MAX_LENGTH:  # first of all, so that nothing can be made to work hard
        raise QueryError(
            f"Shorten the query: it has {len(text)} characters and may have {MAX_LENGTH}.",
            MAX_LENGTH,
        )
    check_signs(text)
    tokens = list(_grammar().lex(text))
    if not tokens:
        raise QueryError("Write at least one word to look for.", 0)
    check_words(tokens)
    _check_brackets(tokens)
    tree = _tree(tokens)
    if error := _loose(tree):
        raise error
    return tree


def check_written_out(canonical: str) -> None:
    """Raise :class:`QueryError` if a canonical form is over the limits that it will be read by.

    Spreading a NOT or a field over brackets and taking letters apart lengthen a query.
    """
    depth = deepest = 0
    for char in canonical:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    if len(canonical) > MAX_LENGTH or deepest > MAX_DEPTH:
        raise QueryError("Make the query simpler: written out in full, it is too long.", 0)


@cache
def _grammar() -> Lark:
    return Lark.open("query.lark", rel_to=__file__, parser="lalr", lexer="basic")


def _at(token: Token) -> int:
    return token.start_pos or 0


def _check_brackets(tokens: Sequence[Token]) -> None:
    opened: list[int] = []
    for token in tokens:
        if token.type == "LPAR":
            opened.append(_at(token))
            if len(opened) > MAX_DEPTH:
                message = f"Use fewer brackets: they may be {MAX_DEPTH} deep."
                raise QueryError(message, _at(token))
        elif token.type == "RPAR":
            if not opened:
                raise QueryError("Take out this bracket: it closes nothing.", _at(token))
            opened.pop()
    if opened:
        raise QueryError("Close the bracket that is opened here.", opened[-1])


def _tree(tokens: Sequence[Token]) -> Node:
    """What the grammar makes of the tokens; only what stands beside what can be wrong now."""
    parser = _grammar().parse_interactive()
    before: Token | None = None
    try:
        for token in tokens:
            parser.feed_token(token)
            before = token
        tree: Node = parser.feed_token(Token("$END", ""))
    except UnexpectedToken as error:
        raise _misplaced(before, error.token) from None
    return tree


def _misplaced(before: Token | None, token: Token) -> QueryError:
    if token.type == "WITHIN":
        return QueryError(f"Put words in double quotes before “{token}”.", _at(token))
    if before is not None and before.type in _OPERATORS:
        return QueryError(f"Write a word after “{before}”.", _at(before))
    if token.type in _OPERATORS:
        return QueryError(f"Write a word before “{token}”.", _at(token))
    return QueryError("Write a word between these brackets.", _at(before or token))


def _loose(node: Node, *, wanted: bool = True) -> QueryError | None:
    """What is wrong if texts can match ``node`` that have no word worth looking for."""
    if isinstance(node, Token):
        return _loose_word(node, wanted=wanted)
    if node.data == "without":
        operator, part = node.children
        assert isinstance(operator, Token)
        error = _loose(part, wanted=not wanted)
        return QueryError(error.message, _at(operator)) if error and wanted else error
    if node.data == "scoped":
        field, part = node.children
        assert isinstance(field, Token)
        check_field(field, _leaves(part))
        is_name = wanted and field[:-1].lower() in KEYWORDS
        return None if is_name else _loose(part, wanted=wanted)
    parts = [p for p in node.children if not (isinstance(p, Token) and p.type in _BETWEEN)]
    errors = [_loose(part, wanted=wanted) for part in parts]
    if (node.data != "either") == wanted and None in errors:
        return None  # one part that must be there is enough
    return next(filter(None, errors), None)


#: Tokens that stand between words and are none.
_BETWEEN = frozenset({"NEAR", "WITHIN"})


def _leaves(node: Node) -> list[Token]:
    if isinstance(node, Token):
        return [node]
    return [t for t in node.scan_values(lambda t: isinstance(t, Token)) if t.type not in _BETWEEN]


def _loose_word(token: Token, *, wanted: bool) -> QueryError | None:
    if not wanted:
        message = "Add a word to look for: NOT alone would match nearly everything."
        return QueryError(message, _at(token))
    words = tokenise(token)
    if token.type == "WORD" and len(words) == 1 and words[0].acronym:
        return None
    if all(word.word in STOP_WORDS for word in words):
        message = f"Add a rarer word: {shown(token)} is in nearly every text."
        return QueryError(message, _at(token))
    return None

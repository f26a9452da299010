"""From what a subscriber typed to a parse tree, or to one sentence on what to change. Pure.

Nothing that is not understood is passed over in silence: a query that does less than its writer
believes is found out only by the alerts that never come.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from lark import Lark, Token, Tree, UnexpectedToken

from alerts.text import HYPHENS, tokenise

Node: TypeAlias = Tree[Token] | Token

MAX_LENGTH, MAX_TERMS, MAX_DEPTH = 500, 50, 20

#: Words in nearly every text: they may stand beside others but find nothing worth telling.
STOP_WORDS = frozenset(
    token.word
    for token in tokenise(
        "a about also am an and any are as at be been but by can could did do does for from had"
        " has have he her here him his how i if in into is it its me my no not of on or our she"
        " should so some than that the their them then there these they this those to up us was we"
        " were what when where which who why will with would you your"
    )
)

_QUOTES = re.compile(r'["“”„‟″＂«»]')
_QUOTED = re.compile(rf"{_QUOTES.pattern}[^{_QUOTES.pattern[1:]}*{_QUOTES.pattern}")
_HYPHENS = re.escape(HYPHENS)
#: Before the first character of a word.
_START = r"(?<![^\s()])"
_STAR = "Write out the words that you want, with OR between them: “*” is not understood yet."
#: What a later version may read, and what to write until then.
_NOT_YET = (
    (
        re.compile("~"),
        "Put words that stand together in double quotes: “~” is not understood yet.",
    ),
    (re.compile(r"\|"), "Write OR: “|” is not understood yet."),
    (
        re.compile(rf"{_START}NEAR/\d"),
        "Write AND, or use double quotes: NEAR is not understood yet.",
    ),
    (
        re.compile(rf"{_START}[{_HYPHENS}](?=[^\s){_HYPHENS}])"),
        "Write NOT to leave a word out: a hyphen before a word is not understood yet.",
    ),
    (
        re.compile(rf"{_START}[^\W\d]\w*:"),
        "Take out the colon, or put the words in double quotes: fields are not understood yet.",
    ),
)
#: A comma or semicolon that is not inside a number.
_COMMA = re.compile(r"(?<!\d)[,;]|[,;](?!\d)")
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_OPERATORS = frozenset({"_AND", "_OR", "NOT"})


class QueryError(ValueError):
    """A query that we refuse: one sentence on what to do, and where in the text (from 0)."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message, column)
        self.message = message
        self.column = column

    def __str__(self) -> str:
        return f"{self.message[:-1]} (at character {self.column + 1}){self.message[-1]}"


def read(text: str) -> Node:
    """The parse tree of a query that asks for something; raises :class:`QueryError`."""
    if len(text) > MAX_LENGTH:  # first of all, so that nothing can be made to work hard
        raise QueryError(
            f"Shorten the query: it has {len(text)} characters and may have {MAX_LENGTH}.",
            MAX_LENGTH,
        )
    _check_quotes(text)
    _check_signs(text)
    _check_commas(text)
    tokens = list(_grammar().lex(text))
    if not tokens:
        raise QueryError("Write at least one word to look for.", 0)
    _check_words(tokens)
    _check_brackets(tokens)
    tree = _tree(tokens)
    if error := _loose(tree):
        raise error
    return tree


def check_written_out(canonical: str) -> None:
    """Raise :class:`QueryError` if a canonical form is over the limits that it will be read by.

    Spreading a NOT over brackets and taking letters apart both lengthen a query.
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


def _shown(token: Token) -> str:
    return f"“{_QUOTES.sub('', token)}”"


def _unquoted(text: str) -> str:
    """``text`` with every quoted part blotted out, as long as before, so that places stay."""
    return _QUOTED.sub(lambda quoted: f"({'q' * (len(quoted[0]) - 2)})", text)


def _check_quotes(text: str) -> None:
    if left := _QUOTES.search(_unquoted(text)):
        raise QueryError("Close the double quotes that are opened here.", left.start())


def _check_signs(text: str) -> None:
    """Refuse signs that other search languages have and we (so far) do not."""
    if "*" in text:  # in quotes too, where it would be a prefix as well
        raise QueryError(_STAR, text.index("*"))
    for pattern, message in _NOT_YET:
        if found := pattern.search(_unquoted(text)):
            raise QueryError(message, found.start())


def _check_commas(text: str) -> None:
    parts = _COMMA.split(_unquoted(text))
    topics = sum(any(map(str.isalnum, part)) for part in parts)
    if topics > 1:
        number = dict(enumerate(_NUMBERS, 2)).get(topics, str(topics))
        message = (
            "Write OR for each comma, or subscribe to the parts one by one: did you mean"
            f" {number} topics, or any of these words?"
        )
        raise QueryError(message, len(parts[0]))


def _check_words(tokens: Sequence[Token]) -> None:
    terms = 0
    for token in tokens:
        if token.type not in {"WORD", "QUOTED"}:
            continue
        words = tokenise(token)
        if not words:
            raise QueryError(f"Take out {_shown(token)}: it has no letters or digits.", _at(token))
        terms += len(words)
        if terms > MAX_TERMS:
            raise QueryError(f"Use fewer words: a query may have {MAX_TERMS}.", _at(token))


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
    """What the grammar makes of the tokens; only operators and empty brackets can be wrong now."""
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
    if before is not None and before.type in _OPERATORS:
        return QueryError(f"Write a word after {before}.", _at(before))
    if token.type in _OPERATORS:
        return QueryError(f"Write a word before {token}.", _at(token))
    return QueryError("Write a word between these brackets.", _at(before or token))


def _loose(node: Node, *, wanted: bool = True) -> QueryError | None:
    """What is wrong if texts can match ``node`` that have no word worth looking for."""
    if isinstance(node, Token):
        if not wanted:
            return QueryError(
                "Add a word to look for: NOT alone would match nearly everything.", _at(node)
            )
        common = all(token.word in STOP_WORDS for token in tokenise(node))
        message = f"Add a rarer word: {_shown(node)} is in nearly every text."
        return QueryError(message, _at(node)) if common else None
    if node.data == "without":
        operator, part = node.children
        assert isinstance(operator, Token)
        error = _loose(part, wanted=not wanted)
        return QueryError(error.message, _at(operator)) if error and wanted else error
    errors = [_loose(part, wanted=wanted) for part in node.children]
    if (node.data == "all") == wanted and None in errors:
        return None  # one part that must be there is enough
    return next(filter(None, errors), None)

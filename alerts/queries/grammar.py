"""From what a subscriber typed to a parse tree, or to one sentence on what to change. Pure.

Nothing that is not understood is passed over in silence: a query that does less than its writer
believes is found out only by the alerts that never come. What can be seen in the text alone is
refused by :mod:`alerts.refusing`, before the grammar reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from typing import TypeAlias

from lark import Lark, Token, Tree, UnexpectedToken

from alerts.errors import ExitStatus, WatchwordError
from alerts.queries.fields import ALLOWED_VALUES, FIELDS, KEYWORD_FIELDS
from alerts.text import HYPHENS, STOP_WORDS, tokenise

Node: TypeAlias = Tree[Token] | Token

_OPERATORS = frozenset({"_AND", "_OR", "NOT", "NEAR", "FIELD"})


def parse_tree(text: str) -> Node:
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
    tree = _build_tree(tokens)
    if error := _find_unselective(tree):
        raise error
    return tree


def check_expanded_size(canonical: str) -> None:
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


def _offset_of(token: Token) -> int:
    return token.start_pos or 0


def _check_brackets(tokens: Sequence[Token]) -> None:
    opened: list[int] = []
    for token in tokens:
        if token.type == "LPAR":
            opened.append(_offset_of(token))
            if len(opened) > MAX_DEPTH:
                message = f"Use fewer brackets: they may be {MAX_DEPTH} deep."
                raise QueryError(message, _offset_of(token))
        elif token.type == "RPAR":
            if not opened:
                raise QueryError("Take out this bracket: it closes nothing.", _offset_of(token))
            opened.pop()
    if opened:
        raise QueryError("Close the bracket that is opened here.", opened[-1])


def _build_tree(tokens: Sequence[Token]) -> Node:
    """What the grammar makes of the tokens; only what stands beside what can be wrong now."""
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
        return QueryError(f"Put words in double quotes before “{token}”.", _offset_of(token))
    if before is not None and before.type in _OPERATORS:
        return QueryError(f"Write a word after “{before}”.", _offset_of(before))
    if token.type in _OPERATORS:
        return QueryError(f"Write a word before “{token}”.", _offset_of(token))
    return QueryError("Write a word between these brackets.", _offset_of(before or token))


def _find_unselective(node: Node, *, is_positive: bool = True) -> QueryError | None:
    """What is wrong if texts can match ``node`` that have no word worth looking for."""
    if isinstance(node, Token):
        return _check_selective_word(node, is_positive=is_positive)
    if node.data == "without":
        operator, part = node.children
        assert isinstance(operator, Token)
        error = _find_unselective(part, is_positive=not is_positive)
        return QueryError(error.message, _offset_of(operator)) if error and is_positive else error
    if node.data == "scoped":
        field, part = node.children
        assert isinstance(field, Token)
        check_field(field, _list_leaves(part))
        is_name = is_positive and field[:-1].lower() in KEYWORD_FIELDS
        return None if is_name else _find_unselective(part, is_positive=is_positive)
    parts = [p for p in node.children if not (isinstance(p, Token) and p.type in _PROXIMITY_TOKENS)]
    errors = [_find_unselective(part, is_positive=is_positive) for part in parts]
    if (node.data != "either") == is_positive and None in errors:
        return None  # one part that must be there is enough
    return next(filter(None, errors), None)


#: Tokens that stand between words and are none.
_PROXIMITY_TOKENS = frozenset({"NEAR", "WITHIN"})


def _list_leaves(node: Node) -> list[Token]:
    if isinstance(node, Token):
        return [node]
    return [
        t
        for t in node.scan_values(lambda t: isinstance(t, Token))
        if t.type not in _PROXIMITY_TOKENS
    ]


def _check_selective_word(token: Token, *, is_positive: bool) -> QueryError | None:
    if not is_positive:
        message = "Add a word to look for: NOT alone would match nearly everything."
        return QueryError(message, _offset_of(token))
    words = tokenise(token)
    if token.type == "WORD" and len(words) == 1 and words[0].acronym:
        return None
    if all(word.word in STOP_WORDS for word in words):
        message = f"Add a rarer word: {quote_token(token)} is in nearly every text."
        return QueryError(message, _offset_of(token))
    return None


MAX_LENGTH, MAX_TERMS, MAX_DEPTH = 500, 50, 20


#: A word has so many letters, a prefix at least so many, NEAR reaches so far.
MAX_WORD_LENGTH, MIN_PREFIX_LENGTH, MAX_WITHIN = 64, 3, 50


#: Each hyphen doubles the ways to spell a word or phrase.
MAX_HYPHENS = 6


_QUOTES = re.compile(r'["“”„‟″＂«»]')


_QUOTED = re.compile(rf"{_QUOTES.pattern}[^{_QUOTES.pattern[1:]}*{_QUOTES.pattern}")


#: Before the first character of a word.
_WORD_START = rf"(?<![^\s()|{re.escape(HYPHENS)}])"


_DATES = rf"{_WORD_START}(?:date|from|to|since|until|before|after):|\b\d{{4}}[\d-]*\.\."


#: A quoted part is blotted out as ``(qqq)`` when these are looked for.
_SIGN_RULES = (
    (
        re.compile(r"~(?!\d)|(?<!\))~"),
        'Write “~” and a number right behind words in double quotes, as in "knife crime"~5.',
    ),
    (
        re.compile(rf"{_WORD_START}NEAR(?!/\d+(?:[\s()]|$))(?![^\s()/])"),
        "Say how near, as in knife NEAR/5 crime.",
    ),
    (
        re.compile(_DATES, re.IGNORECASE),
        "Leave dates out: a topic is told of what is new from now on.",
    ),
    (
        re.compile(rf"{_WORD_START}[^\W\d]\w*:(?=[\s)]|$)"),
        "Write the word right behind the colon, as in title:knife.",
    ),
    (re.compile(r"\*(?=[^\s()|,;])"), "Put “*” at the end of a word: it stands for any ending."),
    (re.compile(r"(?<![^\s(|])\*"), "Write the beginning of a word before “*”."),
)


#: A comma or semicolon that is not inside a number.
_COMMA = re.compile(r"(?<!\d)[,;]|[,;](?!\d)")


_NUMBER_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class QueryError(WatchwordError):
    """A query that we refuse: one sentence on what to do, and where in the text (from 0)."""

    exit_status = ExitStatus.USAGE

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message, column)
        self.message = message
        self.column = column

    def __str__(self) -> str:
        return f"{self.message[:-1]} (at character {self.column + 1}){self.message[-1]}"


def check_signs(text: str) -> None:
    """Refuse quotes left open, signs in the wrong place, dates and lists with commas."""
    if left := _QUOTES.search(_mask_quoted(text)):
        raise QueryError("Close the double quotes that are opened here.", left.start())
    for quoted in _QUOTED.finditer(text):
        if "*" in quoted[0]:
            message = "Take “*” out of the quotes: what is quoted is exact."
            raise QueryError(message, quoted.start() + quoted[0].index("*"))
    for pattern, message in _SIGN_RULES:
        if found := pattern.search(_mask_quoted(text)):
            raise QueryError(message, found.start())
    _check_commas(text)


def check_words(tokens: Sequence[Token]) -> None:
    """Refuse words without letters, too long or too short ones, and too many."""
    terms = 0
    for token in tokens:
        at = token.start_pos or 0
        if token.type in ("NEAR", "WITHIN"):
            _check_within(token, at)
        if token.type not in ("WORD", "QUOTED"):
            continue
        words = [word.word for word in tokenise(token)]
        if not words:
            raise QueryError(f"Take out {quote_token(token)}: it has no letters or digits.", at)
        if max(map(len, words)) > MAX_WORD_LENGTH:
            raise QueryError(f"Shorten this word: it may have {MAX_WORD_LENGTH} letters.", at)
        if "*" in token and len(words[-1]) < MIN_PREFIX_LENGTH:
            raise QueryError(f"Write {MIN_PREFIX_LENGTH} letters or more before “*”.", at)
        if token.type == "QUOTED" and len(words) > 1:
            terms += len(words) - 1
        terms += 1
        if terms > MAX_TERMS:
            raise QueryError(f"Use fewer words: a query may have {MAX_TERMS}.", at)


def check_field(field: Token, words: Sequence[Token]) -> None:
    """Refuse a field that we do not have, and a value that it never has."""
    name, at = field[:-1].lower(), field.start_pos or 0
    if name not in FIELDS:
        near = get_close_matches(name, FIELDS, 1)
        hint = f"did you mean {near[0]}:?" if near else f"there are {', '.join(FIELDS)}."
        message = f"Put this in double quotes, or name a field that there is (not “{name}”): {hint}"
        raise QueryError(message, at)
    allowed = ALLOWED_VALUES.get(name)
    for word in words if allowed else ():
        if word.strip(_QUOTES.pattern).lower() not in (allowed or ()):
            message = f"Write {name}: with one of {', '.join(allowed or ())}."
            raise QueryError(message, word.start_pos or 0)


def quote_token(token: Token) -> str:
    """A word or phrase as our sentences quote it."""
    return f"“{_QUOTES.sub('', token)}”"


def _mask_quoted(text: str) -> str:
    """``text`` with every quoted part blotted out, as long as before, so that places stay."""
    return _QUOTED.sub(lambda quoted: f"({'q' * (len(quoted[0]) - 2)})", text)


def _check_within(token: Token, at: int) -> None:
    within = int(token.rpartition("/")[2].lstrip("~")[:9])
    if not 1 <= within <= MAX_WITHIN:
        raise QueryError(f"Write a number from 1 to {MAX_WITHIN} in “{token}”.", at)


def _check_commas(text: str) -> None:
    parts = _COMMA.split(_mask_quoted(text))
    topics = sum(any(map(str.isalnum, part)) for part in parts)
    if topics > 1:
        number = dict(enumerate(_NUMBER_WORDS, 2)).get(topics, str(topics))
        message = (
            "Write OR for each comma, or subscribe to the parts one by one: did you mean"
            f" {number} topics, or any of these words?"
        )
        raise QueryError(message, len(parts[0]))

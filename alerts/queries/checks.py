"""What is refused in a query, apart from its structure, each with one sentence on what to do. Pure.

Nothing that is not understood is ignored: a query that finds less than its author believes would be
noticed only by the alerts that never come.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from lark import Token

from alerts.errors import ExitStatus, WatchwordError
from alerts.language import gettext, ngettext
from alerts.language import gettext_noop as _
from alerts.queries.fields import ALLOWED_VALUES, FIELDS
from alerts.text import HYPHENS, tokenise

#: Characters of a query, words in it, and brackets inside brackets: together they bound the work
#: that one query can cause, whoever sends it. 50 words of 9 letters and a space are 500 characters.
MAX_LENGTH, MAX_TERMS, MAX_DEPTH = 500, 50, 20
#: Letters of a word (the longest in an English dictionary has 45).
MAX_WORD_LENGTH = 64
#: Letters of a prefix: two would stand for hundreds of words.
MIN_PREFIX_LENGTH = 3
#: Words between the parts of a NEAR: 50 are about three sentences.
MAX_WITHIN = 50
#: Hyphens in a word or phrase. Each doubles the ways to spell it: 2 ** 6 = 64.
MAX_HYPHENS = 6

_QUOTES = re.compile(r'["“”„‟″＂«»]')
_QUOTED = re.compile(rf"{_QUOTES.pattern}[^{_QUOTES.pattern[1:]}*{_QUOTES.pattern}")
#: Before the first character of a word.
_WORD_START = rf"(?<![^\s()|{re.escape(HYPHENS)}])"
_DATES = rf"{_WORD_START}(?:date|from|to|since|until|before|after):|\b\d{{4}}[\d-]*\.\."
#: Patterns that are refused, and what to do. Quoted parts have been masked as ``(qqq)`` before.
_SIGN_RULES = (
    (
        re.compile(r"~(?!\d)|(?<!\))~"),
        _('Write “~” and a number right behind words in double quotes, as in "knife crime"~5.'),
    ),
    (
        re.compile(rf"{_WORD_START}NEAR(?!/\d+(?:[\s()]|$))(?![^\s()/])"),
        _("Say how near, as in knife NEAR/5 crime."),
    ),
    (
        re.compile(_DATES, re.IGNORECASE),
        _("Leave dates out: a topic finds only what is new; for one year, write year:2026."),
    ),
    (
        re.compile(rf"{_WORD_START}[^\W\d]\w*:(?=[\s)]|$)"),
        _("Write the word right behind the colon, as in title:knife."),
    ),
    (
        re.compile(
            rf"{_WORD_START}(?:AND|OR|NOT)(?![\w\s()|{re.escape(HYPHENS)}]|{_QUOTES.pattern}|$)"
        ),
        _("Leave a space after AND, OR or NOT, or write it small if you mean the word."),
    ),
    (
        re.compile(
            rf"{_WORD_START}&?!(?=[\w(])|¬|&\s*!|{_WORD_START}[{re.escape(HYPHENS)}]{{2,}}(?=\w)"
        ),
        _("Write NOT or “-” before what is to be left out, as in knife NOT crime."),
    ),
    (
        re.compile(rf"(?!\A){_WORD_START}(?:WITHOUT|EXCEPT|UNLESS|MINUS|NOR|NAND|BUT)(?=\s+[\w(])"),
        _(
            "Write NOT before what is to be left out, as in knife NOT crime, or write the word"
            " small."
        ),
    ),
    (
        re.compile(r"\w?[!?]"),
        _("Take out “!” and “?”: write “*” at the end of a word for any ending, as in kni*."),
    ),
    (
        re.compile(
            rf"{_WORD_START}(?:(?:w|n|pre|onear|adj|within)?/(?:\d+|[sp])|w/(?:in|seg|para)"
            rf"|(?:NEAR|ADJ)\d+|(?-i:near|Near)/\d+|AROUND ?\(\d+\))(?=[\s()|]|$)"
            rf"|(?!\A){_WORD_START}(?-i:ADJ|ONEAR|WITHIN)(?=\s+[\w(])",
            re.IGNORECASE,
        ),
        _("Write NEAR/ and a number for words that are near each other, as in knife NEAR/5 crime."),
    ),
    (
        re.compile(rf"{_WORD_START}(?:BUT\s+NOT|ANDNOT|AND-NOT|BUTNOT)(?!\w)"),
        _("Write NOT before what is to be left out, as in knife NOT crime."),
    ),
    (re.compile(rf"{_WORD_START}XOR(?!\w)"), _("Write OR for XOR: it finds either word.")),
    (
        re.compile(
            rf"{_WORD_START}(?:['‘`]+\w[^'’`]*\s[^'’`]*['’`]+(?=[\s()|]|$)|[‹›「」『』《》〈〉])"
        ),
        _('Put a phrase into double quotes, as in "knife crime".'),
    ),
    (
        re.compile(rf"{_WORD_START}\+(?=[\w(])"),
        _("Take out “+”: every word must be there already."),
    ),
    (
        re.compile(
            r"(?<=\w)(?<!\bAND)(?<!\bOR)(?<!\bNOT)(?<!NEAR/\d)(?<!NEAR/\d\d)\((?!q+\))|(?<!q)\)(?=\w)"
        ),
        _("Leave a space before and after brackets; a word finds its plural without them."),
    ),
    (
        re.compile(r"(?<=\w)_(?=\w)(?![^\W\d]*:)"),
        _("Put a word with “_” in double quotes, or write “*” for any ending of a word."),
    ),
    (
        re.compile(rf"{_WORD_START}(?:asked|answered)[ .-](?:by|of):(?=\S)", re.IGNORECASE),
        _("Write “_” in the name of the field, as in asked_by:hall."),
    ),
    (re.compile(r"\^\d*"), _("Take out “^”: no word counts more than another.")),
    (re.compile(r"[\[\]{}]"), _("Write round brackets for “[”, “]”, “{” and “}”.")),
    (
        re.compile(rf"[\\=<>]|{_WORD_START}[#@$](?=[^\W\d])|(?<=[^\W\d])[#$%](?=[\s()|]|$)"),
        _(
            "Take out this sign, which means nothing in a topic; write “*” for any ending of a"
            " word."
        ),
    ),
    (re.compile(r"\*(?=[^\s()|,;])"), _("Put “*” at the end of a word: it stands for any ending.")),
    (re.compile(r"(?<![^\s(|])\*"), _("Write the beginning of a word before “*”.")),
)
#: A comma or semicolon, unless it is inside a number.
_COMMA = re.compile(r"(?<!\d)[,;]|[,;](?!\d)")
#: A year as the field ``year`` has it, with or without quotes.
_YEAR = re.compile(rf"{_QUOTES.pattern}?[0-9]{{4}}{_QUOTES.pattern}?")
_NUMBER_WORDS = dict(
    enumerate(
        (
            *(_("two"), _("three"), _("four"), _("five"), _("six"), _("seven"), _("eight")),
            *(_("nine"), _("ten")),
        ),
        start=2,
    )
)


class QueryError(WatchwordError):
    """A query that is refused.

    Attributes:
        message: One sentence that says what to do.
        column: The offset in the query, from 0, that the sentence is about.
    """

    exit_status = ExitStatus.USAGE

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message, column)
        self.message = message
        self.column = column

    def __str__(self) -> str:
        return gettext("%(sentence)s (at character %(number)s)%(sign)s") % {
            "sentence": self.message[:-1],
            "number": self.column + 1,
            "sign": self.message[-1],
        }


def check_length(text: str) -> None:
    """Refuse a text that is too long. This comes first, so that no text can cause much work."""
    if len(text) > MAX_LENGTH:
        message = gettext("Shorten the query: it has %(length)s characters and may have %(limit)s.")
        raise QueryError(message % {"length": len(text), "limit": MAX_LENGTH}, MAX_LENGTH)


def check_expanded_size(canonical: str) -> None:
    """Refuse a query whose canonical form is longer than the text that it would be parsed from.

    A canonical form can be longer than what was typed: NOT and fields are repeated for each part
    of a bracket. It never has deeper brackets.
    """
    if len(canonical) > MAX_LENGTH:
        message = gettext("Make the query simpler: written out in full, it is too long.")
        raise QueryError(message, 0)


def check_signs(text: str) -> None:
    """Refuse quotes left open, signs in the wrong place, dates and lists with commas."""
    if left := _QUOTES.search(_mask_quoted(text)):
        raise QueryError(gettext("Close the double quotes that are opened here."), left.start())
    for quoted in _QUOTED.finditer(text):
        if "*" in quoted[0]:
            message = gettext("Take “*” out of the quotes: what is quoted is exact.")
            raise QueryError(message, quoted.start() + quoted[0].index("*"))
    for pattern, message in _SIGN_RULES:
        if found := pattern.search(_mask_quoted(text)):
            raise QueryError(gettext(message), found.start())
    _check_commas(text)


def check_words(tokens: Sequence[Token]) -> None:
    """Refuse words without letters, words that are too long or too short, and too many words."""
    terms = 0
    for token in tokens:
        if token.type in ("NEAR", "WITHIN"):
            _check_within(token)
        if token.type in ("WORD", "QUOTED"):
            terms += _check_word(token)
        if terms > MAX_TERMS:
            message = gettext("Use fewer words: a query may have %(limit)s.")
            raise QueryError(message % {"limit": MAX_TERMS}, offset_of(token))


def check_brackets(tokens: Sequence[Token]) -> None:
    """Refuse brackets that do not pair, and brackets too deep inside each other."""
    opened: list[int] = []
    for token in tokens:
        if token.type == "LPAR":
            opened.append(offset_of(token))
            if len(opened) > MAX_DEPTH:
                message = gettext("Use fewer brackets: they may be %(limit)s deep.")
                raise QueryError(message % {"limit": MAX_DEPTH}, offset_of(token))
        elif token.type == "RPAR":
            if not opened:
                message = gettext("Take out this bracket: it closes nothing.")
                raise QueryError(message, offset_of(token))
            opened.pop()
    if opened:
        raise QueryError(gettext("Close the bracket that is opened here."), opened[-1])


def check_field(field: Token, words: Sequence[Token]) -> None:
    """Refuse a field that does not exist, and a value that the field never has."""
    name = field[:-1].lower()
    if name not in FIELDS:
        raise QueryError(_explain_unknown_field(name), offset_of(field))
    if name == "year":
        _check_years(words)
    allowed = ALLOWED_VALUES.get(name)
    for word in words if allowed else ():
        if word.strip(_QUOTES.pattern).lower() not in (allowed or ()):
            message = gettext("Write %(field)s: with one of %(values)s.")
            values = {"field": name, "values": ", ".join(allowed or ())}
            raise QueryError(message % values, offset_of(word))


def _explain_unknown_field(name: str) -> str:
    if near := get_close_matches(name, FIELDS):
        message = gettext(
            "Put this in double quotes, or name a field that exists (not “%(name)s”):"
            " did you mean %(near)s:?"
        )
        return message % {"name": name, "near": near[0]}
    message = gettext(
        "Put this in double quotes, or name a field that exists (not “%(name)s”):"
        " there are %(fields)s."
    )
    return message % {"name": name, "fields": ", ".join(FIELDS)}


def _check_years(words: Sequence[Token]) -> None:
    for word in words:
        if not _YEAR.fullmatch(word):
            message = gettext("Write year: with four digits, as in year:2026.")
            raise QueryError(message, offset_of(word))


def quote_token(token: Token) -> str:
    """Return a word or phrase in quotes, for a message."""
    return f"“{_QUOTES.sub('', token)}”"


def read_distance(token: Token) -> int:
    """Return the number of ``NEAR/5`` or ``~5``."""
    return int(token[len("NEAR/") :] if token.type == "NEAR" else token[len("~") :])


def offset_of(token: Token) -> int:
    """Return where a token begins in the query."""
    return token.start_pos or 0


def _mask_quoted(text: str) -> str:
    """Return ``text`` with quoted parts masked, at the same length so that offsets stay right."""
    return _QUOTED.sub(lambda quoted: f"({'q' * (len(quoted[0]) - 2)})", text)


def _check_word(token: Token) -> int:
    """Refuse a word or phrase as :func:`check_words` says; return how many words it counts as."""
    words = [word.word for word in tokenise(token)]
    at = offset_of(token)
    if not words:
        message = gettext("Take out %(word)s: it has no letters or digits.")
        raise QueryError(message % {"word": quote_token(token)}, at)
    if max(map(len, words)) > MAX_WORD_LENGTH:
        message = gettext("Shorten this word: it may have %(limit)s letters.")
        raise QueryError(message % {"limit": MAX_WORD_LENGTH}, at)
    if "*" in token and len(words[-1]) < MIN_PREFIX_LENGTH:
        message = gettext("Write %(number)s letters or more before “*”.")
        raise QueryError(message % {"number": MIN_PREFIX_LENGTH}, at)
    return len(words) if token.type == "QUOTED" else 1


def _check_within(token: Token) -> None:
    if not 1 <= read_distance(token) <= MAX_WITHIN:
        message = gettext("Write a number from 1 to %(limit)s in “%(sign)s”.")
        raise QueryError(message % {"limit": MAX_WITHIN, "sign": token}, offset_of(token))


def _check_commas(text: str) -> None:
    parts = _COMMA.split(_mask_quoted(text))
    topics = sum(any(map(str.isalnum, part)) for part in parts)
    if topics > 1:
        message = ngettext(
            "Write OR for each comma, or subscribe to the parts one by one: did you mean"
            " %(number)s topic, or any of these words?",
            "Write OR for each comma, or subscribe to the parts one by one: did you mean"
            " %(number)s topics, or any of these words?",
            topics,
        )
        number = _NUMBER_WORDS.get(topics)
        values = {"number": gettext(number) if number else topics}
        raise QueryError(message % values, len(parts[0]))

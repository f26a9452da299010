"""What a database's index of words is asked for before a query is decided. Pure.

The condition never excludes a question that matches. Often it also includes no other; then nothing
is left to decide (:attr:`IndexQuery.is_exact`). Words are written as *keys* of letters and digits,
which every tokenizer of a database keeps whole: a letter for how the word is compared (``w`` the
word itself, ``s`` its stem, ``n`` a word of a name, ``c`` its capitals), a letter for the field
(``x`` for all default fields), then the word. ``knife`` in the title has four keys: ``wxknife``,
``waknife``, ``sxknife`` and ``saknife``.

Two words that follow each other have a key too: ``p`` (``q`` where the second is a stem, ``r``
where it is a word of a name), the field, the length of the first, ``x``, and both words. ``high
road`` is ``px4xhighroad``. So the index alone decides a phrase of two words, however common they
are, and leaves little to decide of a longer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import msgspec

from alerts.queries.ast import Leaf, Near, Query, Word
from alerts.queries.fields import DEFAULT_FIELDS, FIELDS
from alerts.queries.normal_form import Clause, build_clauses, generate_spellings
from alerts.queries.visitor import iter_words
from alerts.text import PreparedTexts, stem


class IndexKey(msgspec.Struct, frozen=True):
    """A key that must be there or, as a prefix, any key that begins with it."""

    text: str
    is_prefix: bool = False


class AllOf(msgspec.Struct, frozen=True):
    """All of the parts."""

    parts: tuple[IndexCondition, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """At least one of the parts."""

    parts: tuple[IndexCondition, ...]


class AndNot(msgspec.Struct, frozen=True):
    """One condition, without another."""

    included: IndexCondition
    excluded: IndexCondition


IndexCondition: TypeAlias = IndexKey | AllOf | AnyOf | AndNot


class IndexQuery(NamedTuple):
    """The condition that all texts that match a query fulfil."""

    condition: IndexCondition | None  #: None if the index cannot narrow the texts down
    #: Whether every text that fulfils the condition matches. (Texts under :data:`OVERSIZE_KEY`
    #: have to be decided all the same.)
    is_exact: bool


#: The only key of a text with more than :data:`_MAX_LETTERS`; such texts are always decided.
OVERSIZE_KEY = IndexKey("toomany")
#: Letters in all keys of one text. PostgreSQL's tsvector must stay below 1 MB (its documentation,
#: 12.11 "Limitations"). It adds 4 bytes to each key, and the shortest keys have 3 letters:
#: 400,000 + 4 * 133,000 = 0.93 MB.
_MAX_LETTERS = 400_000
#: Letters in one key; the rest is cut off. PostgreSQL takes less than 2 kB. Only several words of
#: 64 letters (:data:`alerts.queries.checks.MAX_WORD_LENGTH`) that a hyphen joins are longer.
_MAX_KEY_LENGTH = 800
#: Letters of two words whose key is surely whole: the other parts of a key are six at most.
_MAX_WHOLE = _MAX_KEY_LENGTH - 6

_MODE_LETTERS = {"~": "s", "@": "n", "^": "c"}
#: Mode letters of the second of two neighbours.
_PAIR_MODE_LETTERS = {"~": "q", "@": "r"}
#: Before the stem of a word, and before a word of a name (:func:`alerts.text.build_word_keys`).
_ROOT_MARKS = "~@"
_ANY_FIELD = "x"
_FIELD_LETTERS = {field: chr(ord("a") + place) for place, field in enumerate(FIELDS)}
#: Fields of long texts have no keys of their own, which would double the size of the index.
_FIELDS_WITHOUT_KEYS = frozenset({"question", "answer"})


def build_index_keys(texts: PreparedTexts) -> set[str]:
    """Return the keys under which texts are found."""
    keys = {
        _write_key(_MODE_LETTERS.get(key[0], "w"), scope, key.lstrip("~@^").lower())
        for key, positions in texts.positions_by_key.items()
        for field in {texts.places[position].field for position in positions}
        for scope in _list_scopes(field)
    }
    keys.update(_build_pair_keys(texts))
    return keys if sum(map(len, keys)) <= _MAX_LETTERS else {OVERSIZE_KEY.text}


def _build_pair_keys(texts: PreparedTexts) -> Iterator[str]:
    """Generate the keys of the words that directly follow each other, some more than once."""
    second_words = _list_second_words(texts)
    for first, positions in texts.positions_by_key.items():
        if first[0] in _MODE_LETTERS:
            continue
        text = _to_ascii(first)
        for start, after in positions.items():
            for mode_letter, second in second_words.get(after, ()):
                for scope in _list_scopes(texts.places[start].field):
                    yield _write_pair_key(mode_letter, scope, text, second)


def _list_second_words(texts: PreparedTexts) -> dict[int, list[tuple[str, str]]]:
    """Return mode letters and words by the position where they begin.

    A stem that is a word of the text itself, and its own stem, is left out: it would double the
    keys. A query asks for both (:func:`_build_pair`).
    """
    found: dict[int, list[tuple[str, str]]] = {}
    for key, positions in texts.positions_by_key.items():
        if key[0] == "^":
            continue
        word = key.lstrip(_ROOT_MARKS)
        is_stem = key[0] == "~"
        words = texts.positions_by_key.get(word, {}) if is_stem and stem(word) == word else {}
        entry = (_PAIR_MODE_LETTERS.get(key[0], "p"), _to_ascii(word))
        for start in positions:
            if start not in words:
                found.setdefault(start, []).append(entry)
    return found


def _list_scopes(field: str) -> Iterator[str]:
    if field in DEFAULT_FIELDS:
        yield _ANY_FIELD
    if field not in _FIELDS_WITHOUT_KEYS:
        yield _FIELD_LETTERS[field]


def build_index_query(query: Query) -> IndexQuery:
    """Return what to ask the index for before ``query`` is decided.

    Args:
        query: A query in normal form.
    """
    form = build_clauses(query)
    clauses = [_build_clause(clause) for clause in form.clauses]
    conditions = [clause.condition for clause in clauses if clause.condition]
    if len(conditions) < len(clauses):
        return IndexQuery(None, is_exact=False)
    condition = conditions[0] if len(conditions) == 1 else AnyOf(tuple(conditions))
    return IndexQuery(condition, form.is_exact and all(clause.is_exact for clause in clauses))


def _build_clause(clause: Clause) -> IndexQuery:
    included = [_build_leaf(leaf) for leaf, is_wanted in clause if is_wanted]
    conditions = [leaf.condition for leaf in included if leaf.condition]
    if not conditions:
        return IndexQuery(None, is_exact=False)
    condition, is_exact = _all_of(conditions), all(leaf.is_exact for leaf in included)
    for excluded in (_build_leaf(leaf) for leaf, is_wanted in clause if not is_wanted):
        if excluded.condition and excluded.is_exact:
            condition = AndNot(condition, excluded.condition)
        else:
            is_exact = False
    return IndexQuery(condition, is_exact)


def _build_leaf(leaf: Leaf) -> IndexQuery:
    if leaf.field == "change":  # changes are not part of the record that is indexed
        return IndexQuery(None, is_exact=False)
    has_keys = leaf.field is not None and leaf.field not in _FIELDS_WITHOUT_KEYS
    scope = _FIELD_LETTERS[leaf.field] if leaf.field and has_keys else _ANY_FIELD
    if isinstance(leaf, Near):
        parts = [_any_spelling(tuple(iter_words(part)), scope) for part in leaf.parts]
        return IndexQuery(_all_of(parts), is_exact=False)
    words = tuple(iter_words(leaf))
    # Three words have two pairs of neighbours, which can be in different places of a text.
    size = sum(len(word.tokens) for word in words)
    are_pairs = size <= 2 and not _is_cut(words) and (size == 1 or not _has_root(words[-1]))
    return IndexQuery(
        _any_spelling(words, scope), is_exact=are_pairs and leaf.field not in _FIELDS_WITHOUT_KEYS
    )


def _has_root(word: Word) -> bool:
    """Return whether a word's stem is another word, which a name has no part in."""
    *_, last = word.tokens
    return word.mode == "stem" and stem(last) != last


def _is_cut(words: tuple[Word, ...]) -> bool:
    """Return whether a key of the words together can reach :data:`_MAX_KEY_LENGTH`."""
    return sum(len(_to_ascii(token)) for word in words for token in word.tokens) > _MAX_WHOLE


def _any_spelling(words: tuple[Word, ...], scope: str) -> IndexCondition:
    """Return the condition for words in any of their spellings, each next to the one before."""
    choices = [_follow(spelling, words[-1], scope) for spelling in generate_spellings(words)]
    return choices[0] if len(choices) == 1 else AnyOf(tuple(choices))


def _follow(spelling: Sequence[str], last: Word, scope: str) -> IndexCondition:
    """Return the condition for one spelling; ``last`` is the word that it ends with."""
    if len(spelling) == 1:
        return _build_last_key(spelling[0], last, scope)
    *before, ending = pairwise(spelling)
    pairs = [IndexKey(_write_pair_key("p", scope, *map(_to_ascii, pair))) for pair in before]
    return _all_of([*pairs, *_build_last_pair(*ending, last, scope)])


def _build_last_pair(first: str, text: str, word: Word, scope: str) -> list[IndexCondition]:
    """Return what must be there where ``word`` ends with ``text``, next to ``first``."""
    first = _to_ascii(first)
    match word.mode:
        case "exact":
            return [IndexKey(_write_pair_key("p", scope, first, _to_ascii(text)))]
        case "stem":
            root = stem(text)
            as_stem = IndexKey(_write_pair_key("q", scope, first, _to_ascii(root)))
            as_name = IndexKey(_write_pair_key("r", scope, first, _to_ascii(text)))
            if stem(root) != root:
                return [AnyOf((as_stem, as_name))]
            as_word = IndexKey(_write_pair_key("p", scope, first, _to_ascii(root)))
            return [AnyOf((as_stem, as_name, as_word))]
        case _:  # capitals and prefixes have no keys of pairs
            return [IndexKey(_write_key("w", scope, first)), _build_last_key(text, word, scope)]


def _all_of(parts: Sequence[IndexCondition]) -> IndexCondition:
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _build_last_key(text: str, word: Word, scope: str) -> IndexCondition:
    match word.mode:
        case "stem":
            keys = ("s", stem(text)), ("n", text)
            return AnyOf(tuple(IndexKey(_write_key(mode, scope, word)) for mode, word in keys))
        case "capitals":
            return IndexKey(_write_key("c", scope, text.lower()))
        case mode:
            return IndexKey(_write_key("w", scope, text), is_prefix=mode == "prefix")


def _write_key(mode_letter: str, scope: str, word: str) -> str:
    return f"{mode_letter}{scope}{_to_ascii(word)}"[:_MAX_KEY_LENGTH]


def _write_pair_key(mode_letter: str, scope: str, first: str, second: str) -> str:
    """Return the key of two neighbours, both in ASCII.

    The length of the first word keeps ``be have`` and ``behave`` apart.
    """
    return f"{mode_letter}{scope}{len(first)}x{first}{second}"[:_MAX_KEY_LENGTH]


def _to_ascii(text: str) -> str:
    """Return ``text`` in ASCII letters and digits; texts that begin alike still do."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else f"z{char.encode().hex()}" for char in text)


class _Syntax(NamedTuple):
    """How a database writes conditions."""

    quote: str
    prefix: str  #: behind a key that is a prefix
    all_of: str
    any_of: str
    and_not: str


#: https://sqlite.org/fts5.html#full_text_query_syntax
_FTS5 = _Syntax(quote='"', prefix=" *", all_of=" AND ", any_of=" OR ", and_not=" NOT ")
#: https://www.postgresql.org/docs/current/datatype-textsearch.html#DATATYPE-TSQUERY
_TSQUERY = _Syntax(quote="'", prefix=":*", all_of=" & ", any_of=" | ", and_not=" & !")


def format_fts5(condition: IndexCondition) -> str:
    """Return ``condition`` as an expression of SQLite's FTS5."""
    return _format(condition, _FTS5)


def format_tsquery(condition: IndexCondition) -> str:
    """Return ``condition`` as an expression of PostgreSQL's type ``tsquery``."""
    return _format(condition, _TSQUERY)


def _format(condition: IndexCondition, syntax: _Syntax) -> str:
    match condition:
        case IndexKey(text, is_prefix):
            return f"{syntax.quote}{text}{syntax.quote}{syntax.prefix if is_prefix else ''}"
        case AllOf(parts):
            return f"({syntax.all_of.join(_format(part, syntax) for part in parts)})"
        case AnyOf(parts):
            return f"({syntax.any_of.join(_format(part, syntax) for part in parts)})"
        case AndNot(included, excluded):
            return f"({_format(included, syntax)}{syntax.and_not}{_format(excluded, syntax)})"

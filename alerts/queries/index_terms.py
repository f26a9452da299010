"""What a database's own index of words is asked for before a query is decided. Pure.

The database is never asked too narrowly, so no match is lost; often it is asked exactly, and then
nothing is left to decide (:attr:`IndexQuery.exact`). Words are written as *keys* in letters and
digits,
which any tokenizer keeps whole: how they are compared (``w`` the word, ``s`` its stem, ``c`` its
capitals), a letter for the field (``x`` for all that are searched), then the word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import msgspec

from alerts.queries.ast import Near, Query, Word
from alerts.queries.fields import DEFAULT_FIELDS, FIELDS
from alerts.queries.normal_form import Clause, Leaf, build_clauses, generate_spellings
from alerts.text import PreparedTexts, stem


class IndexKey(msgspec.Struct, frozen=True):
    """A key that must be there, or the beginning of one."""

    text: str
    is_prefix: bool = False


class AllOf(msgspec.Struct, frozen=True):
    """All of the parts."""

    parts: tuple[IndexCondition, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """At least one of the parts."""

    parts: tuple[IndexCondition, ...]


class AndNot(msgspec.Struct, frozen=True):
    """One part, and not the other."""

    included: IndexCondition
    excluded: IndexCondition


IndexCondition: TypeAlias = IndexKey | AllOf | AnyOf | AndNot


class IndexQuery(NamedTuple):
    """What texts must have that a query may match."""

    condition: IndexCondition | None  #: None when it may match any
    is_exact: bool  #: whatever has it matches, unless it stands under :data:`OVERSIZE_KEY`


#: The one key of texts whose keys a database would not take (PostgreSQL: 1 MB). They are decided.
OVERSIZE_KEY = IndexKey("toomany")
_MAX_LETTERS = 400_000
#: PostgreSQL takes no longer key than 2 kB; no query asks for one as long as this.
_MAX_KEY_LENGTH = 800

_MODE_LETTERS = {"~": "s", "^": "c"}
_ANY_FIELD = "x"
_FIELD_LETTERS = {field: chr(ord("a") + place) for place, field in enumerate(FIELDS)}
#: Fields of long texts: a key for each of their words would double the index.
_FIELDS_WITHOUT_KEYS = frozenset({"question", "answer"})


def build_index_keys(texts: PreparedTexts) -> set[str]:
    """The keys under which texts are found."""
    found = {
        (_MODE_LETTERS.get(key[0], "w") + scope + _to_ascii(key.lstrip("~^").lower()))[
            :_MAX_KEY_LENGTH
        ]
        for key, places in texts.positions_by_key.items()
        for field in {texts.places[place].field for place in places}
        for scope in _list_scopes(field)
    }
    return found if sum(map(len, found)) <= _MAX_LETTERS else {OVERSIZE_KEY.text}


def _list_scopes(field: str) -> Iterator[str]:
    if field in DEFAULT_FIELDS:
        yield _ANY_FIELD
    if field not in _FIELDS_WITHOUT_KEYS:
        yield _FIELD_LETTERS[field]


def build_index_query(query: Query) -> IndexQuery:
    """What to ask for before ``query`` (in normal form) is decided."""
    said = build_clauses(query)
    asked = [_build_clause(clause) for clause in said.clauses]
    needs = [one.condition for one in asked if one.condition]
    if len(needs) < len(asked):
        return IndexQuery(None, is_exact=False)
    need = needs[0] if len(needs) == 1 else AnyOf(tuple(needs))
    return IndexQuery(need, said.is_exact and all(one.is_exact for one in asked))


def _build_clause(clause: Clause) -> IndexQuery:
    wanted = [_build_leaf(leaf) for leaf, is_wanted in clause if is_wanted]
    needs = [one.condition for one in wanted if one.condition]
    if not needs:
        return IndexQuery(None, is_exact=False)
    need, exact = _all_of(needs), all(one.is_exact for one in wanted)
    for one in (_build_leaf(leaf) for leaf, is_wanted in clause if not is_wanted):
        if one.condition and one.is_exact:
            need = AndNot(need, one.condition)
        else:
            exact = False
    return IndexQuery(need, exact)


def _build_leaf(leaf: Leaf) -> IndexQuery:
    if leaf.field == "change":  # which is not in the record
        return IndexQuery(None, is_exact=False)
    scope = (
        _FIELD_LETTERS[leaf.field]
        if leaf.field and leaf.field not in _FIELDS_WITHOUT_KEYS
        else _ANY_FIELD
    )
    if isinstance(leaf, Near):
        return IndexQuery(
            _all_of([_any_spelling(_words_of(part), scope) for part in leaf.parts]), is_exact=False
        )
    words = _words_of(leaf)
    is_one_key = len(words) == 1 and len(words[0].tokens) == 1
    return IndexQuery(
        _any_spelling(words, scope), is_exact=is_one_key and leaf.field not in _FIELDS_WITHOUT_KEYS
    )


def _words_of(leaf: Leaf) -> tuple[Word, ...]:
    assert not isinstance(leaf, Near)
    return (leaf,) if isinstance(leaf, Word) else leaf.words


def _any_spelling(words: tuple[Word, ...], scope: str) -> IndexCondition:
    """Words in any of their spellings, wherever they stand."""
    choices = [
        _all_of(
            [
                *(IndexKey(f"w{scope}{_to_ascii(word)}") for word in before),
                _build_last_key(last, words[-1], scope),
            ]
        )
        for *before, last in generate_spellings(words)
    ]
    return choices[0] if len(choices) == 1 else AnyOf(tuple(choices))


def _all_of(parts: list[IndexCondition]) -> IndexCondition:
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _build_last_key(text: str, word: Word, scope: str) -> IndexKey:
    match word.mode:
        case "stem":
            return IndexKey(f"s{scope}{_to_ascii(stem(text))}")
        case "capitals":
            return IndexKey(f"c{scope}{_to_ascii(text.lower())}")
        case how:
            return IndexKey(f"w{scope}{_to_ascii(text)}", is_prefix=how == "prefix")


def _to_ascii(text: str) -> str:
    """``text`` in letters and digits of ASCII; what begins alike still does."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else f"z{char.encode().hex()}" for char in text)


def format_fts5(condition: IndexCondition) -> str:
    """``condition`` in the words of SQLite's FTS5 (https://sqlite.org/fts5.html#full_text_query_syntax)."""
    match condition:
        case IndexKey(text, is_start):
            return f'"{text}"{" *" if is_start else ""}'
        case AllOf(parts):
            return _join(" AND ", map(format_fts5, parts))
        case AnyOf(parts):
            return _join(" OR ", map(format_fts5, parts))
        case AndNot(wanted, denied):
            return f"({format_fts5(wanted)} NOT {format_fts5(denied)})"


def format_tsquery(condition: IndexCondition) -> str:
    """``condition`` in the words of PostgreSQL's ``tsquery``."""
    match condition:
        case IndexKey(text, is_start):
            return f"'{text}'{':*' if is_start else ''}"
        case AllOf(parts):
            return _join(" & ", map(format_tsquery, parts))
        case AnyOf(parts):
            return _join(" | ", map(format_tsquery, parts))
        case AndNot(wanted, denied):
            return f"({format_tsquery(wanted)} & !{format_tsquery(denied)})"


def _join(sign: str, parts: Iterable[str]) -> str:
    return f"({sign.join(parts)})"

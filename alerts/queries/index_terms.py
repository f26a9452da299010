"""What a database's own index of words is asked for before a query is decided. Pure.

The database is never asked too narrowly, so no match is lost; often it is asked exactly, and then
nothing is left to decide (:attr:`Asked.exact`). Words are written as *keys* in letters and digits,
which any tokenizer keeps whole: how they are compared (``w`` the word, ``s`` its stem, ``c`` its
capitals), a letter for the field (``x`` for all that are searched), then the word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import msgspec

from alerts.queries.ast import Near, Query, Word
from alerts.queries.english import stem
from alerts.queries.fields import FIELDS, SEARCHED
from alerts.queries.normal_form import Clause, Leaf, clauses, spellings
from alerts.queries.tokens import Prepared


class Key(msgspec.Struct, frozen=True):
    """A key that must be there, or the beginning of one."""

    text: str
    is_start: bool = False


class Every(msgspec.Struct, frozen=True):
    """All of the parts."""

    parts: tuple[Need, ...]


class Either(msgspec.Struct, frozen=True):
    """At least one of the parts."""

    parts: tuple[Need, ...]


class Without(msgspec.Struct, frozen=True):
    """One part, and not the other."""

    wanted: Need
    denied: Need


Need: TypeAlias = Key | Every | Either | Without


class Asked(NamedTuple):
    """What texts must have that a query may match."""

    need: Need | None  #: None when it may match any
    exact: bool  #: whatever has it matches, unless it stands under :data:`TOO_MANY`


#: The one key of texts whose keys a database would not take (PostgreSQL: 1 MB). They are decided.
TOO_MANY = Key("toomany")
_MOST_LETTERS = 400_000
#: PostgreSQL takes no longer key than 2 kB; no query asks for one as long as this.
_LONGEST = 800

_HOW = {"~": "s", "^": "c"}
_EVERYWHERE = "x"
_FIELD = {field: chr(ord("a") + place) for place, field in enumerate(FIELDS)}
#: Fields of long texts: a key for each of their words would double the index.
_UNKEYED = frozenset({"question", "answer"})


def keys_of(texts: Prepared) -> set[str]:
    """The keys under which texts are found."""
    found = {
        (_HOW.get(key[0], "w") + scope + _plain(key.lstrip("~^").lower()))[:_LONGEST]
        for key, places in texts.words.items()
        for field in {texts.printed[place].field for place in places}
        for scope in _scopes(field)
    }
    return found if sum(map(len, found)) <= _MOST_LETTERS else {TOO_MANY.text}


def _scopes(field: str) -> Iterator[str]:
    if field in SEARCHED:
        yield _EVERYWHERE
    if field not in _UNKEYED:
        yield _FIELD[field]


def ask(query: Query) -> Asked:
    """What to ask for before ``query`` (in normal form) is decided."""
    said = clauses(query)
    asked = [_clause(clause) for clause in said.clauses]
    needs = [one.need for one in asked if one.need]
    if len(needs) < len(asked):
        return Asked(None, exact=False)
    need = needs[0] if len(needs) == 1 else Either(tuple(needs))
    return Asked(need, said.exact and all(one.exact for one in asked))


def _clause(clause: Clause) -> Asked:
    wanted = [_leaf(leaf) for leaf, is_wanted in clause if is_wanted]
    needs = [one.need for one in wanted if one.need]
    if not needs:
        return Asked(None, exact=False)
    need, exact = _every(needs), all(one.exact for one in wanted)
    for one in (_leaf(leaf) for leaf, is_wanted in clause if not is_wanted):
        if one.need and one.exact:
            need = Without(need, one.need)
        else:
            exact = False
    return Asked(need, exact)


def _leaf(leaf: Leaf) -> Asked:
    if leaf.field == "change":  # which is not in the record
        return Asked(None, exact=False)
    scope = _FIELD[leaf.field] if leaf.field and leaf.field not in _UNKEYED else _EVERYWHERE
    if isinstance(leaf, Near):
        return Asked(_every([_spelt(_parts(part), scope) for part in leaf.parts]), exact=False)
    words = _parts(leaf)
    is_one_key = len(words) == 1 and len(words[0].tokens) == 1
    return Asked(_spelt(words, scope), exact=is_one_key and leaf.field not in _UNKEYED)


def _parts(leaf: Leaf) -> tuple[Word, ...]:
    assert not isinstance(leaf, Near)
    return (leaf,) if isinstance(leaf, Word) else leaf.words


def _spelt(words: tuple[Word, ...], scope: str) -> Need:
    """Words in any of their spellings, wherever they stand."""
    choices = [
        _every(
            [*(Key(f"w{scope}{_plain(word)}") for word in before), _last(last, words[-1], scope)]
        )
        for *before, last in spellings(words)
    ]
    return choices[0] if len(choices) == 1 else Either(tuple(choices))


def _every(parts: list[Need]) -> Need:
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _last(text: str, word: Word, scope: str) -> Key:
    match word.how:
        case "stem":
            return Key(f"s{scope}{_plain(stem(text))}")
        case "capitals":
            return Key(f"c{scope}{_plain(text.lower())}")
        case how:
            return Key(f"w{scope}{_plain(text)}", is_start=how == "prefix")


def _plain(text: str) -> str:
    """``text`` in letters and digits of ASCII; what begins alike still does."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else f"z{char.encode().hex()}" for char in text)


def as_fts5(need: Need) -> str:
    """``need`` in the words of SQLite's FTS5 (https://sqlite.org/fts5.html#full_text_query_syntax)."""
    match need:
        case Key(text, is_start):
            return f'"{text}"{" *" if is_start else ""}'
        case Every(parts):
            return _between(" AND ", map(as_fts5, parts))
        case Either(parts):
            return _between(" OR ", map(as_fts5, parts))
        case Without(wanted, denied):
            return f"({as_fts5(wanted)} NOT {as_fts5(denied)})"


def as_tsquery(need: Need) -> str:
    """``need`` in the words of PostgreSQL's ``tsquery``."""
    match need:
        case Key(text, is_start):
            return f"'{text}'{':*' if is_start else ''}"
        case Every(parts):
            return _between(" & ", map(as_tsquery, parts))
        case Either(parts):
            return _between(" | ", map(as_tsquery, parts))
        case Without(wanted, denied):
            return f"({as_tsquery(wanted)} & !{as_tsquery(denied)})"


def _between(sign: str, parts: Iterable[str]) -> str:
    return f"({sign.join(parts)})"

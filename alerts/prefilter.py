"""What a database is asked for before a query is decided: the words that must be there. Pure.

The question is always a little too wide (no fields, no order, nothing that must not be there), so
that no match is lost; :mod:`alerts.finding` and the matcher decide. Words are written as keys, in
letters and digits that any tokenizer keeps whole: ``w`` and the word, ``s`` and its stem, ``c`` and
its capitals.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from alerts.clauses import Leaf, clauses, spellings
from alerts.nodes import Near, Query, Word
from alerts.text import Prepared
from alerts.vocabulary import stem


class Key(msgspec.Struct, frozen=True):
    """A key that must be there, or one that begins so."""

    text: str
    is_start: bool = False


class Every(msgspec.Struct, frozen=True):
    """All of the parts."""

    parts: tuple[Need, ...]


class Either(msgspec.Struct, frozen=True):
    """At least one of the parts."""

    parts: tuple[Need, ...]


Need: TypeAlias = Key | Every | Either

_SENSES = {"~": "s", "^": "c"}


def keys_of(texts: Prepared) -> set[str]:
    """The keys under which texts are found."""
    return {_SENSES.get(key[0], "w") + _plain(key.lstrip("~^").lower()) for key in texts.words}


def need(query: Query) -> Need | None:
    """What texts must have that ``query`` may match; None when it may match any."""
    choices = []
    for clause in clauses(query).clauses:
        parts = [part for leaf, wanted in clause if wanted and (part := _leaf(leaf))]
        if not parts:
            return None
        choices.append(_every(parts))
    return choices[0] if len(choices) == 1 else Either(tuple(choices))


def _leaf(leaf: Leaf) -> Need | None:
    if leaf.field == "change":  # which is not in the record
        return None
    if isinstance(leaf, Near):
        return _every([part for one in leaf.parts if (part := _leaf(one))])
    words = (leaf,) if isinstance(leaf, Word) else leaf.words
    spelt = [_every([*map(_exact, before), _last(last, words[-1])]) for *before, last in
             (list(some) for some in spellings(words))]  # fmt: skip
    return spelt[0] if len(spelt) == 1 else Either(tuple(spelt))


def _every(parts: list[Need]) -> Need:
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _exact(text: str) -> Key:
    return Key("w" + _plain(text))


def _last(text: str, word: Word) -> Key:
    match word.how:
        case "stem":
            return Key("s" + _plain(stem(text)))
        case "capitals":
            return Key("c" + _plain(text.lower()))
        case "prefix":
            return Key("w" + _plain(text), is_start=True)
        case _:
            return _exact(text)


def _plain(text: str) -> str:
    """``text`` in letters and digits of ASCII; what begins alike still does."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else f"z{char.encode().hex()}" for char in text)


def as_fts5(need: Need) -> str:
    """The words of SQLite's FTS5 for ``need``."""
    match need:
        case Key(text, is_start):
            return f'"{text}"{" *" if is_start else ""}'
        case Every(parts):
            return f"({' AND '.join(map(as_fts5, parts))})"
        case Either(parts):
            return f"({' OR '.join(map(as_fts5, parts))})"


def as_tsquery(need: Need) -> str:
    """The words of PostgreSQL's ``tsquery`` for ``need``."""
    match need:
        case Key(text, is_start):
            return f"'{text}'{':*' if is_start else ''}"
        case Every(parts):
            return f"({' & '.join(map(as_tsquery, parts))})"
        case Either(parts):
            return f"({' | '.join(map(as_tsquery, parts))})"

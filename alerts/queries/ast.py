"""What a query is made of, once it is read. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

#: How a word is compared: by its stem, as it is, in capitals, by its beginning.
MatchMode: TypeAlias = Literal["stem", "exact", "capitals", "prefix"]


class Word(msgspec.Struct, frozen=True):
    """One word; more than one token where it is written with hyphens."""

    tokens: tuple[str, ...]  #: folded, but for capitals; the last one is a stem where that is how
    mode: MatchMode = "stem"
    field: str | None = None  #: None for all that are searched


class Phrase(msgspec.Struct, frozen=True):
    """Two or more words exactly, one straight after the other. They have no field of their own."""

    words: tuple[Word, ...]
    field: str | None = None


class Near(msgspec.Struct, frozen=True):
    """All of the parts in one paragraph, in any order, with few words between them."""

    parts: tuple[Word | Phrase, ...]  #: without a field of their own
    within: int  #: so many words, at most, that are not of the parts
    field: str | None = None


class And(msgspec.Struct, frozen=True):
    """All of the parts, anywhere."""

    parts: tuple[Query, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of the parts."""

    parts: tuple[Query, ...]


class Not(msgspec.Struct, frozen=True):
    """Where the part is not found. In what :func:`parse` gives, the part has no parts."""

    part: Query


Query: TypeAlias = Word | Phrase | Near | And | Or | Not

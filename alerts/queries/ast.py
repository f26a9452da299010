"""The query tree: what a query consists of once it has been parsed. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

#: How a word is compared: by its stem, letter by letter, in capitals, or by its beginning.
MatchMode: TypeAlias = Literal["stem", "exact", "capitals", "prefix"]


class Word(msgspec.Struct, frozen=True):
    """One word, of several tokens if it is written with hyphens."""

    tokens: tuple[str, ...]  #: folded, except for capitals
    mode: MatchMode = "stem"
    field: str | None = None  #: None for all default fields


class Phrase(msgspec.Struct, frozen=True):
    """Two or more words, letter by letter, that directly follow each other."""

    words: tuple[Word, ...]  #: in mode ``exact``, without a field of their own
    field: str | None = None


class Near(msgspec.Struct, frozen=True):
    """All parts in one paragraph, in any order, with few words between them."""

    parts: tuple[Word | Phrase, ...]  #: without a field of their own
    within: int  #: the number of other words allowed between two parts
    field: str | None = None


class And(msgspec.Struct, frozen=True):
    """All parts, anywhere in the question."""

    parts: tuple[Query, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one part."""

    parts: tuple[Query, ...]


class Not(msgspec.Struct, frozen=True):
    """The opposite of the part. In normal form the part is a :data:`Leaf`."""

    part: Query


#: A node that is looked for in texts as one thing.
Leaf: TypeAlias = Word | Phrase | Near
Query: TypeAlias = Leaf | And | Or | Not

"""What a source's public bodies and subjects are called: the data files beside this module.

``forms/NAME.toml`` belongs to the source called NAME in the configuration. It has public bodies,
each with its names and where they are from, and concepts, each with what people type for it, other
forms, and how each form was judged. Forms are written as queries.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from itertools import chain
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions
from alerts.queries import parse_query
from alerts.search.parts import list_stems


class PublicBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public body and its names."""

    names: tuple[str, ...]  #: its acronym and its names, as queries
    source: str  #: a key of :attr:`KnownForms.sources`


class ConceptForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another way to write a concept."""

    query: str
    judged: str  #: how it was judged by reading texts that have it


class PreciseForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query to use in place of a word that also means something else."""

    word: str
    query: str
    judged: str


class Concept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that people look for, and write in several ways."""

    typed: tuple[str, ...]  #: what people type for it, as queries
    forms: tuple[ConceptForm, ...]
    instead: PreciseForm | None = None


class KnownForms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data file of one source."""

    sources: dict[str, str]  #: where the names of bodies are from, by key: addresses
    bodies: tuple[PublicBody, ...]
    concepts: tuple[Concept, ...]


class RelatedForms(NamedTuple):
    """What the data files have on some words."""

    bodies: list[PublicBody]
    concepts: list[Concept]


def list_related_forms(connection: Connection, stems: frozenset[str]) -> list[RelatedForms]:
    """Return what may be meant by a part of a query, from each source in the ledger.

    Args:
        connection: The ledger.
        stems: Of the words of the part (:func:`alerts.search.parts.list_stems`). Bodies and
            concepts without any of these are left out.
    """
    found = []
    for name in list_files():
        if questions.has_source(connection, name):
            known, by_stem = load_file(name), _index_file(name)
            bodies, concepts = _unite(by_stem.bodies, stems), _unite(by_stem.concepts, stems)
            found.append(
                RelatedForms(
                    [known.bodies[place] for place in bodies],
                    [known.concepts[place] for place in concepts],
                )
            )
    return found


class _PlacesByStem(NamedTuple):
    """Where in a data file the names with a stem are."""

    bodies: Mapping[str, set[int]]
    concepts: Mapping[str, set[int]]


@cache
def _index_file(name: str) -> _PlacesByStem:
    """Return an index of one source's names, of which there are a thousand."""
    known = load_file(name)
    bodies = [body.names for body in known.bodies]
    concepts = [
        (*one.typed, one.instead.word) if one.instead else one.typed for one in known.concepts
    ]
    return _PlacesByStem(_index_names(bodies), _index_names(concepts))


def _index_names(names: Iterable[Iterable[str]]) -> dict[str, set[int]]:
    places: dict[str, set[int]] = {}
    for place, some in enumerate(names):
        for stem in chain.from_iterable(map(read_stems, some)):
            places.setdefault(stem, set()).add(place)
    return places


def _unite(places: Mapping[str, set[int]], stems: frozenset[str]) -> list[int]:
    return sorted(set().union(*(places.get(stem, ()) for stem in stems)))


@lru_cache(4096)  # parsing takes 100 µs, and the data files have a thousand forms
def read_stems(form: str) -> frozenset[str]:
    """Return the stems of a form of the data files."""
    return list_stems(parse_query(form))


@cache
def list_files() -> tuple[str, ...]:
    """Return the names of the sources that have a data file."""
    folder = resources.files(__package__) / "forms"
    return tuple(sorted(one.name[:-5] for one in folder.iterdir() if one.name.endswith(".toml")))


@cache
def load_file(name: str) -> KnownForms:
    """Return the data file of one source."""
    text = (resources.files(__package__) / "forms" / f"{name}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), KnownForms)

"""What a source's public bodies and subjects are called: the data files beside this module.

``forms/NAME.toml`` belongs to the source called NAME in the configuration. It has public bodies,
each with its names and where they are from, and concepts, each with what people type for it, other
forms, and how each form was judged. Forms are written as queries.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions


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


def load_known_forms(connection: Connection) -> list[KnownForms]:
    """Return the data files of the sources whose questions are in the ledger."""
    return [load_file(name) for name in list_files() if questions.has_source(connection, name)]


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

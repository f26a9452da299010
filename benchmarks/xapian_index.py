"""The same texts and queries in Xapian, if it is installed; other alert services use it.

Like Tantivy it is given the words of our tokenizer. A query is a text that Xapian's own parser
reads each time, as in a service that stores what people typed. On Debian: ``apt-get install
python3-xapian`` (it is not on PyPI).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from alerts.queries import DEFAULT_FIELDS, FIELDS, NAME_FIELDS, Query, QueryVisitor, ast
from alerts.text import build_word_keys, stem, tokenise
from benchmarks.tantivy_index import InexpressibleQuery

#: Where Debian installs it, for its own Python of the same version.
_DEBIAN = "/usr/lib/python3/dist-packages"
_ALL = "all"
_SENSES = {"word": "W", "exact": "W", "prefix": "W", "stem": "S", "capitals": "C"}
#: Positions between two paragraphs, so that no phrase extends into the next one.
_GAP = 100


def import_xapian() -> ModuleType | None:
    """Return Xapian's bindings, or None if they are not installed for this Python."""
    try:
        return importlib.import_module("xapian")
    except ImportError:
        sys.path.append(_DEBIAN)
    try:
        return importlib.import_module("xapian")
    except ImportError:
        return None
    finally:
        sys.path.remove(_DEBIAN)


class XapianIndex:
    """An index of records, which are known by their places, in a database in ``folder``."""

    def __init__(
        self, xapian: Any, folder: str, records: Sequence[Mapping[str, Sequence[str]]]
    ) -> None:
        self._count = len(records)
        writable = xapian.WritableDatabase(folder, xapian.DB_CREATE_OR_OVERWRITE)
        for texts in records:
            writable.add_document(_document(xapian, texts))
        writable.commit()
        writable.close()
        self._database = xapian.Database(folder)
        self._enquire = xapian.Enquire(self._database)
        self._enquire.set_weighting_scheme(xapian.BoolWeight())
        self._parser = xapian.QueryParser()
        self._parser.set_database(self._database)
        self._parser.set_stemming_strategy(xapian.QueryParser.STEM_NONE)
        self._flags = (
            xapian.QueryParser.FLAG_BOOLEAN
            | xapian.QueryParser.FLAG_PHRASE
            | xapian.QueryParser.FLAG_WILDCARD
            | xapian.QueryParser.FLAG_PURE_NOT
        )
        for field in (_ALL, *FIELDS):
            for sense in set(_SENSES.values()):
                self._parser.add_prefix(_name(field, sense), _prefix(field, sense))

    def translate_query(self, query: Query) -> str:
        """Return ``query`` as a person would type it for Xapian.

        Raises:
            InexpressibleQuery: Xapian cannot express it.
        """
        return _TRANSLATOR.visit(query)

    def search(self, text: str) -> set[int]:
        """Return the places of all records that match the query ``text``."""
        self._enquire.set_query(self._parser.parse_query(text, self._flags))
        return {match.docid - 1 for match in self._enquire.get_mset(0, self._count)}


def _document(xapian: Any, texts: Mapping[str, Sequence[str]]) -> Any:
    document, position = xapian.Document(), 1
    for field, paragraphs in texts.items():
        fields = (_ALL, field) if field in DEFAULT_FIELDS else (field,)
        for paragraph in paragraphs:
            for token in tokenise(paragraph):
                keys = build_word_keys(token.word, token.acronym, is_name=field in NAME_FIELDS)
                by_sense = {"W": token.word, "S": keys[1].removeprefix("~").replace("@", "0")}
                by_sense |= {"C": token.acronym.lower()} if token.acronym else {}
                for sense, word in by_sense.items():
                    for name in fields:
                        document.add_posting(_prefix(name, sense) + word, position)
                position += 1
            position += _GAP
    return document


class _Translator(QueryVisitor[str]):
    def visit_word(self, word: ast.Word) -> str:
        star = "*" if word.mode == "prefix" else ""
        name, token = _name(word.field or _ALL, _SENSES[word.mode]), _get_only_token(word)
        if word.mode == "stem":  # "0" marks a word of a name, which has no other forms
            return f"({name}:{stem(token)} OR {name}:0{token})"
        return f"{name}:{token}{star}"

    def visit_phrase(self, phrase: ast.Phrase) -> str:
        quoted = " ".join(map(_get_only_token, phrase.words))
        return f'{_name(phrase.field or _ALL, "W")}:"{quoted}"'

    def visit_near(self, near: ast.Near) -> str:
        raise InexpressibleQuery("NEAR")

    def visit_not(self, query: ast.Not, part: str) -> str:
        return f"NOT {part}"

    def visit_and(self, query: ast.And, parts: list[str]) -> str:
        return f"({' AND '.join(parts)})".replace("AND NOT", "NOT")

    def visit_or(self, query: ast.Or, parts: list[str]) -> str:
        return f"({' OR '.join(parts)})"


_TRANSLATOR = _Translator()


def _get_only_token(word: ast.Word) -> str:
    if len(word.tokens) > 1:
        raise InexpressibleQuery("a hyphen")
    return word.tokens[0].lower()


def _name(field: str, sense: str) -> str:
    return f"{field.replace('_', '')}{sense.lower()}"


def _prefix(field: str, sense: str) -> str:
    return f"X{field.replace('_', '').upper()}{sense}"

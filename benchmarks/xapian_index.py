"""The same texts and queries in Xapian, which mails alerts elsewhere, where it is installed.

As with Tantivy it is given our words. A query is a text, read by Xapian's own parser each time, as
a service does that keeps the texts that people typed. (Debian: ``apt-get install python3-xapian``;
it is no package of PyPI.)
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from alerts.queries import DEFAULT_FIELDS, FIELDS, Query
from alerts.queries.ast import And, Near, Not, Or, Phrase, Word
from alerts.text import build_word_keys, tokenise
from benchmarks.tantivy_index import InexpressibleQuery

#: Where Debian keeps it, for its own Python of the same version.
_DEBIAN = "/usr/lib/python3/dist-packages"
_ALL = "all"
_SENSES = {"word": "W", "exact": "W", "prefix": "W", "stem": "S", "capitals": "C"}
#: A paragraph's distance from the next: no phrase reaches across.
_GAP = 100


def import_xapian() -> ModuleType | None:
    """Xapian's bindings; None where they are not installed for this Python."""
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
    """Records by their places, in a database in ``folder``."""

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
        """``query`` as it is typed for Xapian; raises :class:`InexpressibleQuery`."""
        match query:
            case And(parts):
                return f"({' AND '.join(map(self.translate_query, parts))})".replace(
                    "AND NOT", "NOT"
                )
            case Or(parts):
                return f"({' OR '.join(map(self.translate_query, parts))})"
            case Not(part):
                return f"NOT {self.translate_query(part)}"
            case Near():
                raise InexpressibleQuery("NEAR")
            case Phrase(words, field):
                quoted = " ".join(_only_token(word) for word in words)
                return f'{_name(field or _ALL, "W")}:"{quoted}"'
            case Word(_, how, field):
                star = "*" if how == "prefix" else ""
                token = _only_token(query).lower()
                return f"{_name(field or _ALL, _SENSES[how])}:{token}{star}"

    def search(self, text: str) -> set[int]:
        """The places of all records that match the query in ``text``."""
        self._enquire.set_query(self._parser.parse_query(text, self._flags))
        return {match.docid - 1 for match in self._enquire.get_mset(0, self._count)}


def _document(xapian: Any, texts: Mapping[str, Sequence[str]]) -> Any:
    document, position = xapian.Document(), 1
    for field, paragraphs in texts.items():
        fields = (_ALL, field) if field in DEFAULT_FIELDS else (field,)
        for paragraph in paragraphs:
            for token in tokenise(paragraph):
                found = build_word_keys(token.word, token.acronym)
                said = {"W": token.word, "S": found[1].removeprefix("~")}
                said |= {"C": token.acronym.lower()} if token.acronym else {}
                for sense, word in said.items():
                    for name in fields:
                        document.add_posting(_prefix(name, sense) + word, position)
                position += 1
            position += _GAP
    return document


def _only_token(word: Word) -> str:
    if len(word.tokens) > 1:
        raise InexpressibleQuery("a hyphen")
    return word.tokens[0]


def _name(field: str, sense: str) -> str:
    return f"{field.replace('_', '')}{sense.lower()}"


def _prefix(field: str, sense: str) -> str:
    return f"X{field.replace('_', '').upper()}{sense}"

"""The same texts and queries in Tantivy, a full-text engine, as far as it can say them.

It is given our words, cut and folded, so that only the matching is compared: a field of words, one
of stems and one of acronyms for all that is searched, and the same for each field by itself.
Hyphens, NEAR and ``change:`` are left to ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tantivy

from alerts.queries import DEFAULT_FIELDS, FIELDS, Query
from alerts.queries.ast import And, Near, Not, Or, Phrase, Word
from alerts.text import build_word_keys, tokenise

_ALL = "all"
_SENSES = ("word", "stem", "capitals")


class InexpressibleQuery(Exception):
    """A query that Tantivy has no words for."""


class TantivyIndex:
    """Records by their places."""

    def __init__(self, records: Sequence[Mapping[str, Sequence[str]]]) -> None:
        builder = tantivy.SchemaBuilder()
        for field in (_ALL, *FIELDS):
            for sense in _SENSES:
                builder.add_text_field(f"{field}_{sense}", tokenizer_name="whitespace")
        builder.add_integer_field("place", stored=True, indexed=True, fast=True)
        self.schema = builder.build()
        self.index = tantivy.Index(self.schema)
        writer = self.index.writer(heap_size=200_000_000, num_threads=1)
        for place, texts in enumerate(records):
            writer.add_document(self._document(place, texts))
        writer.commit()
        self.index.reload()
        self.searcher = self.index.searcher()
        self.count = len(records)

    def _document(self, place: int, texts: Mapping[str, Sequence[str]]) -> tantivy.Document:
        document = tantivy.Document()
        document.add_integer("place", place)
        for field, paragraphs in texts.items():
            for paragraph in paragraphs:
                for sense, text in _tokenise_paragraph(paragraph).items():
                    document.add_text(f"{field}_{sense}", text)
                    if field in DEFAULT_FIELDS:
                        document.add_text(f"{_ALL}_{sense}", text)
        return document

    def translate_query(self, query: Query) -> tantivy.Query:
        """``query`` in Tantivy's terms; raises :class:`InexpressibleQuery`."""
        match query:
            case And(parts):
                return tantivy.Query.boolean_query([self._clause(part) for part in parts])
            case Or(parts):
                some = [(tantivy.Occur.Should, self.translate_query(part)) for part in parts]
                return tantivy.Query.boolean_query(some)
            case Not(part):
                every = (tantivy.Occur.Must, tantivy.Query.all_query())
                return tantivy.Query.boolean_query([every, self._clause(Not(part))])
            case Word():
                return self._word(query)
            case Phrase(words, field):
                tokens = [self._only_token(word) for word in words]
                return tantivy.Query.phrase_query(
                    self.schema, f"{field or _ALL}_word", list(tokens)
                )
            case Near():
                raise InexpressibleQuery("NEAR")

    def _clause(self, part: Query) -> tuple[tantivy.Occur, tantivy.Query]:
        if isinstance(part, Not):
            return tantivy.Occur.MustNot, self.translate_query(part.part)
        return tantivy.Occur.Must, self.translate_query(part)

    def _word(self, word: Word) -> tantivy.Query:
        token, field = self._only_token(word), word.field or _ALL
        match word.mode:
            case "prefix":
                return tantivy.Query.regex_query(self.schema, f"{field}_word", f"{token}.*")
            case "stem":
                return tantivy.Query.term_query(self.schema, f"{field}_stem", token)
            case "capitals":
                return tantivy.Query.term_query(self.schema, f"{field}_capitals", token)
            case _:
                return tantivy.Query.term_query(self.schema, f"{field}_word", token)

    def _only_token(self, word: Word) -> str:
        if len(word.tokens) > 1:
            raise InexpressibleQuery("a hyphen")
        return word.tokens[0]

    def search(self, query: tantivy.Query) -> set[int]:
        """The places of all records that match a query of its own."""
        hits: list[Any] = self.searcher.search(query, limit=self.count, count=False).hits
        return {self.searcher.doc(address)["place"][0] for _, address in hits}

    def find_places(self, query: Query) -> set[int]:
        """The places of all records that match ``query``."""
        return self.search(self.translate_query(query))


def _tokenise_paragraph(paragraph: str) -> dict[str, str]:
    """A paragraph's words, stems and acronyms, one for one and parted by spaces."""
    said: dict[str, list[str]] = {sense: [] for sense in _SENSES}
    for token in tokenise(paragraph):
        found = build_word_keys(token.word, token.acronym)
        said["word"].append(token.word)
        said["stem"].append(found[1].removeprefix("~"))
        said["capitals"].append(token.acronym or "-")
    return {sense: " ".join(words) for sense, words in said.items()}

"""The same texts and queries in Tantivy, a full-text engine, as far as it can express them.

It is given the words of our tokenizer, so that only the matching is compared: a field of words, one
of stems and one of acronyms for the default fields together, and the same for each field. Hyphens
and NEAR are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tantivy

from alerts.queries import DEFAULT_FIELDS, FIELDS, NAME_FIELDS, Query, QueryVisitor, ast
from alerts.text import build_word_keys, stem, tokenise

_ALL = "all"
_SENSES = ("word", "stem", "capitals")


class InexpressibleQuery(Exception):
    """A query that the engine cannot express."""


class TantivyIndex:
    """An index of records, which are known by their places."""

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
                is_name = field in NAME_FIELDS
                for sense, text in _tokenise_paragraph(paragraph, is_name=is_name).items():
                    document.add_text(f"{field}_{sense}", text)
                    if field in DEFAULT_FIELDS:
                        document.add_text(f"{_ALL}_{sense}", text)
        return document

    def translate_query(self, query: Query) -> tantivy.Query:
        """Return ``query`` as a query of Tantivy.

        Raises:
            InexpressibleQuery: Tantivy cannot express it.
        """
        return _Translator(self.schema).visit(query)

    def search(self, query: tantivy.Query) -> set[int]:
        """Return the places of all records that match a query of Tantivy."""
        hits: list[Any] = self.searcher.search(query, limit=self.count, count=False).hits
        return {self.searcher.doc(address)["place"][0] for _, address in hits}

    def find_places(self, query: Query) -> set[int]:
        """Return the places of all records that match ``query``."""
        return self.search(self.translate_query(query))


class _Translator(QueryVisitor[tantivy.Query]):
    def __init__(self, schema: tantivy.Schema) -> None:
        self._schema = schema

    def visit_word(self, word: ast.Word) -> tantivy.Query:
        token, field = _get_only_token(word), word.field or _ALL
        match word.mode:
            case "prefix":
                return tantivy.Query.regex_query(self._schema, f"{field}_word", f"{token}.*")
            case "stem":
                forms = (stem(token), f"0{token}")  # "0" marks a word of a name, which has one form
                terms = [
                    tantivy.Query.term_query(self._schema, f"{field}_stem", form) for form in forms
                ]
                return tantivy.Query.boolean_query([(tantivy.Occur.Should, t) for t in terms])
            case "capitals":
                return tantivy.Query.term_query(self._schema, f"{field}_capitals", token)
            case "exact":
                return tantivy.Query.term_query(self._schema, f"{field}_word", token)

    def visit_phrase(self, phrase: ast.Phrase) -> tantivy.Query:
        tokens = [_get_only_token(word) for word in phrase.words]
        field = f"{phrase.field or _ALL}_word"
        return tantivy.Query.phrase_query(self._schema, field, list(tokens))

    def visit_near(self, near: ast.Near) -> tantivy.Query:
        raise InexpressibleQuery("NEAR")

    def visit_not(self, query: ast.Not, part: tantivy.Query) -> tantivy.Query:
        everything = (tantivy.Occur.Must, tantivy.Query.all_query())
        return tantivy.Query.boolean_query([everything, (tantivy.Occur.MustNot, part)])

    def visit_and(self, query: ast.And, parts: list[tantivy.Query]) -> tantivy.Query:
        clauses = [
            (tantivy.Occur.MustNot, self.visit(node.part))
            if isinstance(node, ast.Not)
            else (tantivy.Occur.Must, part)
            for node, part in zip(query.parts, parts, strict=True)
        ]
        return tantivy.Query.boolean_query(clauses)

    def visit_or(self, query: ast.Or, parts: list[tantivy.Query]) -> tantivy.Query:
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])


def _get_only_token(word: ast.Word) -> str:
    if len(word.tokens) > 1:
        raise InexpressibleQuery("a hyphen")
    return word.tokens[0]


def _tokenise_paragraph(paragraph: str, *, is_name: bool) -> dict[str, str]:
    """Return a paragraph's words, stems and acronyms, each separated by spaces."""
    by_sense: dict[str, list[str]] = {sense: [] for sense in _SENSES}
    for token in tokenise(paragraph):
        keys = build_word_keys(token.word, token.acronym, is_name=is_name)
        by_sense["word"].append(token.word)
        by_sense["stem"].append(keys[1].removeprefix("~").replace("@", "0"))
        by_sense["capitals"].append(token.acronym or "-")
    return {sense: " ".join(words) for sense, words in by_sense.items()}

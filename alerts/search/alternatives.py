"""Where other ways to write a part of a query come from: the archive, a data file, the query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import Connection

from alerts.ledger import word_index
from alerts.ledger.word_index import AcronymForm
from alerts.queries import Query, QueryError, ast, index_terms, parse_query
from alerts.search.known_forms import list_related_forms, read_stems
from alerts.search.parts import find_run, get_field, list_stems
from alerts.text import STOP_WORDS, is_common_word

#: Where a form comes from. One of the kind "instead" is for use in place of its part, which also
#: means something else; the others are for use beside theirs.
AlternativeKind: TypeAlias = Literal["acronym", "letters", "meaning", "inflection", "instead"]

#: Questions that must define an acronym: a single one may be a slip of the pen.
_MIN_QUESTIONS = 2
#: Words of a phrase whose other forms are suggested: a longer phrase is a quotation.
_MAX_PHRASE = 4


class Alternative(msgspec.Struct, frozen=True):
    """Another form of a part of a query, not yet counted."""

    part: Query
    form: Query
    printed: str
    kind: AlternativeKind


def find_alternatives(connection: Connection, parts: Sequence[Query]) -> Iterator[Alternative]:
    """Generate other forms of the parts of a query: acronyms, then meanings, then inflections."""
    yield from chain.from_iterable(_write_small(connection, part) for part in parts)
    related = [(part, list_related_forms(connection, list_stems(part))) for part in parts]
    yield from chain.from_iterable(_find_in_archive(connection, part) for part in parts)
    for part, sources in related:
        for one in sources:
            for body in one.bodies:
                yield from _offer_forms(part, body.names, body.names, "acronym")
    for part, sources in related:
        for one in sources:
            for concept in one.concepts:
                forms = [form.query for form in concept.forms]
                yield from _offer_forms(part, concept.typed, forms, "meaning")
                if concept.instead and isinstance(part, ast.Word) and part.mode == "stem":
                    precise = concept.instead
                    yield from _offer_forms(part, [precise.word], [precise.query], "instead")
    for part in parts:
        if isinstance(part, ast.Phrase):
            yield from _unfreeze(part)


def _write_small(connection: Connection, part: Query) -> Iterator[Alternative]:
    """Generate a word in small letters if the archive never has it in capitals."""
    if not isinstance(part, ast.Word) or part.mode != "capitals":
        return
    small = part.tokens[0].lower()
    condition = index_terms.build_index_query(part).condition
    if small in STOP_WORDS or condition is None:
        return
    if not word_index.count_questions(connection, condition, maximum=1):
        yield Alternative(part, ast.Word((small,), "stem", part.field), small, "letters")


def _offer_forms(
    part: Query,
    typed: Sequence[str],
    forms: Sequence[str],
    kind: AlternativeKind,
) -> Iterator[Alternative]:
    """Generate the forms if the part, or some words of a run, is one of those typed."""
    for name in typed:
        found = find_run(part, read_stems(name))
        if found is None or (kind == "acronym" and _is_common(found)):
            continue
        have = list_stems(found)
        for form in forms:
            if read_stems(form) != have:
                yield from _build(found, form, form.replace('"', ""), kind)
        return


def _is_common(part: Query) -> bool:
    """Return whether a part is a word of the language, which may only look like an acronym."""
    return isinstance(part, ast.Word) and part.mode == "stem" and is_common_word(part.tokens[0])


def _build(part: Query, form: str, printed: str, kind: AlternativeKind) -> Iterator[Alternative]:
    """Generate an alternative in the field of its part, unless it is no query."""
    field = get_field(part)
    try:
        query = parse_query(f"{field}:({form})" if field else form)
    except QueryError:  # a long form that is no query, such as one of little words
        return
    yield Alternative(part, query, printed, kind)


def _find_in_archive(connection: Connection, part: Query) -> Iterator[Alternative]:
    """Generate the long forms of an acronym, or the acronyms of a long form, in the archive."""
    match part:
        case ast.Phrase(words):
            long = " ".join("-".join(word.tokens) for word in words)
            for known in _merge_forms(word_index.list_short_forms(connection, long)):
                yield from _build(part, known.form, known.form, "acronym")
        case ast.Word((token,), "capitals" | "stem") if not _is_common(part):
            for known in _merge_forms(word_index.list_long_forms(connection, token)):
                yield from _build(part, f'"{known.form}"', known.form, "acronym")
        case ast.And():
            yield from _find_short_forms_of_run(connection, part)


def _find_short_forms_of_run(connection: Connection, run: ast.And) -> Iterator[Alternative]:
    tokens = [token for word in run.parts if isinstance(word, ast.Word) for token in word.tokens]
    for defined in word_index.list_definitions(connection, tokens):
        stems = list_stems(_as_phrase(defined.long_form))
        found = find_run(run, stems) if len(stems) > 1 else None
        if found is not None:
            forms = _merge_forms(word_index.list_short_forms(connection, defined.long_form))
            for known in forms:
                yield from _build(found, known.form, known.form, "acronym")


def _as_phrase(text: str) -> Query:
    try:
        return parse_query(f'"{text}"')
    except QueryError:
        return ast.Phrase(())


def _merge_forms(forms: Sequence[AcronymForm]) -> list[AcronymForm]:
    """Return forms that differ only in capitals as one, printed as is commonest; drop rare ones."""
    merged: dict[str, AcronymForm] = {}
    for known in forms:
        first = merged.get(known.form.lower(), AcronymForm(known.form, 0))
        total = first.questions + known.questions
        merged[known.form.lower()] = AcronymForm(first.form, total)
    return [known for known in merged.values() if known.questions >= _MIN_QUESTIONS]


def _unfreeze(phrase: ast.Phrase) -> Iterator[Alternative]:
    """Generate the words of a phrase near each other, so that they find their other forms."""
    words = ["-".join(word.tokens) for word in phrase.words]
    kept = [word for word in words if word not in STOP_WORDS]
    if not 2 <= len(kept) <= _MAX_PHRASE:
        return
    form = f" NEAR/{max(1, len(words) - len(kept))} ".join(kept)
    yield from _build(phrase, form, form, "inflection")

"""The reference matcher: the simplest implementation, which the faster ones are compared with.

Each word of a query is tried at each place of each paragraph. It shares nothing with
``alerts.queries.find`` or the batch matcher but what a word is
(``alerts.text.tokenizer.tokenise``) and its stem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from alerts.queries import DEFAULT_FIELDS, NAME_FIELDS, Query
from alerts.queries.ast import And, Near, Not, Or, Phrase, Word
from alerts.text import Token, find_spoken_acronym, stem, tokenise

Texts = Mapping[str, Sequence[str]]


def matches_query(query: Query, texts: Texts) -> bool:
    match query:
        case And(parts):
            return all(matches_query(part, texts) for part in parts)
        case Or(parts):
            return any(matches_query(part, texts) for part in parts)
        case Not(part):
            return not matches_query(part, texts)
        case Near(parts, within, field):
            return any(_near(parts, within, *paragraph) for paragraph in _paragraphs(texts, field))
        case Word(_, _, field) | Phrase(_, field):
            return any(list(_spans(query, *paragraph)) for paragraph in _paragraphs(texts, field))


def _paragraphs(texts: Texts, field: str | None) -> Iterator[tuple[list[Token], bool]]:
    """Generate the tokens of each paragraph, and whether it is a name."""
    for name, paragraphs in texts.items():
        if name == field or (field is None and name in DEFAULT_FIELDS):
            yield from ((tokenise(text), name in NAME_FIELDS) for text in paragraphs)


def _near(parts: Sequence[Word | Phrase], within: int, tokens: list[Token], is_name: bool) -> bool:
    places = [list(_spans(part, tokens, is_name)) for part in parts]
    for number, spans in enumerate(places):
        others = places[:number] + places[number + 1 :]
        for _, end in spans:
            if all(any(0 <= start - end <= within for start, _ in other) for other in others):
                return True
    return False


def _spans(leaf: Word | Phrase, tokens: list[Token], is_name: bool) -> Iterator[tuple[int, int]]:
    words = leaf.words if isinstance(leaf, Phrase) else (leaf,)
    for start in range(len(tokens)):
        for end in _ends(words, tokens, start, is_name):
            yield start, end


def _ends(words: Sequence[Word], tokens: list[Token], at: int, is_name: bool) -> Iterator[int]:
    """Generate where the words end that begin at ``at`` and follow each other."""
    if not words:
        yield at
        return
    for middle in _word_ends(words[0], words[0].tokens, tokens, at, is_name):
        yield from _ends(words[1:], tokens, middle, is_name)


def _word_ends(
    word: Word, rest: Sequence[str], tokens: list[Token], at: int, is_name: bool
) -> Iterator[int]:
    """Generate where a word ends that begins at ``at``; a hyphen is a hyphen, space or nothing."""
    if not rest:
        yield at
    for size in range(1, len(rest) + 1):
        wanted, is_last = "".join(rest[:size]), size == len(rest)
        for end in range(at + 1, min(at + 8, len(tokens)) + 1):
            written = tokens[at:end]
            if not all(token.is_linked for token in written[:-1]):
                break
            if _has_two_numbers(rest[:size]) or _has_two_numbers([t.word for t in written]):
                continue
            if _is_written_as(wanted, written, word.mode if is_last else "exact", is_name):
                yield from _word_ends(word, rest[size:], tokens, end, is_name)


def _has_two_numbers(words: Sequence[str]) -> bool:
    """Return whether a word ends in a digit and the next begins with one: they stay apart."""
    return any(one[-1] in "0123456789" and two[0] in "0123456789" for one, two in pairwise(words))


def _is_written_as(wanted: str, written: Sequence[Token], how: str, is_name: bool) -> bool:
    """Return whether linked words, closed up, are the word that is wanted."""
    closed = "".join(token.word for token in written)
    acronym = find_spoken_acronym(closed) or (written[0].acronym if len(written) == 1 else None)
    match how:
        case "exact":
            return closed == wanted
        case "prefix":
            return closed.startswith(wanted)
        case "capitals":
            return acronym == wanted
        case _ if is_name or all(token.is_name for token in written):
            return closed == wanted
        case _:
            return stem(acronym.lower() if acronym else closed) == stem(wanted)

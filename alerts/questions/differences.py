"""What a correction removed and added: the passages that differ, old and new. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain
from typing import Literal

import msgspec

from alerts.text import Segment, cut_passage, tokenise
from crawler.records import Question, iter_paragraphs

#: Longer texts are compared by paragraphs only: the time to compare two texts word by word grows
#: with the product of their lengths, and 2000 × 2000 are 4 million steps.
_MAX_WORDS = 2000

CharacterSpan = tuple[int, int]


#: The parts of a question that are compared.
CorrectedField = Literal["title", "question", "answer"]


class Correction(msgspec.Struct, frozen=True):
    """A passage before and after, with the differing words marked. Either may be empty."""

    old: tuple[Segment, ...]
    new: tuple[Segment, ...]
    field: CorrectedField = "answer"  #: the part of the question that the passage begins in


def find_first_correction(before: Question, after: Question) -> Correction | None:
    """Return the first passage whose words differ.

    Returns:
        None if only punctuation, spaces or capitals differ.
    """
    return next(find_corrections(before, after), None)


def find_corrections(before: Question, after: Question) -> Iterator[Correction]:
    """Yield each passage whose words differ between ``before`` and ``after``, in order."""
    old, new = _list_paragraphs(before), _list_paragraphs(after)
    questions = sum(1 for _ in iter_paragraphs(after.question))
    matcher = SequenceMatcher(
        None, [*map(_list_words, old)], [*map(_list_words, new)], autojunk=False
    )
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            texts = _compare_texts(" ".join(old[a:b]), " ".join(new[c:d]))
            yield Correction(*texts, _name_field(c, questions))


def _name_field(paragraph: int, questions: int) -> CorrectedField:
    """Return the part that a paragraph belongs to: the title, ``questions`` paragraphs, answers."""
    if paragraph == 0:
        return "title"
    return "question" if paragraph <= questions else "answer"


def _list_paragraphs(question: Question) -> list[str]:
    answers = chain.from_iterable(a.speeches for a in question.answers if not a.holding)
    return [question.title or "", *iter_paragraphs(question.question), *iter_paragraphs(answers)]


def _list_words(text: str) -> tuple[str, ...]:
    return tuple(token.word for token in tokenise(text))


def _compare_texts(old: str, new: str) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Return two texts with the words marked that only one of them has."""
    ours, theirs = list(_split_at_spaces(old)), list(_split_at_spaces(new))
    if max(len(ours), len(theirs)) > _MAX_WORDS:
        return _cut_passage(old, [(0, 0)]), _cut_passage(new, [(0, 0)])
    matcher = SequenceMatcher(None, [w for w, _ in ours], [w for w, _ in theirs], autojunk=False)
    gone: list[CharacterSpan] = []
    come: list[CharacterSpan] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            gone.append(_find_span(ours, a, b, len(old)))
            come.append(_find_span(theirs, c, d, len(new)))
    return _cut_passage(old, gone), _cut_passage(new, come)


def _split_at_spaces(text: str) -> Iterator[tuple[tuple[str, ...], CharacterSpan]]:
    """Yield the words and the position of each part of ``text`` between spaces."""
    for piece in re.finditer(r"\S+", text):
        yield _list_words(piece[0]), piece.span()


def _find_span(
    pieces: Sequence[tuple[object, CharacterSpan]], start: int, end: int, size: int
) -> CharacterSpan:
    """Return the position of ``pieces[start:end]``; if it is empty, where they would be."""
    if start < end:
        return pieces[start][1][0], pieces[end - 1][1][1]
    at = pieces[start][1][0] if start < len(pieces) else size
    return at, at


def _cut_passage(text: str, spans: Sequence[CharacterSpan]) -> tuple[Segment, ...]:
    return cut_passage(text, spans) if text else ()

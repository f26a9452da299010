"""What a correction took out and put in: the first passage that differs, old and new. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain

import msgspec

from alerts.queries.snippets import Segment, passage
from alerts.queries.tokens import tokenise
from crawler.records import Question, paragraphs

#: Texts of more words are compared by paragraphs only: comparing them takes the product of both.
_MOST_WORDS = 2000

Span = tuple[int, int]


class Correction(msgspec.Struct, frozen=True):
    """A passage before and after, what differs marked. One may be empty."""

    old: tuple[Segment, ...]
    new: tuple[Segment, ...]


def correction(before: Question, after: Question) -> Correction | None:
    """The first passage of the words of ``after`` that are not those of ``before``.

    None where only signs, spaces or capitals differ.
    """
    return next(corrections(before, after), None)


def corrections(before: Question, after: Question) -> Iterator[Correction]:
    """Each passage of the words of ``after`` that is not as it was in ``before``, in order."""
    old, new = _paragraphs(before), _paragraphs(after)
    matcher = SequenceMatcher(None, [*map(_words, old)], [*map(_words, new)], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield _compared(" ".join(old[a:b]), " ".join(new[c:d]))


def _paragraphs(question: Question) -> list[str]:
    answers = chain.from_iterable(a.speeches for a in question.answers if not a.holding)
    return [question.title or "", *paragraphs(question.question), *paragraphs(answers)]


def _words(text: str) -> tuple[str, ...]:
    return tuple(token.word for token in tokenise(text))


def _compared(old: str, new: str) -> Correction:
    """Two texts, the words that only one of them has marked."""
    ours, theirs = list(_pieces(old)), list(_pieces(new))
    if max(len(ours), len(theirs)) > _MOST_WORDS:
        return Correction(_cut(old, [(0, 0)]), _cut(new, [(0, 0)]))
    matcher = SequenceMatcher(None, [w for w, _ in ours], [w for w, _ in theirs], autojunk=False)
    gone: list[Span] = []
    come: list[Span] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            gone.append(_span(ours, a, b, len(old)))
            come.append(_span(theirs, c, d, len(new)))
    return Correction(_cut(old, gone), _cut(new, come))


def _pieces(text: str) -> Iterator[tuple[tuple[str, ...], Span]]:
    """What stands between spaces: its words, and where it is."""
    for piece in re.finditer(r"\S+", text):
        yield _words(piece[0]), piece.span()


def _span(pieces: Sequence[tuple[object, Span]], start: int, end: int, size: int) -> Span:
    """From the first character of some pieces to behind the last; of none, where they would be."""
    if start < end:
        return pieces[start][1][0], pieces[end - 1][1][1]
    at = pieces[start][1][0] if start < len(pieces) else size
    return at, at


def _cut(text: str, spans: Sequence[Span]) -> tuple[Segment, ...]:
    return passage(text, spans) if text else ()

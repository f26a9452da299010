"""What a correction changed, paragraph by paragraph: kept, removed and added words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain
from typing import Literal, TypeAlias

import msgspec

from alerts.text import tokenise
from crawler.records import Question, iter_paragraphs

PieceKind: TypeAlias = Literal["kept", "removed", "added"]
Part: TypeAlias = Literal["title", "question", "answer"]

#: Longer texts are shown as removed and added as a whole: the time to compare two texts word by
#: word grows with the product of their lengths, and 2000 × 2000 are 4 million steps.
_MAX_WORDS = 2000
#: Words shown before and after a change: about two lines of a page.
_CONTEXT_WORDS = 24
#: Words that are left out at least: less than a line is shown instead.
_MIN_LEFT_OUT = 12
#: Characters shown of what is removed or added as a whole.
_MAX_WHOLE = 600

#: Stands between the cells of a table's row (crawler.reading).
_CELL_SEPARATOR = " | "

_Words: TypeAlias = tuple[str, ...]


class Piece(msgspec.Struct, frozen=True):
    """Words that both versions have, or only one of them."""

    kind: PieceKind
    text: str


class ParagraphEdit(msgspec.Struct, frozen=True):
    """A paragraph of both versions, in pieces."""

    part: Part
    number: int  #: of the paragraph in its part, from 1, without rows of tables
    is_row: bool  #: whether it is a row of a table
    pieces: tuple[Piece, ...]

    @property
    def is_changed(self) -> bool:
        """Whether the words of the two versions differ."""
        return any(piece.kind != "kept" for piece in self.pieces)

    @property
    def before(self) -> tuple[Piece, ...]:
        """The earlier version."""
        return tuple(piece for piece in self.pieces if piece.kind != "added")

    @property
    def after(self) -> tuple[Piece, ...]:
        """The later version."""
        return tuple(piece for piece in self.pieces if piece.kind != "removed")


def compare_versions(before: Question, after: Question) -> Iterator[ParagraphEdit]:
    """Yield all paragraphs of two versions of a question, in order.

    Punctuation, spaces and capitals make no difference. Holding replies are left out.
    """
    for part, old, new in (
        ("title", [before.title or ""], [after.title or ""]),
        ("question", [*iter_paragraphs(before.question)], [*iter_paragraphs(after.question)]),
        ("answer", _list_answer(before), _list_answer(after)),
    ):
        yield from _compare_parts(part, old, new)  # type: ignore[arg-type]  # a literal


def find_edits(before: Question, after: Question) -> Iterator[ParagraphEdit]:
    """Yield the paragraphs that differ, each cut to its changes and the words around them."""
    for edit in compare_versions(before, after):
        if edit.is_changed:
            yield msgspec.structs.replace(edit, pieces=_cut(edit.pieces))


def _list_answer(question: Question) -> list[str]:
    answers = chain.from_iterable(a.speeches for a in question.answers if not a.holding)
    return [*iter_paragraphs(answers)]


def _compare_parts(part: Part, old: Sequence[str], new: Sequence[str]) -> Iterator[ParagraphEdit]:
    matcher = SequenceMatcher(
        None, [*map(_list_words, old)], [*map(_list_words, new)], autojunk=False
    )
    number = 0
    for was, now in _pair_paragraphs(matcher, old, new):
        is_row = _CELL_SEPARATOR in (now or was)
        number += not is_row and bool(now)
        yield ParagraphEdit(part, max(1, number), is_row, _compare_texts(was, now))


def _pair_paragraphs(
    matcher: SequenceMatcher[_Words], old: Sequence[str], new: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield paragraphs of both versions side by side; an empty text where there is none."""
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            yield from ((text, text) for text in new[c:d])
        elif b - a == d - c:
            yield from zip(old[a:b], new[c:d], strict=True)
        else:
            yield " ".join(old[a:b]), " ".join(new[c:d])


def _list_words(text: str) -> _Words:
    return tuple(token.word for token in tokenise(text))


def _compare_texts(old: str, new: str) -> tuple[Piece, ...]:
    """Return two texts as pieces, split at spaces; what both have is as the later prints it."""
    if old == new:
        return (Piece("kept", new),)
    ours, theirs = re.findall(r"\S+", old), re.findall(r"\S+", new)
    if not ours or not theirs or max(len(ours), len(theirs)) > _MAX_WORDS:
        pieces = Piece("removed", old), Piece("added", new)
        return tuple(piece for piece in pieces if piece.text.strip())
    matcher = SequenceMatcher(
        None, [*map(_list_words, ours)], [*map(_list_words, theirs)], autojunk=False
    )
    found: list[Piece] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            found.append(Piece("kept", " ".join(theirs[c:d])))
            continue
        if a < b:
            found.append(Piece("removed", " ".join(ours[a:b])))
        if c < d:
            found.append(Piece("added", " ".join(theirs[c:d])))
    return tuple(found)


def _cut(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return pieces with the words that are far from a change left out."""
    last = len(pieces) - 1
    return tuple(
        _cut_kept(piece, is_first=place == 0, is_last=place == last)
        if piece.kind == "kept"
        else Piece(piece.kind, _cut_whole(piece.text))
        for place, piece in enumerate(pieces)
    )


def _cut_kept(piece: Piece, *, is_first: bool, is_last: bool) -> Piece:
    words = piece.text.split(" ")
    head = [] if is_first else words[:_CONTEXT_WORDS]
    tail = [] if is_last else words[-_CONTEXT_WORDS:]
    if len(words) <= len(head) + len(tail) + _MIN_LEFT_OUT:
        return piece
    return Piece("kept", " ".join([*head, "…", *tail]))


def _cut_whole(text: str) -> str:
    if len(text) <= _MAX_WHOLE:
        return text
    return f"{text[:_MAX_WHOLE].rpartition(' ')[0]} …"

"""Two independent readings of the same page, compared. Pure.

A site that is rebuilt changes its class names or its labels, seldom both on one day. A field that
only one reading finds is taken from it; a field on which they differ makes the page suspect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile

import msgspec

from crawler.reading.items import AnswerItem, Paragraph, QuestionItem
from crawler.records import same_words

Reading = dict[str, str]

#: A difference is shown in so many characters of either side, and with so many words before it.
_SHOWN = 160
_BEFORE = 5


class Compared(msgspec.Struct, frozen=True):
    """What comes of two readings."""

    fields: Reading
    agreed: tuple[str, ...]  #: names of the fields that both found alike
    differ: tuple[str, ...]  #: a sentence for each on which they differ


def with_fields(item: QuestionItem, fields: Reading) -> QuestionItem:
    """``item`` with the fields of a reading, each under its own name."""
    return msgspec.structs.replace(item, **fields)


def compare(structure: Reading, label: Reading) -> Compared:
    """The fields of both readings, and those on which they agree and differ.

    Where they differ the structure's value is kept; white space, quotes, dashes and case are no
    difference.
    """
    both = sorted(structure.keys() & label.keys())
    alike = [name for name in both if _level(structure[name]) == _level(label[name])]
    return Compared(
        fields=label | structure,
        agreed=tuple(alike),
        differ=tuple(
            differing(name, structure[name], label[name]) for name in both if name not in alike
        ),
    )


def compare_words(
    name: str, structure: Sequence[Paragraph], label: Sequence[Paragraph], *, is_closed: bool
) -> Compared:
    """Two readings of a text. ``is_closed`` says that the lines show where it ends.

    Where they do not, the page's furniture may follow, so the structure's words need only begin
    the lines'. A text that one of them does not find at all is no difference.
    """
    if structure and structure == (label if is_closed else label[: len(structure)]):
        return Compared({}, (name,), ())  # as nearly always, and cheaper than by their letters
    ours, seen = words_of(structure), words_of(label)
    if not ours or not seen:
        return Compared({}, (), ())
    if ours == seen or (not is_closed and seen.startswith(ours)):
        return Compared({}, (name,), ())
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(ours, seen, strict=False))
    same = sum(1 for _ in alike)
    return Compared({}, (), (differing(name, _from(structure, same), _from(label, same)),))


def compare_answers(structure: Sequence[AnswerItem], label: Sequence[AnswerItem]) -> Compared:
    """Two readings of the answers: as many, each of the same day, person and words.

    The last one may be followed by furniture. Files alone have no words to compare.
    """
    spoken = [answer for answer in structure if answer.body]
    if not spoken or not label:
        return Compared({}, (), ())
    if len(spoken) != len(label):
        return Compared({}, (), (differing("answers", str(len(spoken)), str(len(label))),))
    said: list[Compared] = [Compared({}, ("answers",), ())]
    for number, (ours, seen) in enumerate(zip(spoken, label, strict=True), start=1):
        is_closed = number < len(spoken)
        said.append(compare(_signed(ours), _signed(seen)))
        said.append(compare_words("answer", ours.body, seen.body, is_closed=is_closed))
    return together({}, said)


def together(fields: Reading, said: Iterable[Compared]) -> Compared:
    """Several comparisons as one: a field agrees where it agrees each time."""
    said = list(said)
    differ = tuple(line for one in said for line in one.differ)
    names = dict.fromkeys(name for one in said for name in one.agreed)
    wrong = {line.partition(":")[0] for line in differ}
    return Compared(fields, tuple(name for name in names if name not in wrong), differ)


def witness(compared: Compared) -> Compared:
    """``compared`` without its differences: a reading that may confirm but proves nothing.

    For fields of which nobody has recorded where a reader sees them.
    """
    return Compared(compared.fields, compared.agreed, ())


def _signed(answer: AnswerItem) -> Reading:
    """When and by whom an answer was given, as far as it says."""
    said = {"answer_date": answer.date, "answered_by": answer.answered_by}
    return {name: value for name, value in said.items() if value}


def differing(name: str, structure: str, label: str) -> str:
    """The sentence about a field on which two readings differ."""
    return f"{name}: {_cut(structure)!r} by structure, {_cut(label)!r} by label"


def words_of(text: Sequence[Paragraph]) -> str:
    """A text levelled for comparison; the bars between cells are no words."""
    return _letters("".join(paragraph.text for paragraph in text))


def _letters(text: str) -> str:
    return same_words(text).replace("|", "")


def _from(text: Sequence[Paragraph], same: int) -> str:
    """``text`` from a few words before the letter in it of which there are ``same`` before."""
    words = " ".join(paragraph.text for paragraph in text).split()
    passed = accumulate(len(_letters(word)) for word in words)
    at = sum(1 for letters in passed if letters <= same) - _BEFORE
    return " ".join(("…", *words[at:]) if at > 0 else words)


def _level(value: str) -> str:
    return same_words(value).lower()


def _cut(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"

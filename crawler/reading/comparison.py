"""Two independent readings of the same page, compared. Pure.

A site that is rebuilt changes its class names or its labels, seldom both on one day. A field that
only one reading finds is taken from it; a field on which they differ makes the page suspect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile

import msgspec

from crawler.reading.items import AnswerItem, Paragraph, QuestionItem
from crawler.records import Disagreement, normalise_wording

FieldValues = dict[str, str]

#: A difference is shown in so many characters of either side, and with so many words before it.
_EXCERPT_LENGTH = 160
_CONTEXT_WORDS = 5


class ReadingComparison(msgspec.Struct, frozen=True):
    """What comes of two readings."""

    fields: FieldValues
    agreed: tuple[str, ...]  #: names of the fields that both found alike
    disagreements: tuple[Disagreement, ...]


def replace_fields(item: QuestionItem, fields: FieldValues) -> QuestionItem:
    """``item`` with the fields of a reading, each under its own name."""
    return msgspec.structs.replace(item, **fields)


def compare_fields(by_structure: FieldValues, by_label: FieldValues) -> ReadingComparison:
    """The fields of both readings, and those on which they agree and differ.

    Where they differ the structure's value is kept; white space, quotes, dashes and case are no
    difference.
    """
    both = sorted(by_structure.keys() & by_label.keys())
    alike = [
        name
        for name in both
        if _normalise_value(by_structure[name]) == _normalise_value(by_label[name])
    ]
    return ReadingComparison(
        fields=by_label | by_structure,
        agreed=tuple(alike),
        disagreements=tuple(
            describe_disagreement(name, by_structure[name], by_label[name])
            for name in both
            if name not in alike
        ),
    )


def compare_words(
    name: str, structure: Sequence[Paragraph], label: Sequence[Paragraph], *, is_end_known: bool
) -> ReadingComparison:
    """Two readings of a text. ``is_end_known`` says that the lines show where it ends.

    Where they do not, the page's furniture may follow, so the structure's words need only begin
    the lines'. A text that one of them does not find at all is no difference.
    """
    if structure and structure == (label if is_end_known else label[: len(structure)]):
        return ReadingComparison(
            {}, (name,), ()
        )  # as nearly always, and cheaper than by their letters
    ours, seen = normalise_paragraphs(structure), normalise_paragraphs(label)
    if not ours or not seen:
        return ReadingComparison({}, (), ())
    if ours == seen or (not is_end_known and seen.startswith(ours)):
        return ReadingComparison({}, (name,), ())
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(ours, seen, strict=False))
    same = sum(1 for _ in alike)
    return ReadingComparison(
        {},
        (),
        (describe_disagreement(name, _excerpt_from(structure, same), _excerpt_from(label, same)),),
    )


def compare_answers(
    structure: Sequence[AnswerItem], label: Sequence[AnswerItem]
) -> ReadingComparison:
    """Two readings of the answers: as many, each of the same day, person and words.

    The last one may be followed by furniture. Files alone have no words to compare.
    """
    spoken = [answer for answer in structure if answer.body]
    if not spoken or not label:
        return ReadingComparison({}, (), ())
    if len(spoken) != len(label):
        return ReadingComparison(
            {}, (), (describe_disagreement("answers", str(len(spoken)), str(len(label))),)
        )
    said: list[ReadingComparison] = [ReadingComparison({}, ("answers",), ())]
    for number, (ours, seen) in enumerate(zip(spoken, label, strict=True), start=1):
        is_closed = number < len(spoken)
        said.append(compare_fields(_signature_fields(ours), _signature_fields(seen)))
        said.append(compare_words("answer", ours.body, seen.body, is_end_known=is_closed))
    return merge_comparisons({}, said)


def merge_comparisons(
    fields: FieldValues, comparisons: Iterable[ReadingComparison]
) -> ReadingComparison:
    """Several comparisons as one: a field agrees where it agrees each time."""
    comparisons = list(comparisons)
    differ = tuple(line for one in comparisons for line in one.disagreements)
    names = dict.fromkeys(name for one in comparisons for name in one.agreed)
    wrong = {disagreement.field for disagreement in differ}
    return ReadingComparison(fields, tuple(name for name in names if name not in wrong), differ)


def drop_disagreements(compared: ReadingComparison) -> ReadingComparison:
    """``compared`` without its differences: a reading that may confirm but proves nothing.

    For fields of which nobody has recorded where a reader sees them.
    """
    return ReadingComparison(compared.fields, compared.agreed, ())


def _signature_fields(answer: AnswerItem) -> FieldValues:
    """When and by whom an answer was given, as far as it says."""
    said = {"answer_date": answer.date, "answered_by": answer.answered_by}
    return {name: value for name, value in said.items() if value}


def describe_disagreement(name: str, structure: str, label: str) -> Disagreement:
    """Return the disagreement on a field, with both values cut to 160 characters."""
    return Disagreement(name, _truncate(structure), _truncate(label))


def normalise_paragraphs(text: Sequence[Paragraph]) -> str:
    """A text levelled for comparison; the bars between cells are no words."""
    return _normalise_letters("".join(paragraph.text for paragraph in text))


def _normalise_letters(text: str) -> str:
    return normalise_wording(text).replace("|", "")


def _excerpt_from(text: Sequence[Paragraph], common_letters: int) -> str:
    """``text`` from a few words before the letter in it of which there are ``common_letters``
    before."""
    words = " ".join(paragraph.text for paragraph in text).split()
    passed = accumulate(len(_normalise_letters(word)) for word in words)
    at = sum(1 for letters in passed if letters <= common_letters) - _CONTEXT_WORDS
    return " ".join(("…", *words[at:]) if at > 0 else words)


def _normalise_value(value: str) -> str:
    return normalise_wording(value).lower()


def _truncate(value: str) -> str:
    return value if len(value) <= _EXCERPT_LENGTH else f"{value[: _EXCERPT_LENGTH - 1]}…"

"""The comparison of two independent readings of the same page. Pure.

One reading follows the page's elements and class names, the other its visible labels. A site that
is rebuilt changes one or the other, seldom both on one day. A field that only one reading finds is
taken from that one; a field that they read differently makes the page suspect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile

import msgspec

from crawler.reading.items import AnswerItem, Paragraph, QuestionItem
from crawler.records import Disagreement, normalise_wording

FieldValues = dict[str, str]

#: Of a value that is read differently, 160 characters are kept: two lines of a terminal. Of a text,
#: they start five words before the difference, enough to find the place on the page.
_EXCERPT_LENGTH = 160
_CONTEXT_WORDS = 5


class ReadingComparison(msgspec.Struct, frozen=True):
    """The result of comparing two readings."""

    fields: FieldValues  #: of both readings; where they differ, the structure's
    agreed: tuple[str, ...]  #: names of the fields that both readings found alike
    disagreements: tuple[Disagreement, ...]


def replace_fields(item: QuestionItem, fields: FieldValues) -> QuestionItem:
    """Return ``item`` with ``fields`` set, each under its own name."""
    return msgspec.structs.replace(item, **fields)


def compare_fields(by_structure: FieldValues, by_label: FieldValues) -> ReadingComparison:
    """Compare the fields of two readings.

    White space, quotes, dashes and case make no difference. Where the readings differ, the value by
    structure is kept.
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
    """Compare two readings of a text. A text that only one of them finds is no disagreement.

    Args:
        name: The field: ``question``.
        structure: The text by structure.
        label: The text by label.
        is_end_known: Whether the labels show where the text ends. If not, other parts of the page
            may follow it, so the text by label need only start with the text by structure.
    """
    # Nearly always equal, and this is cheaper than a comparison by letters.
    if structure and structure == (label if is_end_known else label[: len(structure)]):
        return ReadingComparison({}, (name,), ())
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
    """Compare two readings of the answers: their number, and each one's day, person and words.

    Other parts of the page may follow the last answer. Answers without words, of files alone, are
    not compared.
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
    """Return several comparisons as one with the given fields.

    A field counts as agreed if no comparison disagrees on it.
    """
    comparisons = list(comparisons)
    differ = tuple(line for one in comparisons for line in one.disagreements)
    names = dict.fromkeys(name for one in comparisons for name in one.agreed)
    wrong = {disagreement.field for disagreement in differ}
    return ReadingComparison(fields, tuple(name for name in names if name not in wrong), differ)


def drop_disagreements(compared: ReadingComparison) -> ReadingComparison:
    """Return ``compared`` without its disagreements.

    For fields whose place among the visible labels is not known: there, finding the same value
    confirms the reading by structure, and finding another one proves nothing.
    """
    return ReadingComparison(compared.fields, compared.agreed, ())


def _signature_fields(answer: AnswerItem) -> FieldValues:
    """Return the date and the author of an answer, as far as the page prints them."""
    said = {"answer_date": answer.date, "answered_by": answer.answered_by}
    return {name: value for name, value in said.items() if value}


def describe_disagreement(name: str, structure: str, label: str) -> Disagreement:
    """Return the disagreement on a field, with both values cut to 160 characters."""
    return Disagreement(name, _truncate(structure), _truncate(label))


def normalise_paragraphs(text: Sequence[Paragraph]) -> str:
    """Return a text in a form for comparison, without the bars between table cells."""
    return _normalise_letters("".join(paragraph.text for paragraph in text))


def _normalise_letters(text: str) -> str:
    return normalise_wording(text).replace("|", "")


def _excerpt_from(text: Sequence[Paragraph], common_letters: int) -> str:
    """Return ``text`` from a few words before its letter number ``common_letters``."""
    words = " ".join(paragraph.text for paragraph in text).split()
    passed = accumulate(len(_normalise_letters(word)) for word in words)
    at = sum(1 for letters in passed if letters <= common_letters) - _CONTEXT_WORDS
    return " ".join(("…", *words[at:]) if at > 0 else words)


def _normalise_value(value: str) -> str:
    return normalise_wording(value).lower()


def _truncate(value: str) -> str:
    return value if len(value) <= _EXCERPT_LENGTH else f"{value[: _EXCERPT_LENGTH - 1]}…"

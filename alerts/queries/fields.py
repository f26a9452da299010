"""The fields of a question: their names in queries, and their texts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import get_args

from alerts.model import ChangeKind, infer_change_kinds
from alerts.text import PreparedTexts, prepare_texts
from crawler.records import Question, QuestionStatus, iter_paragraphs

#: Fields that are searched for a word that names no field.
DEFAULT_FIELDS = frozenset(
    {"title", "question", "answer", "asked_by", "asked_of", "answered_by", "ref", "attachment"}
)

#: All fields, as queries name them. Their places are part of the index of words
#: (:mod:`alerts.queries.index_terms`): append new ones at the end.
FIELDS = (
    "title",
    "question",
    "answer",
    "asked_by",
    "party",
    "asked_of",
    "answered_by",
    "ref",
    "source",
    "kind",
    "change",
    "attachment",
    "status",
    "year",
)

#: Fields whose words are keywords of this project, not English: they are compared as written.
KEYWORD_FIELDS = frozenset({"ref", "source", "kind", "change", "status", "year"})

#: Fields of people's names, whose words have no other forms: ``halls`` does not find *Susan Hall*.
NAME_FIELDS = frozenset({"asked_by", "asked_of", "answered_by"})

#: The values of the fields that have a fixed set of them.
ALLOWED_VALUES: Mapping[str, tuple[str, ...]] = {
    "kind": ("question", "supplementary"),
    "change": tuple(ChangeKind),
    "status": get_args(QuestionStatus),
}


def extract_fields(question: Question, changes: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the texts of a question by field, each as a list of paragraphs.

    Args:
        question: The record.
        changes: Kinds of changes for the field ``change``, such as ``["asked"]``; use
            :func:`infer_changes` if none have been recorded.
    """
    asker = question.asked_by
    speeches = chain.from_iterable(answer.speeches for answer in question.answers)
    answerers = chain.from_iterable(answer.answered_by for answer in question.answers)
    return {
        "title": _optional_text(question.title),
        "question": list(iter_paragraphs(question.question)),
        "answer": list(iter_paragraphs(speeches)),
        "asked_by": list_name_texts(asker.printed, asker.name) if asker else [],
        "party": _optional_text(asker.party if asker else None),
        "asked_of": [
            text
            for one in question.asked_of
            for text in list_name_texts(one.printed, one.name, one.role)
        ],
        "answered_by": list(dict.fromkeys(answerers)),
        "ref": _optional_text(question.reference),
        "source": [question.source],
        "kind": [question.kind],
        "change": list(changes),
        "attachment": [file.title for answer in question.answers for file in answer.attachments],
        "status": [question.status],
        "year": _year_text(question),
    }


def prepare_fields(texts: Mapping[str, Sequence[str]]) -> PreparedTexts:
    """Return the texts of a question by field, ready for :func:`alerts.queries.find_match`."""
    return prepare_texts(texts, NAME_FIELDS)


def infer_changes(question: Question) -> tuple[ChangeKind, ...]:
    """Return the kinds of changes that a question read for the first time has had."""
    return infer_change_kinds(question.status)


def _optional_text(text: str | None) -> list[str]:
    return [text] if text else []


def _year_text(question: Question) -> list[str]:
    """Return the year in which a question was asked; nothing if its day is not known."""
    day = question.meeting.date if question.meeting else None
    return [f"{day.year:04}"] if day else []


def list_name_texts(printed: str, *more: str | None) -> list[str]:
    """Return what a person's field is compared with: what the page prints, and other names.

    Names that are part of what is printed are left out.
    """
    return [printed, *(text for text in more if text and text not in printed)]

"""The fields of a question: what each is called in a query, and what it says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from alerts.model import ChangeKind, infer_change_kinds
from crawler.records import Question, iter_paragraphs

#: Fields where a word is looked for that names none.
DEFAULT_FIELDS = frozenset(
    {"title", "question", "answer", "asked_by", "asked_of", "answered_by", "ref"}
)

#: Every field, as a query names it.
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
)

#: Fields whose words are names of ours, not English: each is taken as it is written.
KEYWORD_FIELDS = frozenset({"ref", "source", "kind", "change"})

#: What a field may say, where that is known.
ALLOWED_VALUES: Mapping[str, tuple[str, ...]] = {
    "kind": ("question", "supplementary"),
    "change": tuple(ChangeKind),
}


def extract_fields(question: Question, changes: Iterable[str] = ()) -> dict[str, list[str]]:
    """The texts of a question by field, each a list of paragraphs.

    ``changes`` are the kinds of what happened to it; see :func:`infer_changes` where none is known.
    """
    asker = question.asked_by
    speeches = chain.from_iterable(answer.speeches for answer in question.answers)
    answerers = chain.from_iterable(answer.answered_by for answer in question.answers)
    return {
        "title": _optional_text(question.title),
        "question": list(iter_paragraphs(question.question)),
        "answer": list(iter_paragraphs(speeches)),
        "asked_by": _name_texts(asker.printed, asker.name) if asker else [],
        "party": _optional_text(asker.party if asker else None),
        "asked_of": [t for a in question.asked_of for t in _name_texts(a.printed, a.name, a.role)],
        "answered_by": list(dict.fromkeys(answerers)),
        "ref": _optional_text(question.reference),
        "source": [question.source],
        "kind": [question.kind],
        "change": list(changes),
    }


def infer_changes(question: Question) -> tuple[ChangeKind, ...]:
    """Return what has happened to a question that is read for the first time, by its status."""
    return infer_change_kinds(question.status)


def _optional_text(text: str | None) -> list[str]:
    return [text] if text else []


def _name_texts(printed: str, *more: str | None) -> list[str]:
    """What the page prints, and what we know of the person that is not in it."""
    return [printed, *(text for text in more if text and text not in printed)]

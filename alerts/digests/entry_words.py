"""What an entry says beside the words of the record: its state, who asked whom, when, and why.

Both templates of an entry take their sentences from here, so HTML and plain text say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from alerts.digests.entries import Entry, ReferredQuestion
from alerts.model import ChangeKind
from alerts.rendering import (
    CHANGE_LABELS,
    FIELD_LABELS,
    PASSAGE_LABELS,
    format_date,
    name_host,
    name_in_sentence,
    normalise_link,
)
from crawler.records import Question, QuestionStatus

#: The disc fills as the answer comes.
_DISCS: Final[Mapping[QuestionStatus, str]] = {"unanswered": "○", "holding": "◐", "answered": "●"}
#: What was corrected, by the part of the question.
_CORRECTED_LABELS: Final[Mapping[str, str]] = {
    "title": "Title corrected",
    "question": "Question corrected",
    "answer": "Answer corrected",
}
#: Attached files of one entry.
_MAX_FILES = 5
#: Topics that are named beside the one that an entry stands under.
_MAX_OTHER_TOPICS = 5
#: Binds a word to the number after it.
_NO_BREAK_SPACE = "\u00a0"


def describe_entry(entry: Entry, site_name: str | None, names_source: bool) -> dict[str, Any]:
    """Return the sentences of an entry, by the names that the templates use.

    Args:
        entry: The entry.
        site_name: The host of its source's site.
        names_source: Whether the entry names its source, because there are several.
    """
    question = entry.question
    more_files = len(entry.files) - _MAX_FILES
    return {
        "disc": _DISCS[question.status],
        "state": _describe_state(entry),
        "delay": _describe_delay(entry),
        "asked": _describe_people(question),
        "dated": _describe_day(question, site_name if names_source else None),
        "source_name": site_name if names_source else None,
        "answer_label": _label_answer(entry),
        "files": entry.files[:_MAX_FILES],
        "more_files": f"And {more_files} more files." if more_files > 0 else "",
        "referred": [_describe_referred(one) for one in entry.referred],
        "also": " ".join(filter(None, (_describe_topics(entry), _describe_fields(entry)))),
        "view_on": f"View on {name_host(question.url) or site_name}",
    }


def _describe_state(entry: Entry) -> str:
    if entry.days_unanswered is not None:
        return f"Unanswered for {entry.days_unanswered} days"
    if entry.correction is not None:
        return _CORRECTED_LABELS[entry.correction.field]
    return CHANGE_LABELS[entry.kind]


def _describe_delay(entry: Entry) -> str:
    """Return ``after 12 days`` for an answer whose day is known; else an empty text."""
    days = entry.days_to_answer
    if entry.kind is not ChangeKind.ANSWERED or days is None:
        return ""
    return f"after {days} {'day' if days == 1 else 'days'}" if days else "on the same day"


def _describe_people(question: Question) -> str:
    if question.asked_by is None:
        return ""
    name = question.asked_by.name
    asked_of = ", ".join(name_in_sentence(one.name) for one in question.asked_of)
    return f"{name} asked {asked_of}" if asked_of else f"Asked by {name}"


def _describe_day(question: Question, source_name: str | None) -> str:
    """Return ``Meeting of 16 July 2026, question 2026/0002``, with the source where it is named."""
    meeting, reference = question.meeting, question.reference
    parts = []
    if meeting is not None and meeting.date is not None:
        day = format_date(meeting.date)
        parts.append(f"Meeting of {day}" if meeting.name else day)
    if reference:
        parts.append(f"{'question' if parts else 'Question'}{_NO_BREAK_SPACE}{reference}")
    return ", ".join([*parts, *filter(None, [source_name])])


def _label_answer(entry: Entry) -> str:
    is_holding = entry.kind is ChangeKind.HOLDING
    return CHANGE_LABELS[ChangeKind.HOLDING] if is_holding else PASSAGE_LABELS["answer"]


def _describe_referred(one: ReferredQuestion) -> dict[str, Any]:
    return {
        "label": "Answer to" if one.answer else "Not answered yet:",
        "name": one.name,
        "url": normalise_link(one.question.url),
        "answer": one.answer.segments if one.answer else (),
    }


def _describe_topics(entry: Entry) -> str:
    """Return which other topics of the subscriber's the question matched."""
    queries = [one.query for one in entry.other_topics if not one.is_followed]
    more = len(queries) - _MAX_OTHER_TOPICS
    names = ", ".join(queries[:_MAX_OTHER_TOPICS])
    sentences = []
    if queries:
        sentences.append(f"Also matches {names}{f' and {more} more' if more > 0 else ''}.")
    if len(queries) < len(entry.other_topics):
        sentences.append("You follow this question.")
    return " ".join(sentences)


def _describe_fields(entry: Entry) -> str:
    """Return where a match is whose words are not shown."""
    fields = ", ".join(FIELD_LABELS.get(field, field) for field in entry.found_in)
    return f"Found in: {fields}." if fields else ""

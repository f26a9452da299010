"""What an entry says beside the words of the record: its state, who asked whom, when, and why.

Both templates of an entry take their sentences from here, so HTML and plain text say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from alerts.digests.entries import Entry, ReferredQuestion
from alerts.language import format_day, gettext, gettext_noop, join_names, ngettext
from alerts.model import ChangeKind
from alerts.rendering import (
    CHANGE_LABELS,
    FIELD_LABELS,
    PASSAGE_LABELS,
    name_host,
    name_in_sentence,
    normalise_link,
)
from crawler.records import Question, QuestionStatus

#: The disc fills as the answer comes.
_DISCS: Final[Mapping[QuestionStatus, str]] = {"unanswered": "○", "holding": "◐", "answered": "●"}
#: What was corrected, by the part of the question.
_CORRECTED_LABELS: Final[Mapping[str, str]] = {
    "title": gettext_noop("Title corrected"),
    "question": gettext_noop("Question corrected"),
    "answer": gettext_noop("Answer corrected"),
}
#: Attached files of one entry.
_MAX_FILES = 5
#: Topics that are named beside the one that an entry stands under.
_MAX_OTHER_TOPICS = 5


def describe_entry(entry: Entry, site_name: str | None, names_source: bool) -> dict[str, Any]:
    """Return the sentences of an entry, by the names that the templates use.

    Args:
        entry: The entry.
        site_name: The host of its source's site.
        names_source: Whether the entry names its source, because there are several.
    """
    question = entry.question
    return {
        "disc": _DISCS[question.status],
        "state": _describe_state(entry),
        "delay": _describe_delay(entry),
        "asked": _describe_people(question),
        "dated": _describe_day(question, site_name if names_source else None),
        "source_name": site_name if names_source else None,
        "answer_label": _label_answer(entry),
        "files": entry.files[:_MAX_FILES],
        "more_files": _count_more_files(len(entry.files) - _MAX_FILES),
        "referred": [_describe_referred(one) for one in entry.referred],
        "also": " ".join(filter(None, (_describe_topics(entry), _describe_fields(entry)))),
        "view_on": gettext("View on %(site)s") % {"site": name_host(question.url) or site_name},
    }


def _count_more_files(number: int) -> str:
    if number <= 0:
        return ""
    text = ngettext("And %(number)s more file.", "And %(number)s more files.", number)
    return text % {"number": number}


def _describe_state(entry: Entry) -> str:
    days = entry.days_unanswered
    if days is not None:
        text = ngettext("Unanswered for %(days)s day", "Unanswered for %(days)s days", days)
        return text % {"days": days}
    if entry.correction is not None:
        return gettext(_CORRECTED_LABELS[entry.correction.field])
    return gettext(CHANGE_LABELS[entry.kind])


def _describe_delay(entry: Entry) -> str:
    """Return ``after 12 days`` for an answer whose day is known; else an empty text."""
    days = entry.days_to_answer
    if entry.kind is not ChangeKind.ANSWERED or days is None:
        return ""
    if days == 0:
        return gettext("on the same day")
    return ngettext("after %(days)s day", "after %(days)s days", days) % {"days": days}


def _describe_people(question: Question) -> str:
    if question.asked_by is None:
        return ""
    name = question.asked_by.name
    asked_of = ", ".join(name_in_sentence(one.name) for one in question.asked_of)
    if not asked_of:
        return gettext("Asked by %(name)s") % {"name": name}
    return gettext("%(name)s asked %(asked_of)s") % {"name": name, "asked_of": asked_of}


def _describe_day(question: Question, source_name: str | None) -> str:
    """Return ``Meeting of 16 July 2026, question 2026/0002``, with the source where it is named."""
    meeting, reference = question.meeting, question.reference
    day = format_day(meeting.date) if meeting is not None else ""
    is_meeting = meeting is not None and meeting.name is not None
    if day and reference:
        text = (
            gettext("Meeting of %(day)s, question\u00a0%(reference)s")
            if is_meeting
            else gettext("%(day)s, question\u00a0%(reference)s")
        )
    elif day:
        text = gettext("Meeting of %(day)s") if is_meeting else "%(day)s"
    else:
        text = gettext("Question\u00a0%(reference)s") if reference else ""
    parts = (text % {"day": day, "reference": reference}, source_name)
    return ", ".join(filter(None, parts))


def _label_answer(entry: Entry) -> str:
    is_holding = entry.kind is ChangeKind.HOLDING
    return gettext(CHANGE_LABELS[ChangeKind.HOLDING] if is_holding else PASSAGE_LABELS["answer"])


def _describe_referred(one: ReferredQuestion) -> dict[str, Any]:
    return {
        "label": gettext("Answer to:") if one.answer else gettext("Not answered yet:"),
        "name": one.name,
        "url": normalise_link(one.question.url),
        "answer": one.answer.segments if one.answer else (),
    }


def _describe_topics(entry: Entry) -> str:
    """Return which other topics of the subscriber's the question matched."""
    queries = [one.query for one in entry.other_topics if not one.is_followed]
    more = len(queries) - _MAX_OTHER_TOPICS
    sentences = []
    if more > 0:
        names = ", ".join(queries[:_MAX_OTHER_TOPICS])
        text = gettext("Also matches %(names)s and %(number)s more.")
        sentences.append(text % {"names": names, "number": more})
    elif queries:
        sentences.append(gettext("Also matches %(names)s.") % {"names": join_names(queries)})
    if len(queries) < len(entry.other_topics):
        sentences.append(gettext("You follow this question."))
    return " ".join(sentences)


def _describe_fields(entry: Entry) -> str:
    """Return where a match is whose words are not shown."""
    fields = ", ".join(gettext(FIELD_LABELS.get(field, field)) for field in entry.found_in)
    return gettext("Found in: %(fields)s.") % {"fields": fields} if fields else ""

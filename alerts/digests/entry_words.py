"""What an entry says beside the words of the record: its state, who asked whom, when, and why.

Both templates of an entry take their sentences from here, so HTML and plain text say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from alerts.digests.entries import Entry, ReferredQuestion
from alerts.language import gettext, gettext_noop, join_names, ngettext
from alerts.model import ChangeKind
from alerts.rendering import (
    CHANGE_LABELS,
    FIELD_LABELS,
    PASSAGE_LABELS,
    STATUS_DISCS,
    describe_day,
    describe_delay,
    describe_people,
    name_host,
    normalise_link,
)

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
        "disc": STATUS_DISCS[question.status],
        "state": _describe_state(entry),
        "delay": describe_delay(question) if entry.kind is ChangeKind.ANSWERED else "",
        "asked": describe_people(question),
        "dated": describe_day(question, site_name if names_source else None),
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

"""What emails say of a question beside its own words: its disc, who asked whom, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerts.language import format_day, gettext, ngettext
from alerts.rendering.urls import name_in_sentence
from crawler.records import Question, QuestionStatus

#: The disc fills as the answer comes.
STATUS_DISCS: Final[Mapping[QuestionStatus, str]] = {
    "unanswered": "○",
    "holding": "◐",
    "answered": "●",
}


def describe_people(question: Question) -> str:
    """Return who asked whom: ``Ada Brook asked the Mayor``; empty where it is not known."""
    if question.asked_by is None:
        return ""
    name = question.asked_by.name
    asked_of = ", ".join(name_in_sentence(one.name) for one in question.asked_of)
    if not asked_of:
        return gettext("Asked by %(name)s") % {"name": name}
    return gettext("%(name)s asked %(asked_of)s") % {"name": name, "asked_of": asked_of}


def describe_day(question: Question, source_name: str | None = None) -> str:
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


def describe_delay(question: Question) -> str:
    """Return ``after 12 days`` for an answer whose day is known; else an empty text."""
    days = _count_days_to_answer(question)
    if days is None:
        return ""
    if days == 0:
        return gettext("on the same day")
    return ngettext("after %(days)s day", "after %(days)s days", days) % {"days": days}


def _count_days_to_answer(question: Question) -> int | None:
    """Return the days from the question's day to its first answer, holding replies left out.

    Returns:
        None while it has no answer, or where one of the days is not known or they are in the
        wrong order.
    """
    asked = question.meeting.date if question.meeting else None
    days = [answer.date for answer in question.answers if answer.date and not answer.holding]
    if asked is None or not days:
        return None
    number = (min(days) - asked).days
    return number if number >= 0 else None

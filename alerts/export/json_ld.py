"""A question as JSON-LD for search engines (https://schema.org/Question). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from alerts.feeds import FeedIdentity
from alerts.rendering import normalise_link, question_path
from crawler.records import Answer, Question, Speech, iter_paragraphs, name_question

#: Characters that could end or open an element inside a script element, and their JSON escapes.
_SCRIPT_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def build_json_ld(thread: Sequence[Question], identity: FeedIdentity) -> str:
    """Return the content of a script element of type ``application/ld+json``.

    Args:
        thread: A question and its supplementaries; at least one.
        identity: Whose pages the question's address is on.
    """
    page: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "QAPage",
        "mainEntity": _describe_question(thread[0], identity),
    }
    if len(thread) > 1:
        page["hasPart"] = [_describe_question(part, identity) for part in thread[1:]]
    text = msgspec.json.encode(page).decode()
    for character, escaped in _SCRIPT_ESCAPES.items():
        text = text.replace(character, escaped)
    return text


def _describe_question(question: Question, identity: FeedIdentity) -> dict[str, Any]:
    answers = [answer for answer in question.answers if not answer.holding]
    ours = identity.public_url and f"{identity.public_url}{question_path(question.id)}"
    source = normalise_link(question.url)
    values = {
        "@type": "Question",
        "@id": ours,
        "identifier": question.reference,
        "name": name_question(question),
        "text": _join_paragraphs(question.question),
        "url": ours or source,
        "isBasedOn": source,
        "author": {"@type": "Person", "name": question.asked_by.name}
        if question.asked_by
        else None,
        "datePublished": question.meeting.date if question.meeting else None,
        "answerCount": len(answers),
        "acceptedAnswer": [_describe_answer(answer) for answer in answers] or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _describe_answer(answer: Answer) -> dict[str, Any]:
    values = {
        "@type": "Answer",
        "text": _join_paragraphs(answer.speeches),
        "author": [{"@type": "Person", "name": name} for name in answer.answered_by] or None,
        "datePublished": answer.date,
    }
    return {name: value for name, value in values.items() if value is not None}


def _join_paragraphs(speeches: Iterable[Speech]) -> str:
    return "\n\n".join(iter_paragraphs(speeches))

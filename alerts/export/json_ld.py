"""A question as search engines read it: JSON-LD, https://schema.org/Question. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from alerts.feeds import FeedIdentity
from alerts.rendering import normalise_link, question_path
from crawler.records import Answer, Question, Speech, iter_paragraphs

#: What may not stand inside a script element, as JSON writes it otherwise.
_SCRIPT_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def build_json_ld(thread: Sequence[Question], feed_identity: FeedIdentity) -> str:
    """JSON for a script element of type ``application/ld+json``."""
    page: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "QAPage",
        "mainEntity": _describe_question(thread[0], feed_identity),
    }
    if len(thread) > 1:
        page["hasPart"] = [_describe_question(one, feed_identity) for one in thread[1:]]
    text = msgspec.json.encode(page).decode()
    for sign, written in _SCRIPT_ESCAPES.items():
        text = text.replace(sign, written)
    return text


def _describe_question(question: Question, feed_identity: FeedIdentity) -> dict[str, Any]:
    answers = [answer for answer in question.answers if not answer.holding]
    values = {
        "@type": "Question",
        "@id": feed_identity.public_url
        and f"{feed_identity.public_url}{question_path(question.id)}",
        "identifier": question.reference,
        "name": question.title,
        "text": _join_paragraphs(question.question),
        "url": normalise_link(question.url),
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

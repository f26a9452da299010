"""A question as search engines read it: JSON-LD, https://schema.org/Question. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from alerts.feeds.json_feed import Imprint
from alerts.rendering.urls import question_path, web_address
from crawler.records import Answer, Question, Speech, paragraphs

#: What may not stand inside a script element, as JSON writes it otherwise.
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def described(thread: Sequence[Question], imprint: Imprint) -> str:
    """JSON for a script element of type ``application/ld+json``."""
    page: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "QAPage",
        "mainEntity": _question(thread[0], imprint),
    }
    if len(thread) > 1:
        page["hasPart"] = [_question(one, imprint) for one in thread[1:]]
    text = msgspec.json.encode(page).decode()
    for sign, written in _ESCAPED.items():
        text = text.replace(sign, written)
    return text


def _question(question: Question, imprint: Imprint) -> dict[str, Any]:
    answers = [answer for answer in question.answers if not answer.holding]
    values = {
        "@type": "Question",
        "@id": imprint.public_url and f"{imprint.public_url}{question_path(question.id)}",
        "identifier": question.reference,
        "name": question.title,
        "text": _text(question.question),
        "url": web_address(question.url),
        "author": {"@type": "Person", "name": question.asked_by.name}
        if question.asked_by
        else None,
        "datePublished": question.meeting.date if question.meeting else None,
        "answerCount": len(answers),
        "acceptedAnswer": [_answer(answer) for answer in answers] or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _answer(answer: Answer) -> dict[str, Any]:
    values = {
        "@type": "Answer",
        "text": _text(answer.speeches),
        "author": [{"@type": "Person", "name": name} for name in answer.answered_by] or None,
        "datePublished": answer.date,
    }
    return {name: value for name, value in values.items() if value is not None}


def _text(speeches: Iterable[Speech]) -> str:
    return "\n\n".join(paragraphs(speeches))

"""UK Parliament written questions, as the API gives a single one. Pure.

Lists cut their texts (an answer at 255 characters, a question without any mark) and their flags are
not reliable, so only the single call is ever read: ``{"value": {...}, "links": [...]}``. Texts are
HTML. Its fields are what a public client's test data and an archive of 90,000 questions show
(``docs/source.md``); those that we do not use are passed over, so that a new one breaks nothing.
"""

from __future__ import annotations

import msgspec
from selectolax.lexbor import LexborHTMLParser

from crawler.documents import Document
from crawler.items import (
    AnswerItem,
    AttachmentItem,
    Paragraph,
    QuestionItem,
    UnreadablePage,
    WithdrawnPage,
)
from crawler.text import paragraphs


class _Member(msgspec.Struct, frozen=True):
    name: str
    party: str | None = None


class _File(msgspec.Struct, frozen=True):
    url: str
    title: str | None = None


class _Value(msgspec.Struct, frozen=True, rename="camel"):
    uin: str
    date_tabled: str
    house: str
    answering_body_name: str
    question_text: str
    heading: str | None = None
    asking_member: _Member | None = None
    is_withdrawn: bool = False
    answer_is_holding: bool | None = False
    date_answered: str | None = None
    date_holding_answer: str | None = None
    answer_text: str | None = None
    answering_member: _Member | None = None
    grouped_questions: tuple[str, ...] = ()
    attachments: tuple[_File, ...] = ()


class _Single(msgspec.Struct, frozen=True):
    value: _Value


class UKParliament:
    """Reader of the single call."""

    source = "uk-parliament"
    generation = "api"

    def recognises(self, document: Document) -> bool:
        """By the one member that a list and an error do not have at this place."""
        head = document.text.lstrip()[:2000]
        return head.startswith("{") and '"value"' in head and '"uin"' in document.text

    def read(self, document: Document) -> QuestionItem:
        """The item. Raises :class:`UnreadablePage`, and :class:`WithdrawnPage` for a question
        that is on the record no more.
        """
        try:
            value = msgspec.json.decode(document.text, type=_Single).value
        except msgspec.MsgspecError as error:
            raise UnreadablePage(f"the API's answer is not as we know it: {error}") from error
        if value.is_withdrawn:
            raise WithdrawnPage("the question was withdrawn")
        asker = value.asking_member
        return QuestionItem(
            source=self.source,
            generation=self.generation,
            url=document.url,
            title=value.heading,
            reference=value.uin,
            asked_by=asker.name if asker else None,
            party=asker.party if asker else None,
            asked_of=value.answering_body_name,
            session_date=value.date_tabled[:10],  # there is no meeting: the day of its paper
            labels=_labels(value),
            body=_read(value.question_text),
            answers=_answers(value),
        )


def _labels(value: _Value) -> dict[str, str]:
    grouped = ", ".join(value.grouped_questions)
    named = {"House": value.house, "UIN": value.uin, "Grouped questions": grouped}
    return {name: text for name, text in named.items() if text}


def _answers(value: _Value) -> tuple[AnswerItem, ...]:
    """The answer: the API replaces a holding one by the real one, and that by its correction."""
    files = tuple(AttachmentItem(file.title or file.url, file.url) for file in value.attachments)
    body = _read(value.answer_text or "")
    if not body and not files:
        return ()
    day = value.date_answered or value.date_holding_answer
    return (
        AnswerItem(
            answered_by=value.answering_member.name if value.answering_member else None,
            date=day[:10] if day else None,
            holding=bool(value.answer_is_holding),
            body=body,
            html=value.answer_text,
            attachments=files,
        ),
    )


def _read(html: str) -> tuple[Paragraph, ...]:
    root = LexborHTMLParser(html).body
    return paragraphs(root) if root is not None else ()


PAGE = UKParliament()

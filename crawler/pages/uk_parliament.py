"""A written question of the UK Parliament, as the API returns it for a single question. Pure.

The API's lists have objects of the same form, but with texts cut at 255 characters, tables run
together and flags that are out of date. So only the response for a single question is read here.
An object has no markup and no visible labels; the second reading is that of its address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from crawler.reading import Document, UnreadablePage
from crawler.reading.comparison import ReadingComparison, compare_fields
from crawler.reading.documents import parse_html
from crawler.reading.items import AnswerItem, AttachmentItem, Paragraph, QuestionItem
from crawler.reading.visible_text import clean_text, extract_paragraphs, split_plain_text

#: The address of a question's page, to which the day of tabling and the number are added. Numbers
#: are used again in the next session, so the day is part of the id.
DETAIL_URL = "https://questions-statements.parliament.uk/written-questions/detail"

_DETAIL_PATTERN = re.compile(rf"{re.escape(DETAIL_URL)}/(\d{{4}}-\d\d-\d\d)/([^/]+)")
_TEXT_FIELDS = frozenset(
    ("questionText", "answerText", "originalAnswerText", "comparableAnswerText")
)
#: Characters of an answer that a list has cut: 255 and three dots.
_TRUNCATED_LENGTH = 258


#: Characters at which a list cuts a question, without a mark.
TRUNCATED_QUESTION_LENGTH = 255
_SENTENCE_ENDS = tuple(".?!:;)]\"'”’")
#: The label under which a record says what the API's object lacks.
_MISSING_LABEL = "missing"


class _ApiMember(msgspec.Struct, frozen=True):
    name: str | None = None
    party: str | None = None


class _ApiFile(msgspec.Struct, frozen=True):
    url: str | None = None
    title: str | None = None


class TabledQuestion(msgspec.Struct, frozen=True, rename="camel"):
    """The identification of a question, which is all that may be taken from a list."""

    uin: str
    date_tabled: datetime

    @property
    def tabled_day(self) -> str:
        """The day of tabling: ``2024-01-05``."""
        return self.date_tabled.date().isoformat()

    @property
    def detail_url(self) -> str:
        """The address of the question's page."""
        return f"{DETAIL_URL}/{self.tabled_day}/{self.uin}"


class _WrittenQuestion(TabledQuestion, frozen=True, rename="camel"):
    """The parts of a question's object that become fields; the others are kept as labels."""

    heading: str | None = None
    question_text: str | None = None
    asking_member: _ApiMember | None = None
    answering_body_name: str | None = None
    answering_member: _ApiMember | None = None
    date_answered: datetime | None = None
    date_holding_answer: datetime | None = None
    answer_text: str | None = None
    answer_is_holding: bool | None = None
    is_withdrawn: bool | None = None
    attachments: tuple[_ApiFile, ...] | None = None


class UKParliament:
    """The page object for the API's response."""

    source = "uk-parliament"
    generation = "api"

    def recognises(self, document: Document) -> bool:
        """Return whether the object has exactly one question in its envelope."""
        value = (document.json_object or {}).get("value")
        return isinstance(value, dict) and {"uin", "questionText"} <= value.keys()

    def read(self, document: Document) -> QuestionItem:
        """Return the item, with the fields on which the object and its address differ."""
        assert document.json_object is not None
        value = document.json_object["value"]
        try:
            written = msgspec.convert(value, _WrittenQuestion)
        except msgspec.ValidationError as error:
            raise UnreadablePage(f"the question is not of the API's shape: {error}") from error
        if written.is_withdrawn:
            raise UnreadablePage("the question has been withdrawn")
        found = _compare_with_url(written, document)
        asker = written.asking_member
        return QuestionItem(
            source=self.source,
            generation=self.generation,
            url=written.detail_url,
            title=clean_text(written.heading or "") or None,
            reference=written.uin,
            asked_by=asker.name if asker else None,
            party=asker.party if asker else None,
            asked_of=written.answering_body_name,
            session_date=written.tabled_day,
            labels=_build_labels(value, written),
            absent=() if asker and asker.name else ("asker",),
            body=split_plain_text(written.question_text or ""),
            answers=tuple(_read_answers(written)),
            agreed=found.agreed,
            disagreements=found.disagreements,
            faults=tuple(_find_faults(written)),
        )


def _compare_with_url(written: _WrittenQuestion, document: Document) -> ReadingComparison:
    """Compare number and day in the object with those in the address that it came from."""
    address = _DETAIL_PATTERN.fullmatch(document.url or "")
    by_address = {"session_date": address[1], "reference": address[2]} if address else {}
    by_object = {"reference": written.uin, "session_date": written.tabled_day}
    return compare_fields(by_object, by_address)


def _find_faults(written: _WrittenQuestion) -> Iterator[str]:
    """Yield what speaks against the object, beside what its address says."""
    text = written.answer_text or ""
    if len(text) == _TRUNCATED_LENGTH and text.endswith("..."):
        yield "the answer ends where a list would have cut it"
    asked = written.question_text or ""
    if len(asked) == TRUNCATED_QUESTION_LENGTH and not asked.rstrip().endswith(_SENTENCE_ENDS):
        yield "the question ends where a list would have cut it"


def _find_missing(written: _WrittenQuestion) -> Iterator[str]:
    """Yield the API's names of what is null, though people would look for it."""
    if written.asking_member is None or not written.asking_member.name:
        yield "askingMember"
    if not written.answering_body_name:
        yield "answeringBodyName"
    if written.answer_text and (not written.answering_member or not written.answering_member.name):
        yield "answeringMember"
    for number, file in enumerate(written.attachments or (), start=1):
        if not file.url:
            yield f"address of attachment {number} ({clean_text(file.title or 'without a title')})"


def _read_answers(written: _WrittenQuestion) -> Iterator[AnswerItem]:
    """Yield the current answer, which replaces an earlier holding reply or erroneous answer."""
    html = written.answer_text or ""
    body = _extract_html_paragraphs(html)
    files = written.attachments or ()
    if not body and not files and not written.answer_is_holding:
        return
    by = written.answering_member
    day = written.date_answered or written.date_holding_answer
    yield AnswerItem(
        answered_by=by.name if by else None,
        date=day.date().isoformat() if day else None,
        holding=bool(written.answer_is_holding),
        body=body,
        html=html or None,
        attachments=tuple(
            AttachmentItem(clean_text(file.title or "") or file.url, file.url)
            for file in files
            if file.url
        ),
    )


def _extract_html_paragraphs(html: str) -> tuple[Paragraph, ...]:
    root = parse_html(html).body if html else None
    return extract_paragraphs(root) if root is not None else ()


def _build_labels(value: dict[str, Any], written: _WrittenQuestion) -> dict[str, str]:
    """Return the values of the object, except its texts, under the API's names.

    The answer that a correction replaced is kept as plain text, and what is missing is named.
    """
    labels = {name: _format_value(said) for name, said in value.items() if name not in _TEXT_FIELDS}
    original = value.get("originalAnswerText")
    if isinstance(original, str):
        labels["originalAnswerText"] = " ".join(p.text for p in _extract_html_paragraphs(original))
    labels[_MISSING_LABEL] = ", ".join(_find_missing(written))
    return {name: said for name, said in labels.items() if said}


def _format_value(said: Any) -> str:
    """Return a value as one line; an empty one for null, false and empty values."""
    match said:
        case None | False:
            return ""
        case True:
            return "true"
        case dict():
            return _format_value(said.get("name") or said.get("url"))
        case list():
            return ", ".join(line for part in said if (line := _format_value(part)))
        case _:
            return clean_text(str(said))


PAGE = UKParliament()

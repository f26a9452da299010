"""The normaliser: it turns an item (a page as printed) into the canonical record. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import nh3

from crawler.reading.dates import find_date, read_date
from crawler.reading.documents import Document
from crawler.reading.items import AnswerItem, Paragraph, QuestionItem
from crawler.reading.names import read_addressees, read_asker
from crawler.reading.replies import find_meaning, split_last_updated
from crawler.reading.speeches import split_speeches
from crawler.reading.urls import build_question_id, find_reference
from crawler.records import (
    PLACEHOLDER_LABEL,
    Addressee,
    Answer,
    Attachment,
    Meeting,
    Question,
    QuestionStatus,
    hash_content,
    iter_paragraphs,
)

_SUPPLEMENTARY = re.compile(r"\(supplementary\)", re.IGNORECASE)
_SUPPLEMENTARY_NUMBER = re.compile(r"\[(\d{1,3})\]\s*$")  # four digits are a year


def normalise_item(item: QuestionItem, document: Document) -> Question:
    """Return the canonical record of ``item``; links are relative to ``document``."""
    asker = read_asker(item.asked_by, item.party) if item.asked_by else None
    addressees = read_addressees(item.asked_of) if item.asked_of else ()
    named = [a.name for a in addressees] + ([asker.name] if asker else [])
    replies, phrase = _drop_placeholders(item.answers)
    answers = tuple(_build_answer(a, addressees, named, document) for a in replies)
    number = _SUPPLEMENTARY_NUMBER.search(item.title or "")
    follows = item.supplementary or number or _SUPPLEMENTARY.search(item.title or "")
    question = Question(
        id="",
        source=item.source,
        url=item.url,
        reference=item.reference or (find_reference(item.url) if item.url else None),
        title=item.title,
        kind="supplementary" if follows else "question",
        supplementary_number=int(number[1]) if number else None,
        asked_by=asker,
        asked_of=addressees,
        meeting=_build_meeting(item),
        category=item.category,
        question=split_speeches(item.body, asker.name if asker else None, named),
        status=_derive_status(answers),
        answers=answers,
        labels=item.labels | ({PLACEHOLDER_LABEL: phrase} if phrase else {}),
        generation=item.generation,
        suspect=(*_find_faults(item, document), *item.disagreements, *item.faults),
        digest="",
    )
    return _add_identity(question)


def _add_identity(question: Question) -> Question:
    """Return ``question`` with its digest and its id, from its address or else its content."""
    digest = hash_content(question)
    url = question.url
    name = build_question_id(question.source, url) if url else f"{question.source}:{digest[:23]}"
    return msgspec.structs.replace(question, id=name, digest=digest)


def _find_faults(item: QuestionItem, document: Document) -> tuple[str, ...]:
    """Return a reason to doubt the page for each part that no question page can lack.

    A part that the source itself reports as absent is no reason.
    """
    wanted = {
        "title": item.title,
        "asker": item.asked_by,
        "question": item.body,
        "end of the page": not document.is_cut,
    }
    missing = (name for name, value in wanted.items() if not value and name not in item.absent)
    return tuple(f"no {name}" for name in missing)


def _build_meeting(item: QuestionItem) -> Meeting | None:
    if not item.meeting and not item.session_date:
        return None
    day = read_date(item.session_date) if item.session_date else None
    return Meeting(item.meeting, day or (find_date(item.meeting) if item.meeting else None))


def _build_answer(
    item: AnswerItem, addressees: tuple[Addressee, ...], named: list[str], document: Document
) -> Answer:
    """Return one answer. If the page does not say who answered, the people asked did."""
    printed = item.answered_by or " & ".join(a.printed for a in addressees) or None
    by = [a.printed for a in read_addressees(printed)] if printed else []
    body, updated = split_last_updated(item.body)
    return Answer(
        answered_by=tuple(by),
        date=read_date(item.date) if item.date else updated,
        holding=item.holding or find_meaning(_join_words(body)) == "holding",
        speeches=split_speeches(body, printed, [*named, *by]),
        html=_sanitise_html(item.html, document) if item.html else None,
        attachments=tuple(
            Attachment(a.title, document.resolve_url(a.href)) for a in item.attachments
        ),
    )


def _drop_placeholders(
    items: Sequence[AnswerItem],
) -> tuple[list[AnswerItem], str | None]:
    """Return the replies that say something, and the set phrase that stands in place of others."""
    kept: list[AnswerItem] = []
    phrase: str | None = None
    for item in items:
        words = _join_words(split_last_updated(item.body)[0])
        if find_meaning(words) in {"placeholder", "withdrawn"} and not item.attachments:
            phrase = words
        else:
            kept.append(item)
    return kept, phrase


def _join_words(body: Sequence[Paragraph]) -> str:
    return " ".join(paragraph.text for paragraph in body)


def _sanitise_html(html: str, document: Document) -> str:
    """Return ``html`` without scripts, styles, event handlers and unsafe URL schemes."""

    def absolute(tag: str, name: str, value: str) -> str:
        return (
            document.resolve_url(value) if (tag, name) in {("a", "href"), ("img", "src")} else value
        )

    return nh3.clean(
        html,
        clean_content_tags={"script", "style"},
        url_schemes={"http", "https", "mailto"},
        attribute_filter=absolute,
        strip_comments=True,
    ).strip()


def _derive_status(answers: tuple[Answer, ...]) -> QuestionStatus:
    """Return ``answered`` if any answer that is not a holding reply has a word or a file."""
    if any(not a.holding and (a.attachments or any(iter_paragraphs(a.speeches))) for a in answers):
        return "answered"
    return "holding" if answers else "unanswered"

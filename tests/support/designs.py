"""One question in the markup of each design, with any HTML for its words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from tests.support import real_pages
from tests.support.real_facts import PrintedAnswer, PrintedPage
from tests.support.real_quirks import PrintedLine

AnswerTexts = Sequence[tuple[date | None, str]]  #: of each answer its day and the HTML of its words

SAMPLE_PAGE = PrintedPage(
    title="River Piers", asked_by="Ada Brook AM", party="Riverside Group", day=date(2008, 7, 16)
)


def build_page_2022(question: str, answers: AnswerTexts = (), **facts: str) -> str:
    """Today's page."""
    sheet = _with_placeholders(answers, meeting="MQT on 16 July 2026", **facts)
    return _fill_placeholders(real_pages.render_page_2022(sheet), question, answers)


def build_page_2019(question: str, answers: AnswerTexts = (), **facts: str) -> str:
    """A page of Drupal's fields."""
    return _fill_placeholders(
        real_pages.render_page_2019(_with_placeholders(answers, **facts)), question, answers
    )


def build_lines_2014(
    question: Sequence[str], answer: Sequence[str] = (), **facts: str
) -> list[str]:
    """The lines of a page of 2014, each value below its label."""
    return real_pages.render_lines_2014(_with_lines(question, answer, **facts))


def build_lines_2000(
    question: Sequence[str], answer: Sequence[str] = (), **facts: str
) -> list[str]:
    """The lines of a page before 2014, as they were quoted."""
    return real_pages.render_lines_2000(
        _with_lines(question, answer, reference="1500/2008", **facts)
    )


def _with_placeholders(answers: AnswerTexts, **facts: str) -> PrintedPage:
    """The facts, with a word to find and replace where the HTML goes."""
    replies = tuple(
        PrintedAnswer((PrintedLine(f"ANSWER-{number}"),), day, by="The Mayor")
        for number, (day, _) in enumerate(answers)
    )
    return msgspec.structs.replace(
        SAMPLE_PAGE, question=(PrintedLine("QUESTION"),), answers=replies, **facts
    )


def _with_lines(question: Sequence[str], answer: Sequence[str], **facts: str) -> PrintedPage:
    replies = (PrintedAnswer(tuple(map(PrintedLine, answer))),) if answer else ()
    asked = tuple(map(PrintedLine, question))
    return msgspec.structs.replace(SAMPLE_PAGE, question=asked, answers=replies, **facts)


def _fill_placeholders(page: str, question: str, answers: AnswerTexts) -> str:
    page = page.replace("<p>QUESTION</p>", question)
    for number, (_, html) in enumerate(answers):
        page = page.replace(f"<p>ANSWER-{number}</p>", html)
    return page

"""One question in the markup of each design, with any HTML for its words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from tests.support import real_pages
from tests.support.real_facts import Reply, Sheet
from tests.support.real_quirks import Line

Answers = Sequence[tuple[date | None, str]]  #: of each answer its day and the HTML of its words

PIERS = Sheet(
    title="River Piers", asked_by="Ada Brook AM", party="Riverside Group", day=date(2008, 7, 16)
)


def page_2022(question: str, answers: Answers = (), **facts: str) -> str:
    """Today's page."""
    sheet = _sheet(answers, meeting="MQT on 16 July 2026", **facts)
    return _filled(real_pages.page_2022(sheet), question, answers)


def page_2019(question: str, answers: Answers = (), **facts: str) -> str:
    """A page of Drupal's fields."""
    return _filled(real_pages.page_2019(_sheet(answers, **facts)), question, answers)


def lines_2014(question: Sequence[str], answer: Sequence[str] = (), **facts: str) -> list[str]:
    """The lines of a page of 2014, each value below its label."""
    return real_pages.lines_2014(_said(question, answer, **facts))


def lines_2000(question: Sequence[str], answer: Sequence[str] = (), **facts: str) -> list[str]:
    """The lines of a page before 2014, as they were quoted."""
    return real_pages.lines_2000(_said(question, answer, reference="1500/2008", **facts))


def _sheet(answers: Answers, **facts: str) -> Sheet:
    """The facts, with a word to find and replace where the HTML goes."""
    replies = tuple(
        Reply((Line(f"ANSWER-{number}"),), day, by="The Mayor")
        for number, (day, _) in enumerate(answers)
    )
    return msgspec.structs.replace(PIERS, question=(Line("QUESTION"),), replies=replies, **facts)


def _said(question: Sequence[str], answer: Sequence[str], **facts: str) -> Sheet:
    replies = (Reply(tuple(map(Line, answer))),) if answer else ()
    asked = tuple(map(Line, question))
    return msgspec.structs.replace(PIERS, question=asked, replies=replies, **facts)


def _filled(page: str, question: str, answers: Answers) -> str:
    page = page.replace("<p>QUESTION</p>", question)
    for number, (_, html) in enumerate(answers):
        page = page.replace(f"<p>ANSWER-{number}</p>", html)
    return page

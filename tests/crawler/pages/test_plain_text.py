"""Pages saved as plain text, of each design, are read like the pages themselves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from crawler.pages import read_page, read_question
from crawler.reading import Document, UnreadablePage
from crawler.records import Question
from tests.support.real_facts import PrintedAnswer, PrintedPage
from tests.support.real_pages import (
    render_lines_2000,
    render_page_2014,
    render_page_2019,
    render_page_2022,
)

OLD = PrintedPage(
    title="River Piers",
    reference="2026/0001",
    asked_by="Ada Brook AM",
    party="Riverside Group",
    meeting="MQT on 2018-12-20",
    day=date(2018, 12, 20),
)
TODAY = msgspec.structs.replace(OLD, meeting="MQT on 23 March 2023")
SEARCHED = PrintedPage(
    title="River Piers",
    reference="1500/2008",
    asked_by="Ada Brook",
    day=date(2008, 7, 16),
    answers=(PrintedAnswer(by="The Mayor"),),
)


def as_text(html: str) -> str:
    """Return the text that a reader copies from a page: one line for each block."""
    return "\n".join(line.text for line in Document(html).lines)


def same(read: Question, again: Question) -> None:
    assert again.suspect == ()
    assert (read.title, read.asked_by, read.asked_of) == (
        again.title,
        again.asked_by,
        again.asked_of,
    )
    assert (read.reference, read.meeting) == (again.reference, again.meeting)
    assert (read.question, read.status) == (again.question, again.status)
    assert [(a.date, a.speeches) for a in read.answers] == [
        (a.date, a.speeches) for a in again.answers
    ]


def test_todays_page_saved_as_text() -> None:
    html = render_page_2022(TODAY)
    text = as_text(html)
    assert "Reference: | 2026/0001" in text
    again = read_question(Document(text))
    assert again.generation == "2022"
    assert len(again.answers) == 1
    same(read_question(Document(html)), again)


def test_todays_page_saved_with_each_value_on_a_line_of_its_own() -> None:
    html = render_page_2022(TODAY)
    text = as_text(html).replace(": | ", ":\n").replace("Label | Content\n", "")
    same(read_question(Document(html)), read_question(Document(text)))


def test_a_page_of_2014_saved_as_text() -> None:
    html = render_page_2014(OLD)
    again = read_question(Document(as_text(html)))
    assert again.generation == "2014"
    same(read_question(Document(html)), again)


def test_a_page_of_2019_saved_as_text_has_its_head() -> None:
    """How that design separated an answer is not known, so it becomes part of the question."""
    html = render_page_2019(OLD)
    read, again = read_question(Document(html)), read_question(Document(as_text(html)))
    assert (read.reference, read.asked_by, read.meeting) == (
        again.reference,
        again.asked_by,
        again.meeting,
    )


class TestBefore2014:
    """The text of the search of that time."""

    def test_an_answered_question(self) -> None:
        question = read_question(Document("\n".join(render_lines_2000(SEARCHED))))
        assert (question.generation, question.suspect) == ("2000", ())
        assert (question.title, question.reference) == ("River Piers", "1500/2008")
        assert question.meeting is not None
        assert str(question.meeting.date) == "2008-07-16"
        assert question.answers[0].answered_by == ("The Mayor",)
        assert question.labels["Answer by"] == "The Mayor"

    def test_one_that_waits(self) -> None:
        text = "\n".join(render_lines_2000(msgspec.structs.replace(SEARCHED, answers=())))
        question = read_question(Document(text))
        assert (question.status, question.kind) == ("unanswered", "question")

    def test_a_supplementary_says_so(self) -> None:
        text = "\n".join(render_lines_2000(msgspec.structs.replace(SEARCHED, answers=())))
        question = read_question(Document(text.replace("[Main", "[Supplementary")))
        assert question.kind == "supplementary"


@pytest.mark.parametrize("text", ["", "Filler.", "Question by\nFiller.", "{}", "<p>Filler</p>"])
def test_no_other_text_is_taken_for_a_page(text: str) -> None:
    with pytest.raises(UnreadablePage):
        read_page(Document(text))


def test_the_seed_is_of_2014(seed: Path) -> None:
    assert read_question(Document(seed.read_text("utf-8"))).generation == "2014"

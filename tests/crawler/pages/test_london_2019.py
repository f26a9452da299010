"""Pages of July 2019 to November 2022: Drupal's fields, one article for each answer."""

from __future__ import annotations

from datetime import date

import pytest

from crawler.pages import read_page, read_question
from crawler.reading import Document
from crawler.reading.items import QuestionItem

ADDRESS = "https://replica.example/questions/2021/0001"
NONE = '<article class="node node--answer"><div class="no-answer">Not yet</div></article>'
HOLDING = """<article class="node node--answer"><p class="holding">Officers are drafting a
  response which will be sent shortly.</p></article>"""


def field(name: str, value: str, label: str = "") -> str:
    shown = f'<div class="field__label">{label}</div>' if label else ""
    item = f'<div class="field__item">{value}</div>'
    return f'<div class="field field--name-{name}">{shown}{item}</div>'


def answer(words: str = "", day: str = "22 July 2021", files: str = "") -> str:
    head = field("post-date", day) + field("field-answered-by", "The Mayor", "Answered by")
    body = field("body", words) if words else ""
    attached = field("field-attachments", files) if files else ""
    return f'<article class="node node--answer">{head}{body}{attached}</article>'


def page(*answers: str, title: str = "River Piers", head: str | None = None) -> str:
    usual = (
        field("field-asked-by", "Ada Brook AM", "Question by")
        + field("field-asked-of", "The Mayor", "Asked of")
        + field("field-meeting", "MQT on 15 July 2021", "Meeting")
        + field("field-oddity", "Seven", "Nobody knows")
    )
    return f"""<!doctype html><html><body><header>Unseen</header><div role="main">
      <h1>{title}</h1>{usual if head is None else head}
      <section class="question">{field("body", "<p>How many piers?</p><p>And where?</p>")}</section>
      <div class="answers">{"".join(answers)}</div></div></body></html>"""


def read(html: str) -> QuestionItem:
    item = read_page(Document(html, ADDRESS))
    assert (item.source, item.generation) == ("london", "2019")
    return item


def test_its_head_and_its_question() -> None:
    question = read_question(Document(page(NONE), ADDRESS))
    assert question.suspect == ()
    assert question.title == "River Piers"
    assert question.reference == "2021/0001"
    assert question.asked_by is not None
    assert (question.asked_by.name, question.asked_by.printed) == ("Ada Brook", "Ada Brook AM")
    assert [a.name for a in question.asked_of] == ["The Mayor"]
    assert question.meeting is not None
    assert question.meeting.date == date(2021, 7, 15)
    assert question.labels["Nobody knows"] == "Seven"
    assert question.question[0].paragraphs == ("How many piers?", "And where?")
    assert question.status == "unanswered"


def test_a_holding_reply_and_then_the_answer_on_one_page() -> None:
    held = read_question(Document(page(HOLDING), ADDRESS))
    assert (held.status, held.answers[0].holding) == ("holding", True)
    both = read_question(Document(page(HOLDING, answer("<p>Nine.</p>")), ADDRESS))
    assert both.status == "answered"
    assert [a.holding for a in both.answers] == [True, False]
    assert both.answers[1].date == date(2021, 7, 22)
    assert both.answers[1].answered_by == ("The Mayor",)


def test_two_answers_with_two_dates() -> None:
    html = page(answer("<p>Nine.</p>"), answer("<p>Ten.</p>", "9 September 2021"))
    question = read_question(Document(html, ADDRESS))
    assert [a.date for a in question.answers] == [date(2021, 7, 22), date(2021, 9, 9)]
    assert [a.speeches[0].paragraphs for a in question.answers] == [("Nine.",), ("Ten.",)]


def test_an_answer_that_is_only_a_file() -> None:
    link = '<a href="/sites/default/files/piers.xlsx">piers.xlsx</a>'
    question = read_question(Document(page(answer(files=link)), ADDRESS))
    assert question.status == "answered"
    [attached] = question.answers[0].attachments
    assert attached.url == "https://replica.example/sites/default/files/piers.xlsx"
    assert question.answers[0].speeches == ()


def test_dialogue_in_an_answer() -> None:
    words = (
        "<p><strong>Ada Brook AM:</strong> Thank you.</p>"
        "<p><strong>The Mayor:</strong> Not at all.</p>"
    )
    question = read_question(Document(page(answer(words)), ADDRESS))
    speeches = question.answers[0].speeches
    assert [(s.speaker, s.paragraphs) for s in speeches] == [
        ("Ada Brook AM", ("Thank you.",)),
        ("The Mayor", ("Not at all.",)),
    ]


def test_a_renamed_class_is_made_up_for_by_the_label() -> None:
    head = field("field-put-by", "Ada Brook AM", "Question by:") + field(
        "x", "The Mayor", "Asked of:"
    )
    item = read(page(NONE, head=head))
    assert (item.asked_by, item.asked_of) == ("Ada Brook AM", "The Mayor")


def test_two_readings_that_differ_make_it_suspect() -> None:
    head = field("field-asked-by", "Ada Brook AM") + "<p>Question by: Ben Cole AM</p>"
    item = read(page(NONE, head=head))
    assert len(item.disagreements) == 1
    assert "Ben Cole" in str(item.disagreements[0])


@pytest.mark.parametrize("title", ["River Piers (Supplementary) [3]", "River Piers [3]"])
def test_a_supplementary(title: str) -> None:
    question = read_question(Document(page(NONE, title=title), ADDRESS))
    assert (question.kind, question.supplementary_number) == ("supplementary", 3)

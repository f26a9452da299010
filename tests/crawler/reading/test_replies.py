"""What a reply amounts to, by the set phrases of the source."""

from __future__ import annotations

import pytest

from alerts.questions import can_replace, find_changes
from crawler.pages import read_question
from crawler.reading import Document
from crawler.reading.replies import ReplyMeaning, find_meaning
from crawler.records import Question, iter_paragraphs
from tests.support.designs import build_lines_2014
from tests.support.samples import make_answer, make_question


@pytest.mark.parametrize(
    ("meaning", "reply"),
    [
        ("holding", "Officers are drafting a response which will be sent shortly."),
        ("holding", "Officers are drafting a response"),
        ("holding", "OFFICERS ARE DRAFTING A RESPONSE WHICH WILL BE SENT SHORTLY"),
        ("holding", "Officersaredraftingaresponse."),
        ("holding", "Thank you for your question. Officers are drafting a response."),
        (
            "holding",
            "Officers are currently drafting a response, and it will follow in due course.",
        ),
        ("placeholder", "Oral response"),
        ("placeholder", "Oral Answer"),
        ("placeholder", "Oralresponse"),
        ("placeholder", "oral\u00a0response."),
        ("placeholder", "Answer not yet available."),
        ("withdrawn", "Question Withdrawn"),
        ("withdrawn", "This question has been withdrawn."),
        ("answered", "Oral response times of the ambulance service have improved."),
        ("answered", "Officers are drafting a response to the consultation on ponds."),
        ("answered", "Officers are drafting a response which will be sent shortly. Ponds: 12."),
        ("answered", "Question withdrawn funding with the minister."),
        ("answered", "My answer is not yet available in full, but there are 12 ponds."),
        ("answered", "Please see my oral response to the question before."),
        ("answered", "Yes."),
        ("answered", ""),
    ],
)
def test_meanings(meaning: ReplyMeaning, reply: str) -> None:
    assert find_meaning(reply) == meaning


def read(*answer: str) -> Question:
    return read_question(Document("\n".join(build_lines_2014(["How many ponds?"], answer))))


def words(record: Question) -> list[list[str]]:
    return [list(iter_paragraphs(answer.speeches)) for answer in record.answers]


@pytest.mark.parametrize("phrase", ["Oral response", "Question Withdrawn", "Oral Answer"])
def test_a_set_phrase_is_no_answer_and_is_kept(phrase: str) -> None:
    record = read(phrase)
    assert (record.status, record.answers) == ("unanswered", ())
    assert record.labels["In place of an answer"] == phrase


@pytest.mark.parametrize("printed", ["26 March, 2019", "26 March 2019", "26 March,  2019"])
def test_last_updated_is_a_date_and_no_word(printed: str) -> None:
    record = read(f"Last updated: {printed}", "Twelve.")
    assert words(record) == [["Twelve."]]
    assert str(record.answers[0].date) == "2019-03-26"
    holding = read(f"Last updated: {printed}", "Officers are drafting a response")
    assert (holding.status, str(holding.answers[0].date)) == ("holding", "2019-03-26")


def test_last_updated_inside_a_text_is_text() -> None:
    record = read("The table was last updated: 26 March, 2019 or so.", "Last updated: often")
    assert record.answers[0].date is None
    assert len(words(record)[0]) == 2


def test_a_second_answered_by_is_a_second_answer() -> None:
    record = read(
        "Officers are drafting a response which will be sent shortly.",
        "River Piers",
        "Answered By:",
        "The Mayor",
        "Last updated: 01 May, 2019",
        "There are twelve.",
    )
    assert [answer.holding for answer in record.answers] == [True, False]
    assert record.status == "answered"
    assert words(record)[1] == ["There are twelve."]
    assert str(record.answers[1].date) == "2019-05-01"


def test_a_phrase_that_was_taken_for_an_answer_is_given_up_in_silence() -> None:
    stored = make_question(1, make_answer("Oral response"))
    reading = make_question(1, labels={"In place of an answer": "Oral response"})
    assert can_replace(stored, reading)
    assert find_changes(stored, reading) == ()
    (change,) = find_changes(reading, make_question(1, make_answer("Twelve.")))
    assert change.kind == "answered"

"""Which other questions an answer names."""

from __future__ import annotations

import pytest

from alerts.questions import find_references
from tests.support.processor_time import assert_takes_less_than
from tests.support.samples import make_answer, make_question


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please refer to my response to Mayor's Question 2026/0001.", ["2026/0001"]),
        ("Please see MQ 2019/20345 and 2018/1234.", ["2019/20345", "2018/1234"]),
        ("My answers to MQTs 2019/2020 and 2019/2021", ["2019/2020", "2019/2021"]),
        ("Spending rose in 2019/2020.", []),
        ("See 1500/2008.", ["1500/2008"]),
        ("Question 2009/0289-1", ["2009/0289-1"]),
        ("I refer the hon. Member to the answer of 3 March to Question 123456.", ["123456"]),
        ("to Questions 12345, 12346 and 12347", ["12345", "12346", "12347"]),
        ("in reply to question UIN 31337", ["31337"]),
        ("the answer to HL 1234", []),
        ("the noble Lord's question HL1234", ["HL1234"]),
        ("There were 12345 questions and 3 of them", []),
        ("I thank you for your question. 300 ferries run.", []),
        ("on 03/2019 or 12/04/2026/0001/9", []),
    ],
)
def test_references_are_found_where_they_mean_a_question(text: str, expected: list[str]) -> None:
    assert list(find_references(make_question(9, make_answer(text)))) == expected


def test_its_own_reference_is_none() -> None:
    assert find_references(make_question(1, make_answer("Question 2026/0001"))) == ()


def test_a_list_is_cut() -> None:
    text = ", ".join(f"2026/{n:04}" for n in range(10, 30))
    assert len(find_references(make_question(1, make_answer(text)))) == 5


def test_references_of_all_paragraphs_are_found_once_and_without_spaces() -> None:
    texts = ("Question 12345 and HL 77.", "Question 12346, and question 12345.")
    expected = ("12345", "HL77", "12346")
    assert find_references(make_question(9, make_answer(*texts))) == expected
    assert find_references(make_question(9, *map(make_answer, texts))) == expected


@pytest.mark.parametrize(
    "text", ["question" + " " * 300_000, "Question 12345" + " ," * 100_000, "2019/" * 60_000]
)
def test_a_hostile_text_is_read_in_no_time(text: str) -> None:
    question = make_question(9, make_answer(text))
    with assert_takes_less_than(1):
        find_references(question)

"""What makes two records one question, whatever their addresses are."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from alerts.questions import (
    find_changes,
    is_reference_reused,
    is_same_question,
    make_reference_key,
)
from alerts.questions.moves import follow_files
from crawler.records import Asker, Meeting, Question
from tests.support.samples import make_answer, make_question, make_speech

LONG = "What is being done about the benches in the park at Marl, and when will it be finished?"


def move(question: Question, /, **fields: Any) -> Question:
    """The question at another address, with some fields as that page prints them."""
    place = {"id": f"{question.id}-v2", "url": f"{question.url}-v2"}
    return msgspec.structs.replace(question, **(place | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"url": "https://other.example/questions/1"},
        {"reference": "0001/2026"},
        {"title": "Benches in parks"},
        {"asked_by": Asker("Ada Brook", "Cllr Ada Brook", None, "ada-brook")},
        {"asked_by": None},
        {"meeting": None},
        {"meeting": Meeting("Mayor’s Question Time", date(2026, 7, 16))},
        {"question": make_speech("What  is being", "done?", speaker="Ada Brook AM")},
        {"answers": (make_answer("Later."),), "status": "answered"},
        {"generation": "2014", "labels": {"Session": "x"}, "category": "Parks"},
    ],
)
def test_the_same_question_elsewhere(fields: dict[str, Any]) -> None:
    assert is_same_question(make_question(), move(make_question(), **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"question": make_speech("What is being done now?")},
        {"question": make_speech("What is being")},
        {"question": ()},
        {"asked_by": Asker("Bo Reed", "Bo Reed AM", None, "bo-reed")},
        {"meeting": Meeting("MQT on 2026-09-10", date(2026, 9, 10))},
    ],
)
def test_a_used_reference_is_doubted(fields: dict[str, Any]) -> None:
    other = move(make_question(), **fields)
    assert not is_same_question(make_question(), other)
    assert is_reference_reused(make_question(), other)


@pytest.mark.parametrize(
    "fields",
    [
        {"reference": "2026/0002"},
        {"source": "uk-parliament"},
        {"kind": "supplementary", "question": make_speech("And then?")},
    ],
)
def test_another_question_is_no_doubt(fields: dict[str, Any]) -> None:
    other = move(make_question(), **fields)
    assert not is_same_question(make_question(), other)
    assert not is_reference_reused(make_question(), other)


def test_a_number_is_given_again_in_the_next_session() -> None:
    first = make_question(source="uk-parliament", reference="1234", words=LONG)
    again = move(
        first, meeting=Meeting(None, date(2027, 11, 3)), question=make_speech("Another matter?")
    )
    assert not is_reference_reused(first, again)
    assert is_same_question(first, move(first))


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({}, True),
        ({"reference": "2026/0001"}, True),
        ({"title": "Question 1 (Supplementary) [2]"}, False),
        ({"supplementary_number": 2}, False),
        ({"asked_by": None}, False),
        ({"meeting": None}, False),
        ({"answers": (make_answer("Yes."),)}, True),
    ],
)
def test_without_a_reference_more_must_be_the_same(fields: dict[str, Any], same: bool) -> None:
    stored = make_question(reference=None, words=LONG)
    assert is_same_question(stored, move(stored, **fields)) is same


def test_short_words_without_a_reference_prove_nothing() -> None:
    stored = make_question(reference=None, words="Thank you. When?")
    assert not is_same_question(stored, move(stored))


def test_answers_that_contradict_each_other_are_of_two_questions() -> None:
    stored = make_question(1, make_answer("Yes."), reference=None, words=LONG)
    other = move(stored, answers=(make_answer("No."),))
    assert not is_same_question(stored, other)


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("2018/5425", "2018/5425"),
        ("1500/2008", "1500/2008"),
        ("2008/1500", "1500/2008"),
        ("0289/2009", "289/2009"),
        ("2009/0289-1", "289/2009-1"),
        ("HL2522", "hl2522"),
        (" 12345 ", "12345"),
        ("", None),
        (None, None),
    ],
)
def test_reference_keys(printed: str | None, key: str | None) -> None:
    assert make_reference_key(printed) == key


def test_files_that_move_with_their_page_are_no_correction() -> None:
    stored = make_question(1, make_answer("See the table.", files=("a.pdf", "b.pdf")))
    moved = make_question(1, make_answer("See the table.", files=("a.pdf", "b.pdf")))
    files = tuple(
        msgspec.structs.replace(file, url=f"https://other.example/media/{file.title}")
        for file in moved.answers[0].attachments
    )
    answer = msgspec.structs.replace(moved.answers[0], attachments=files)
    reading = make_question(1, answer, url="https://other.example/questions/1-v2")
    assert find_changes(stored, reading) == ()
    (change,) = find_changes(stored, make_question(1, answer))
    assert change.kind == "corrected"  # at the same address, another file is another file


@pytest.mark.parametrize(
    ("reference", "is_reused"),
    [
        ("2026/0001", True),
        ("2009/0289-1", True),
        ("2000/0001", True),
        ("1999/0001", False),
        ("0001/1999-2", False),
        ("HL12", False),
    ],
)
def test_a_number_with_a_year_is_given_once(reference: str, *, is_reused: bool) -> None:
    stored = make_question(reference=reference, words=LONG)
    other = move(
        stored, meeting=Meeting(None, date(2027, 11, 3)), question=make_speech("Another matter?")
    )
    assert is_reference_reused(stored, other) is is_reused


@pytest.mark.parametrize(
    ("fields", "is_reused"),
    [
        ({"question": make_speech("Another matter?")}, True),
        ({"meeting": Meeting(None, date(2027, 11, 3))}, True),
        (
            {
                "meeting": Meeting(None, date(2027, 11, 3)),
                "question": make_speech("Another matter?"),
            },
            False,
        ),
    ],
)
def test_a_number_without_a_year_may_be_given_again_another_day(
    fields: dict[str, Any], *, is_reused: bool
) -> None:
    stored = make_question(reference="1234", words=LONG)
    assert is_reference_reused(stored, move(stored, **fields)) is is_reused


def test_files_that_moved_are_told_apart_by_their_titles_and_their_order() -> None:
    stored = make_question(
        1,
        make_answer("One.", files=("a.pdf", "a.pdf", "b.pdf")),
        make_answer("Two.", files=("a.pdf", "c.pdf")),
    )
    moved = [
        make_answer(text, files=files)
        for text, files in (("One.", ("a.pdf", "a.pdf", "b.pdf")), ("Two.", ("a.pdf", "d.pdf")))
    ]
    numbered = [
        msgspec.structs.replace(
            answer,
            attachments=tuple(
                msgspec.structs.replace(file, url=f"https://other.example/{number}/{place}")
                for place, file in enumerate(answer.attachments)
            ),
        )
        for number, answer in enumerate(moved)
    ]
    reading = make_question(1, *numbered, url="https://other.example/questions/1")
    followed = follow_files(stored, reading)
    addresses = [[file.url for file in answer.attachments] for answer in followed.answers]
    assert addresses == [
        [f"https://other.example/0/{place}" for place in range(3)],
        ["https://other.example/1/0", "https://replica.example/files/c.pdf"],
    ]

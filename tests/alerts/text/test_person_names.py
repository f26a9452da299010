"""People's names in running texts are told from places, bodies and headings."""

from __future__ import annotations

import pytest

from alerts.matching import Matcher, QuestionChanges, find_matching_questions
from alerts.queries import extract_fields, find_match, format_canonical, parse_query
from alerts.text import tokenise
from crawler.records import Speech
from tests.support.samples import make_question

#: A text, and the words in it that are of people's names.
NAMES = {
    "Further to the question of Susannah Hall in June": "Susannah Hall",
    "what Keith Prince AM, Zoë Baker AM and Siân Berry asked": "Keith Prince Zoë Baker Siân Berry",
    "Will Mr Hall's office, Ms Pipe or Cllr Banks reply?": "Hall Pipe Banks",
    "Thank you, Assembly Member Prince.": "Prince",
    "the review of Baroness Casey and Sir Mark Rowley": "Casey Mark Rowley",
    "James Small-Edwards, Debbie Weekes-Bernard": "James Small Edwards Debbie Weekes Bernard",
    "Aoife O\u2019Dowda and Susan J Hall": "Aoife O\u2019Dowda Susan J Hall",
    "the Deputy Mayor, Jules\u00a0Pipe": "Jules Pipe",
    "Mark Rowley": "Mark Rowley",
}
#: Texts without a person's name.
NO_NAMES = [
    "Victoria Park, Harold Wood and the Royal Albert Hall",
    "City Hall, Walthamstow Marsh and Hackney Marshes",
    "the Queen Elizabeth Olympic Park near St Stephen Green",
    "Mr Mayor, the Lord Mayor and the Lord Chief Justice",
    "Grant Funding and Rose Gardens",
    "Assembly Member Questions and Councillor Allowances",
    "Victoria Stations, Susan\u2019s House, Susan. Hall, Susan, Hall and susannah hall",
    "Will TfL publish this, and will TfL\u2019s Board?",
    "the Stephen Road scheme and the Jules Review",
]


def list_names(text: str) -> list[str]:
    return [text[token.start : token.end] for token in tokenise(text) if token.is_name]


@pytest.mark.parametrize(("text", "names"), NAMES.items())
def test_names_of_people_are_found(text: str, names: str) -> None:
    assert list_names(text) == names.split()


@pytest.mark.parametrize("text", NO_NAMES)
def test_places_bodies_and_headings_are_no_names(text: str) -> None:
    assert list_names(text) == []


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [("halls", False), ("hall", True), ('"Susannah Hall"', True), ('"susannah halls"', False)],
)
def test_a_name_is_found_as_it_is_written_only(typed: str, is_found: bool) -> None:
    question = make_question(
        question=(Speech("Theo Marsh", ("Further to the question of Susannah Hall",)),)
    )
    query = parse_query(typed)

    assert (find_match(query, extract_fields(question)) is not None) == is_found
    changes = [QuestionChanges(question, ("asked",))]
    pairs = find_matching_questions(Matcher({0: format_canonical(query)}), changes, by_change=True)
    assert bool(pairs) == is_found

"""Ordinary words in capitals are no acronyms."""

from __future__ import annotations

import pytest

from alerts.queries import find_match, format_canonical, list_hints, parse_query


@pytest.mark.parametrize(
    ("shouted", "form"),
    [
        ("KNIFE CRIME", "crime knife"),
        ("GREEN BELT", "belt green"),
        ("AIR QUALITY", "air quality"),  # only the first could be an acronym
        ("MET POLICE", "met police"),
        ("KNIFE OR CRIME", "crime OR knife"),
        ("KNIFE NOT CRIME", "knife NOT crime"),
        ("KNIFE NEAR/5 CRIME", "crime NEAR/5 knife"),
        ("(KNIFE OR GUN) CRIME", "crime (gun OR knife)"),
        ("title:KNIFE answer:CRIME", "answer:crime title:knife"),
        ("title:(KNIFE CRIME)", "title:crime title:knife"),
        ('"KNIFE CRIME"', '"knife crime"'),
        ('"KNIFE CRIME"~5', '"crime" NEAR/5 "knife"'),
        ('KNIFE "STOP AND SEARCH"', '"stop and search" knife'),
        ("KNIF* CRIME POLICE", "crime knif* police"),
        ("CHILDREN'S HOMES", "children homes"),
        # With no word in small letters, names and little words are shouted as well.
        ("KNIFE CRIME IN SUTTON", "crime knife sutton"),
        ("WHO IS RESPONSIBLE FOR KNIFE CRIME", "crime knife responsible"),
        ("VRU KNIFE CRIME", "crime knife vru"),
        # Beside acronyms alone, one is enough if it is long.
        ("TFL FARES", "TFL fares"),
        ("ROUTE 73", "73 route"),
        ("CHARGE in 2024", "2024 charge"),
        ("the VRU BUDGET", "VRU budget"),
        # With one, acronyms stay what they are, wherever they stand.
        ("the VRU and KNIFE CRIME", "VRU crime knife"),
        ("VRU reports on the GREEN BELT", "VRU belt green reports"),
        ("KNIFE attacks and CRIME", "attacks crime knife"),
    ],
)
def test_two_ordinary_words_in_capitals_are_shouted(shouted: str, form: str) -> None:
    assert format_canonical(parse_query(shouted)) == form
    assert format_canonical(parse_query(form)) == form


@pytest.mark.parametrize(
    "typed",
    ["VRU", "IT", "WHO", "ACE", "ACE OR SEN", "IT ACE", "TFL VRU", "STEM SUBJECTS", "KNIFE"],
)
def test_acronyms_and_a_single_word_are_not(typed: str) -> None:
    query = parse_query(typed)
    assert find_match(query, {"question": [f"About {typed} now."]})
    assert not find_match(query, {"question": [f"About {typed.lower()} now."]})


def test_it_is_said_how_words_in_capitals_are_read() -> None:
    expected = "“KNIFE” and “CRIME” are read as words in small letters, not as acronyms."
    assert list_hints("KNIFE CRIME") == [expected]
    assert list_hints("KNIFE VRU") == [
        "“KNIFE” is read as a word in small letters, not as an acronym."
    ]
    assert list_hints("CARE VRU") == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("COVID", "the Covid-19 inquiry"),
        ("COVID", "covid-19"),
        ("ASBO", "Asbos"),
        ("ASBOS", "ASBO"),
    ],
)
def test_acronyms_that_are_spoken_as_words_are_found_in_any_case(query: str, text: str) -> None:
    assert find_match(parse_query(query), {"answer": [text]})

"""Ways to write one thing find each other, and what is copied from a text finds it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.queries import QueryError, find_match, parse_query
from tests.support.examples import count_examples
from tests.support.query_strategies import HOSTILE_TEXTS

_SPELLINGS = [
    ("VRU", "V.R.U."),
    ("TFL", "T.F.L."),
    ("TFL", "TfL"),
    ("ULEZ", "Ulez"),
    ("ULEZ", "ulez"),
    ("ULEZ", "U.L.E.Z."),
    ("COVID", "Covid"),
    ("COVID-19", "Covid-19"),
    ("NATO", "Nato’s"),
    ("UK", "the U.K."),
    ("UK", "the U.K.’s"),
    ("MPs", "M.P.s"),
    ("1000", "1,000"),
    ("£1000", "£1,000"),
    ("1500000", "1,500,000"),
    ("20mph", "20 mph"),
    ("HS2", "HS 2"),
    ("5G", "5 G"),
    ("PM2.5", "PM 2.5"),
    ("CO2", "CO 2"),
    ("CO2", "CO₂"),
    ("NO2", "NO 2"),
    ("6pm", "6 p.m."),
    ("covid19", "Covid-19"),
    ("60+", "60 plus"),
    ("35%", "35 per cent"),
    ("35%", "35 percent"),
    ("2.5%", "2.5 per cent"),
    ("1-6", "1–6"),
    ("A&E", "A & E"),
    ("A&E", "A and E"),
    ("A&E", "A&Es"),
    ("R&D", "R and D"),
    ("Health & Safety", "health and safety"),
    ("Health&Safety", "health and safety"),
]
#: Those with a word that has other forms, or is an acronym, unless it is in quotes.
_BARE_ONLY = {"M.P.s", "MPs"}


@pytest.mark.parametrize(("one", "other"), [*_SPELLINGS, *((b, a) for a, b in _SPELLINGS)])
def test_both_spellings_find_each_other(one: str, other: str) -> None:
    bare = one.removeprefix("the ").replace(" & ", " ").replace(" and ", " ")
    queries = [one.removeprefix("the "), f"answer:({bare})", f'"{one.removeprefix("the ")}"']
    if one not in _BARE_ONLY:
        queries.append(f'"near {one.removeprefix("the ")} works"')
    for query in queries:
        text = f"It is near {other.removeprefix('the ')} works."
        assert find_match(parse_query(query), {"answer": [text]}), query


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("NO2", "There is no 2 about it."),
        ("A40", "a 40 per cent rise"),
        ("60+", "Section 60"),
        ("35%", "Section 35, or 35 homes"),
        ("£15", "15 boroughs"),
        ("£12.50", "12.50 p.m."),
        ("16", "Zones 1-6"),
        ("Zone 1-6", "Zone 16"),
        ('"zones 1–6"', "zones 16"),
        ("20th", "20 th"),
        ("A&E", "Annex A, e"),
        ("1000", "1, 000"),
        ("UK", "u and k"),
    ],
)
def test_what_only_looks_alike_is_not_the_same(query: str, text: str) -> None:
    assert find_match(parse_query(query), {"answer": [text]}) is None


@pytest.mark.parametrize(
    ("query", "texts", "others"),
    [
        ("£5m", ["£5m", "£5 million", "£5-million"], ["5m", "£5", "5 million", "5 m"]),
        ("£2.5 million", ["£2.5m", "£2.5 million"], ["£2m", "2.5 million"]),
        ("5 million", ["£5 million", "5-million"], ["a million in 5 years", "£1.5m", "5m"]),
        ("€1.5m", ["€1.5m", "€1.5 million"], ["€1 million", "1.5 million"]),
        ("2m", ["2m", "2 m"], ["2 million", "£2 million"]),
        ("$2bn", ["$2bn", "$2 billion"], ["2bn", "$2 million"]),
        ("£1bn", ["£1 billion", "£1bn"], ["£1m"]),
        ("£5m NEAR/2 grant", ["a grant of £5 million"], ["a grant of £5"]),
    ],
)
def test_sums_are_found_with_either_form_of_their_unit(
    query: str, texts: list[str], others: list[str]
) -> None:
    parsed = parse_query(query)
    assert [find_match(parsed, {"answer": [text]}) is not None for text in texts + others] == (
        [True] * len(texts) + [False] * len(others)
    )


#: Signs that mean something in a query outside quotes.
_LIST_SIGNS = str.maketrans("(),", "   ")


@pytest.mark.parametrize(
    "copied",
    [
        "X (formerly Twitter)",
        "E. Smith",
        "E.ON",
        "X.com",
        "vitamin E, zinc",
        "route U/V",
        "type-E. coli",
        "U.S. aid",
    ],
)
def test_letters_that_link_are_found_behind_any_sign(copied: str) -> None:
    text = f"He spoke of {copied} at length"
    for query in (f'"{copied}"', f'"of {copied} at"', copied.translate(_LIST_SIGNS)):
        assert find_match(parse_query(query), {"answer": [text]}), query


_LETTERS = st.sampled_from([*"aAeExXuUkK", "no", "NO", "us", "US", "tram", "Tram", "TfL", "VRUs"])
_DIGITS = st.sampled_from(["2", "20", "1,000", "5", "000", "60+", "20th", "2.5", "1980s"])
_SIGNS = st.sampled_from(
    [" ", ". ", ".", ", ", ",", "/", " (", ") ", "-", "’s ", "'", " & ", "&", "; "]
)
_PROSE = st.lists(st.tuples(_LETTERS | _DIGITS, _SIGNS), min_size=1, max_size=6).map(
    lambda some: "".join(word + sign for word, sign in some)
)


@pytest.mark.slow
@settings(max_examples=count_examples(1000))
@given(_PROSE | HOSTILE_TEXTS)
def test_what_is_copied_from_a_text_finds_it(text: str) -> None:
    copied = text.replace('"', "").replace("*", "")
    try:
        query = parse_query(f'"{copied}"')
    except QueryError:  # such as no words at all, or too many hyphens
        return
    assert find_match(query, {"answer": [copied]}), query


@pytest.mark.parametrize(
    ("query", "is_found"), [("halls", False), ("hall", True), ("Cooper", False), ('"hall"', True)]
)
def test_names_have_no_other_forms(query: str, is_found: bool) -> None:
    texts = {"asked_by": ["Susan Hall AM"], "answer": ["cooperative"]}
    assert (find_match(parse_query(query), texts) is not None) == is_found
    assert find_match(parse_query("halls"), {"answer": ["the hall"]}) is not None

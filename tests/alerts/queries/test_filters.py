"""Filters are written into queries, and taken out again, without changing what else they mean."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.queries import (
    FILTER_FIELDS,
    QueryError,
    add_filter,
    ast,
    format_canonical,
    list_filters,
    parse_query,
    remove_filter,
    remove_filters,
    write_filter,
)
from tests.support.examples import count_examples
from tests.support.query_strategies import HOSTILE_TEXTS, QUERY_TEXTS

NAMES = HOSTILE_TEXTS | st.sampled_from(["Ada Brook", "Siân O’Neill-Łódź", "THE MAYOR", "Labour"])
VALUES = st.one_of(
    st.tuples(st.sampled_from(["asked_by", "party", "asked_of"]), NAMES),
    st.tuples(st.just("source"), st.sampled_from(["london", "uk-parliament", "é1"])),
    st.tuples(st.just("year"), st.sampled_from(["2026", "1999", "0001"])),
    st.tuples(st.just("status"), st.sampled_from(["answered", "holding", "unanswered"])),
)


#: Longer than the queries to which a filter is added without reading the whole again.
_LONG_CHOICE = " OR ".join(f"{letter}wwwwwwwwwwwwwwwwwwwwwwwwwwwwwww" for letter in "zyxvu")


def canonical(typed: str) -> str:
    return format_canonical(parse_query(typed))


def is_query(typed: str) -> bool:
    try:
        parse_query(typed)
    except QueryError:
        return False
    return True


@settings(max_examples=count_examples(1000), deadline=None)
@given(QUERY_TEXTS | HOSTILE_TEXTS, VALUES)
@pytest.mark.slow
def test_a_filter_that_is_added_and_removed_leaves_the_same_query(
    typed: str, value: tuple[str, str]
) -> None:
    term = write_filter(*value)
    if term is None or not is_query(typed):
        return
    before, part = list_filters(typed), parse_query(term)
    narrowed = add_filter(typed, term)
    if narrowed is None or part in [one.part for one in before]:
        return
    assert canonical(narrowed) == format_canonical(ast.And((parse_query(typed), part)))
    after = list_filters(narrowed)
    assert {one.part for one in after} >= {*(one.part for one in before), part}
    assert canonical(remove_filter(narrowed, part)) == canonical(typed)


@pytest.mark.slow
@given(st.lists(VALUES, min_size=1, max_size=3))
def test_a_query_of_filters_alone_has_nothing_else(values: list[tuple[str, str]]) -> None:
    terms = [term for value in values if (term := write_filter(*value)) is not None]
    typed = " ".join(terms)
    if typed and is_query(typed):
        assert remove_filters(typed) == ""


@pytest.mark.parametrize(
    ("typed", "term", "narrowed"),
    [
        ("VRU", "status:unanswered", "VRU status:unanswered"),
        ("tube OR tram", "year:2026", "(tube OR tram) year:2026"),
        ("  Buses   in Sutton ", "party:labour", "  Buses   in Sutton  party:labour"),
        # Behind a word in small letters, words in capitals would be acronyms.
        ("KNIFE CRIME IN SUTTON", "party:labour", "crime knife sutton party:labour"),
        ("KNIFE CRIME OR SUTTON", "party:labour", "(crime knife OR sutton) party:labour"),
        ("tube OR tram OR bus", "party:labour", "(tube OR tram OR bus) party:labour"),
        (_LONG_CHOICE, "year:2026", f"({_LONG_CHOICE}) year:2026"),
    ],
)
def test_what_was_typed_stays(typed: str, term: str, narrowed: str) -> None:
    assert add_filter(typed, term) == narrowed
    [one] = list_filters(narrowed)
    assert canonical(remove_filter(narrowed, one.part)) == canonical(typed)


@pytest.mark.parametrize(
    ("typed", "filters", "rest"),
    [
        ("VRU", [], "VRU"),
        ("VRU status:unanswered", [("status", "unanswered")], "VRU"),
        ('VRU asked_by:"Ada Brook" mayor', [("asked_by", "Ada Brook")], "VRU mayor"),
        (
            "party:(Labour OR green) VRU",
            [("party", "green"), ("party", "labour")],
            "VRU",
        ),
        ("NOT party:labour VRU", [], "NOT party:labour VRU"),
        ("status:answered OR VRU", [], "status:answered OR VRU"),
        ("year:2026 status:answered", [("status", "answered"), ("year", "2026")], ""),
        ("title:bus status:answered", [("status", "answered")], "title:bus"),
        ("status:answered NOT bus", [("status", "answered")], ""),
        ("(tube OR tram) year:2026", [("year", "2026")], "tube OR tram"),
        ("bus  year:2026  tram", [("year", "2026")], "bus tram"),
        ("party:XR bus", [("party", "XR")], "bus"),
        ("party:(XR OR labour) bus", [("party", "XR"), ("party", "labour")], "bus"),
        (
            'party:("Green Party" OR labour) bus',
            [("party", "green party"), ("party", "labour")],
            "bus",
        ),
        ("party:(labour NEAR/2 bus) tram", [], "party:(labour NEAR/2 bus) tram"),
    ],
)
def test_filters_are_told_from_words(typed: str, filters: list[tuple[str, str]], rest: str) -> None:
    found = [(one.field, value) for one in list_filters(typed) for value in one.values]
    assert found == filters
    assert remove_filters(typed) == rest


def test_a_name_is_quoted_and_a_sign_that_cannot_be_is_left_out() -> None:
    assert write_filter("asked_by", 'Ada "Bee" Brook*') == 'asked_by:"Ada Bee Brook"'
    assert write_filter("party", "labour") == 'party:"labour"'
    assert write_filter("party", "…") is None
    assert write_filter("year", "26") is None
    assert set(FILTER_FIELDS) >= {"status", "year"}


def test_a_query_that_would_be_too_long_has_no_filter() -> None:
    assert add_filter("x" * 60 + " " + "y" * 60, "year:2026") is not None
    assert add_filter(" ".join(["word"] * 99), "year:2026") is None
    name = write_filter("asked_by", " ".join(letter * 60 for letter in "bcdfgh"))
    assert name is not None
    longest = "w" * 60 + " " + "x" * (500 - len(name) - 62)
    narrowed = add_filter(longest, name)
    assert narrowed is not None
    assert len(narrowed) == 500
    assert is_query(narrowed)
    assert add_filter(longest + "x", name) is None

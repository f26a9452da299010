"""Leaving unlikely paragraphs out of a search changes no match and no place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.queries import Query, drop_unlikely_paragraphs, find_match, parse_query
from tests.support.examples import count_examples
from tests.support.query_strategies import HOSTILE_TEXTS, QUERIES, RECORD_TEXTS, SENTENCES

_LONG_TEXTS = st.fixed_dictionaries(
    {
        field: st.lists(SENTENCES | HOSTILE_TEXTS, max_size=4)
        for field in ("title", "question", "answer")
    }
)


def list_marks(query: Query, texts: Mapping[str, Sequence[str]]) -> list[tuple[str, str]] | None:
    """What matches, with the paragraph that it is in."""
    found = find_match(query, texts)
    if found is None:
        return None
    return [
        (text[place.start : place.end], text)
        for place in found.places
        for text in [texts[place.field][place.paragraph]]
    ]


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("fly", {"question": ["Two flies."]}),
        ("VRU", {"answer": ["The V.R.U.’s work"]}),
        ("kni*", {"question": ["Penknives, knives"]}),
        ('"a bus" -tram', {"title": ["A bus"], "question": ["Some tram"]}),
        ("A&E", {"answer": ["A & E", "A and E"]}),
        ("party:bus", {"title": ["A bus"], "party": ["Bus"]}),
        ("fly NEAR/2 tram", {"question": ["Some tram", "Two flies."]}),
    ],
)
def test_what_has_none_of_the_words_is_left_out(typed: str, left: dict[str, list[str]]) -> None:
    """Each word is looked for by the letters that all of its forms begin with."""
    others = ["Mouse", "stops", "penknife", "Gelb"]
    query = parse_query(typed)
    texts: dict[str, list[str]] = {"title": [], "question": [], "answer": []} | left
    found = drop_unlikely_paragraphs(query, {field: [*others, *t] for field, t in texts.items()})
    assert found == texts
    assert "party" in drop_unlikely_paragraphs(parse_query("party:x"), {"party": []})
    assert "party" not in drop_unlikely_paragraphs(parse_query("x"), {"party": ["x"]})


@settings(max_examples=count_examples(2000), deadline=None)
@given(QUERIES, RECORD_TEXTS | _LONG_TEXTS)
@example(parse_query("fly"), {"question": ["Two flies."]})
@example(parse_query("VRU"), {"answer": ["The V.R.U.’s work", "vru"]})
@example(parse_query("NO2"), {"answer": ["of NO 2, and 20mph", "no"]})
@example(parse_query("mph"), {"answer": ["20mph", "a 20-mph zone"]})
@example(parse_query("O'Dowda"), {"answer": ["O’Dowda", "ODowda", "O Dowda"]})
@example(parse_query("plus"), {"answer": ["the 60+ card"]})
@example(parse_query("A&E"), {"answer": ["A & E", "the A&Es", "A and E"]})
@example(parse_query("knife"), {"answer": ["penknives", "knives"]})
@pytest.mark.slow
def test_no_match_is_lost(query: Query, texts: Mapping[str, Sequence[str]]) -> None:
    expected = list_marks(query, texts)
    assert list_marks(query, drop_unlikely_paragraphs(query, texts)) == expected

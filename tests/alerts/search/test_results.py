"""A question in a list: dropping unlikely paragraphs does not change what is marked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.model import ChangeKind
from alerts.queries import Query, extract_fields, find_match
from alerts.search import build_excerpt
from alerts.text import find_snippet, mark_spans
from tests.support.examples import count_examples
from tests.support.query_strategies import QUERIES, SENTENCES
from tests.support.samples import make_answer, make_question


@pytest.mark.slow
@settings(max_examples=count_examples(500))
@given(QUERIES, st.lists(SENTENCES, min_size=1, max_size=6))
def test_what_is_marked_is_what_is_found(query: Query, paragraphs: list[str]) -> None:
    asked = make_question(1, make_answer(*paragraphs), words=paragraphs[0], title="A knife")
    texts = extract_fields(asked)
    found = find_match(query, texts)
    seen = build_excerpt(asked, query)
    places = found.places if found else ()
    titled = [(p.start, p.end) for p in places if p.field == "title"]
    assert seen.title == mark_spans("A knife", titled)
    if found and (expected := find_snippet(texts, places, ChangeKind.ASKED.info.snippet_fields)):
        assert seen.snippet == expected

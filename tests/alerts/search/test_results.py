"""A question in a list: the quick look at its letters changes nothing of what is marked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.model import PREFERRED
from alerts.queries.fields import fields
from alerts.queries.find import find
from alerts.queries.parse import Query
from alerts.queries.snippets import marked, snippet
from alerts.search.results import shown
from tests.support.queries import QUERIES, SENTENCES
from tests.support.samples import answer, question


@settings(max_examples=500)
@given(QUERIES, st.lists(SENTENCES, min_size=1, max_size=6))
def test_what_is_marked_is_what_is_found(query: Query, paragraphs: list[str]) -> None:
    asked = question(1, answer(*paragraphs), words=paragraphs[0], title="A knife")
    texts = fields(asked)
    found = find(query, texts)
    seen = shown(asked, query)
    places = found.places if found else ()
    titled = [(p.start, p.end) for p in places if p.field == "title"]
    assert seen.title == marked("A knife", titled)
    if found and (expected := snippet(texts, places, PREFERRED["asked"])):
        assert seen.passage == expected

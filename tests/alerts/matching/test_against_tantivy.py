"""The matcher compared with Tantivy, an independent engine, on what both can express."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matching import Matcher
from alerts.queries import QueryError, format_canonical, parse_canonical, parse_query
from benchmarks.tantivy_index import TantivyIndex
from tests.support.examples import count_examples

#: No hyphens and no linking letters, because Tantivy does not link words.
WORDS = st.sampled_from(
    [
        *("knife", "knives", "Knife", "crime", "crimes", "VRU", "VRUs", "vru", "WHO", "who"),
        *("bus", "buses", "Siân", "sian", "council’s", "council", "reduction", "unit"),
    ]
)
SENTENCES = st.lists(st.tuples(WORDS, st.sampled_from([" ", ", ", ". "])), max_size=8).map(
    lambda some: "".join(word + gap for word, gap in some)
)
RECORDS = st.fixed_dictionaries(
    {field: st.lists(SENTENCES, max_size=2) for field in ("title", "question", "answer")}
    | {"party": st.lists(WORDS, max_size=1)}
)
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"')
LEAVES = WORDS | PHRASES | st.sampled_from(["kni*", "cri*", "title:crime", "party:council", "-bus"])


def _is_query(text: str) -> bool:
    try:
        parse_query(text)
    except QueryError:
        return False
    return True


QUERIES = st.recursive(
    LEAVES,
    lambda parts: st.tuples(
        st.lists(parts, min_size=2, max_size=4), st.sampled_from([" ", " OR "]), st.booleans()
    ).map(lambda it: ("-" if it[2] else "") + f"({it[1].join(it[0])})"),
    max_leaves=6,
).filter(_is_query)


@settings(max_examples=count_examples(150))
@given(st.lists(QUERIES, min_size=4, max_size=10), st.lists(RECORDS, min_size=1, max_size=5))
@pytest.mark.slow
def test_both_find_the_same(queries: list[str], records: list[dict[str, list[str]]]) -> None:
    forms = dict(enumerate({format_canonical(parse_query(query)) for query in queries}))
    index = TantivyIndex(records)
    theirs = {
        number: sorted(index.find_places(parse_canonical(form))) for number, form in forms.items()
    }
    ours = Matcher(forms).match(records).group_by_topic()
    assert ours == {number: places for number, places in theirs.items() if places}

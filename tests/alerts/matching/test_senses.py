"""The cache of senses changes nothing but the time that matching takes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matching import Matcher
from alerts.matching.senses import WordSenses
from tests.support.examples import count_examples
from tests.support.query_strategies import NORMAL_FORMS, RECORD_TEXTS
from tests.support.reference_matcher import Texts


@settings(max_examples=count_examples(1000))
@given(
    st.lists(NORMAL_FORMS, min_size=1, max_size=5, unique=True),
    st.lists(st.lists(RECORD_TEXTS, max_size=3), min_size=2, max_size=4),
)
@pytest.mark.slow
def test_a_cache_that_is_too_small_finds_the_same(
    forms: list[str], batches: list[list[Texts]]
) -> None:
    topics = dict(enumerate(forms))
    matcher = Matcher(topics, WordSenses(max_words=2))
    for batch in batches:
        found = matcher.match(batch).group_by_topic()
        assert found == Matcher(topics, WordSenses()).match(batch).group_by_topic()

"""Index conditions never exclude a match, and are exact where they say so."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.queries import Query, QueryError, parse_query, prepare_fields
from alerts.queries.index_terms import (
    OVERSIZE_KEY,
    AllOf,
    AndNot,
    AnyOf,
    IndexCondition,
    IndexKey,
    build_index_keys,
    build_index_query,
)
from tests.support.examples import count_examples
from tests.support.query_strategies import QUERIES, RECORD_TEXTS
from tests.support.reference_matcher import Texts, matches_query


def has(keys: set[str], need: IndexCondition) -> bool:
    match need:
        case IndexKey(text, is_start):
            return any(key.startswith(text) for key in keys) if is_start else text in keys
        case AllOf(parts):
            return all(has(keys, part) for part in parts)
        case AnyOf(parts):
            return any(has(keys, part) for part in parts)
        case AndNot(wanted, denied):
            return has(keys, wanted) and not has(keys, denied)


@settings(max_examples=count_examples(1000))
@given(QUERIES, RECORD_TEXTS)
@example(parse_query("½ -knife"), {"title": ["½ of it"]})
@example(parse_query("łódź*"), {"title": ["Łódźer"]})
@pytest.mark.slow
def test_nothing_that_matches_is_lost(query: Query, texts: Texts) -> None:
    asked, keys = build_index_query(query), build_index_keys(prepare_fields(texts))
    assert all(key.isascii() and key.isalnum() and key == key.lower() for key in keys)
    if asked.condition is None:
        assert not asked.is_exact
    elif asked.is_exact:
        assert has(keys, asked.condition) == matches_query(query, texts)
    else:
        assert has(keys, asked.condition) >= matches_query(query, texts)


#: So few words that most texts have those of a phrase, and few have the phrase.
_COMMON_WORDS = st.sampled_from(["us", "for", "them", "the", "high", "road", "roads", "end", "of"])
_GAPS = st.sampled_from([" ", " ", " ", ". ", "-", ", "])
_COMMON_TEXTS = st.lists(st.tuples(_COMMON_WORDS, _GAPS), min_size=4, max_size=14).map(
    lambda some: "".join(word + gap for word, gap in some)
)
_COMMON_PHRASES = st.lists(_COMMON_WORDS, min_size=2, max_size=4).map(" ".join)


@settings(max_examples=count_examples(1000))
@given(
    _COMMON_PHRASES,
    st.sampled_from(['"{}"', 'title:"{}"', '"{}" -"the road"', "{} NEAR/1 high-road"]),
    st.fixed_dictionaries(
        {
            "title": st.lists(_COMMON_TEXTS, max_size=2),
            "answer": st.lists(_COMMON_TEXTS, max_size=2),
        }
    ),
)
@pytest.mark.slow
def test_phrases_of_common_words_are_decided_by_pairs(words: str, form: str, texts: Texts) -> None:
    try:
        query = parse_query(form.format(words.replace(" ", "-") if "NEAR" in form else words))
    except QueryError:
        return  # a word of stop words alone
    asked, keys = build_index_query(query), build_index_keys(prepare_fields(texts))
    assert asked.condition is not None
    assert asked.is_exact or len(words.split()) > 2 or "NEAR" in form
    is_met, is_matched = has(keys, asked.condition), matches_query(query, texts)
    assert is_met == is_matched if asked.is_exact else is_met >= is_matched


@pytest.mark.parametrize(
    ("query", "exact"),
    [
        ("knife", True),
        ("VRU OR knife -bus", True),
        ("title:knife party:labour", True),
        ("kni*", True),
        ("escooter", True),
        ("anti-social", True),  # may be two words, which have a key of their own
        ('"knife crime"', True),
        ('title:"knife crime" -"in the"', True),
        ('"anti-social crime"', False),  # three words have two pairs, maybe in different places
        ('"tottenham high road"', False),
        ('question:"knife crime"', False),
        ("knife NEAR/3 crime", False),
        ("question:knife", False),  # long texts are indexed together
        ("knife change:asked", False),
    ],
)
def test_what_is_left_to_decide(query: str, exact: bool) -> None:
    assert build_index_query(parse_query(query)).is_exact is exact


@pytest.mark.slow
def test_a_text_with_too_many_words_is_always_decided() -> None:
    texts = {"answer": [" ".join(f"n{n}n" for n in range(30_000))]}
    assert build_index_keys(prepare_fields(texts)) == {OVERSIZE_KEY.text}

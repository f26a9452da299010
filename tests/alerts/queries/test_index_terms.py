"""What a database is asked for is never too narrow, and exact where it says so."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from alerts.queries.index_terms import TOO_MANY, Either, Every, Key, Need, Without, ask, keys_of
from alerts.queries.parse import Query, parse
from alerts.queries.tokens import prepare
from tests.support.evaluator import Texts, matches
from tests.support.queries import QUERIES, RECORDS


def has(keys: set[str], need: Need) -> bool:
    match need:
        case Key(text, is_start):
            return any(key.startswith(text) for key in keys) if is_start else text in keys
        case Every(parts):
            return all(has(keys, part) for part in parts)
        case Either(parts):
            return any(has(keys, part) for part in parts)
        case Without(wanted, denied):
            return has(keys, wanted) and not has(keys, denied)


@settings(max_examples=1000)
@given(QUERIES, RECORDS)
@example(parse("½ -knife"), {"title": ["½ of it"]})
@example(parse("łódź*"), {"title": ["Łódźer"]})
def test_nothing_that_matches_is_lost(query: Query, texts: Texts) -> None:
    asked, keys = ask(query), keys_of(prepare(texts))
    assert all(key.isascii() and key.isalnum() and key == key.lower() for key in keys)
    if asked.need is None:
        assert not asked.exact
    elif asked.exact:
        assert has(keys, asked.need) == matches(query, texts)
    else:
        assert has(keys, asked.need) >= matches(query, texts)


@pytest.mark.parametrize(
    ("query", "exact"),
    [
        ("knife", True),
        ("VRU OR knife -bus", True),
        ("title:knife party:labour", True),
        ("kni*", True),
        ("escooter", True),
        ("anti-social", False),  # may be two words, which must stand together
        ('"knife crime"', False),
        ("knife NEAR/3 crime", False),
        ("question:knife", False),  # long texts are indexed together
        ("knife change:asked", False),
    ],
)
def test_what_is_left_to_decide(query: str, exact: bool) -> None:
    assert ask(parse(query)).exact is exact


def test_a_text_with_too_many_words_is_always_decided() -> None:
    texts = {"answer": [" ".join(f"n{n}n" for n in range(30_000))]}
    assert keys_of(prepare(texts)) == {TOO_MANY.text}

"""Properties of every query and every text."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.queries import (
    Query,
    QueryError,
    find_match,
    format_canonical,
    parse_canonical,
    parse_query,
    prepare_fields,
)
from alerts.queries.ast import And, Near, Not, Or, Phrase, Word
from tests.support.examples import count_examples
from tests.support.query_strategies import HOSTILE_TEXTS

WORDS = st.sampled_from(
    ["knife", "knives", "crime", "vru", "VRU", "e", "scooter", "escooter", "anti", "social", "b"]
)
SPACES = st.sampled_from([" ", "-", "‑", ", ", "\u00a0", "’s "])
TEXTS = st.lists(st.tuples(WORDS, SPACES), max_size=7).map(lambda ws: "".join(w + s for w, s in ws))
LEAVES = TEXTS.filter(lambda text: text.strip(" -‑,\u00a0") != "").map(lambda text: f'"{text}"')


def either(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.tuples(
        st.lists(parts, min_size=2, max_size=3),
        st.sampled_from([" ", " AND ", " OR ", " | ", " NEAR/2 "]),
    )
    signed = st.tuples(st.sampled_from(["NOT ", "-", "title:", "answer:"]), parts)
    return joined.map(lambda it: f"({it[1].join(it[0])})") | signed.map("".join)


STARS = st.sampled_from(["kni*", "soci*", "e-scoot*"])
QUERIES = st.recursive(
    WORDS | LEAVES | STARS | LEAVES.map(lambda text: f"{text}~2"), either, max_leaves=6
)
TERMS = st.lists(st.sampled_from(["c", "d", "cd", "dc", "dd"]), min_size=1, max_size=3).map(
    lambda tokens: Word(tuple(tokens), "exact")
)
ATOMS: st.SearchStrategy[Word | Phrase] = TERMS | st.lists(TERMS, min_size=2, max_size=3).map(
    lambda words: Phrase(tuple(words))
)
NEARS = st.tuples(st.lists(ATOMS, min_size=2, max_size=3), st.integers(1, 3)).map(
    lambda it: Near(tuple(it[0]), it[1])
)
TREES: st.SearchStrategy[Query] = st.recursive(
    ATOMS | NEARS,
    lambda parts: (
        st.lists(parts, min_size=1, max_size=3).map(lambda some: And(tuple(some)))
        | st.lists(parts, min_size=1, max_size=3).map(lambda some: Or(tuple(some)))
        | parts.map(Not)
    ),
    max_leaves=6,
)
PIECES = st.lists(
    st.tuples(st.sampled_from(["c", "d", "cd"]), st.sampled_from([" ", "-"])), max_size=6
)


def parsed(text: str) -> Query | None:
    try:
        return parse_query(text)
    except QueryError:
        return None


@pytest.mark.slow
@settings(max_examples=count_examples(1000))
@given(HOSTILE_TEXTS | st.text() | QUERIES)
def test_both_parsers_read_a_canonical_form_to_the_query_that_it_is_of(text: str) -> None:
    query = parsed(text)
    if query is not None:
        form = format_canonical(query)
        assert parse_query(form) == query
        assert format_canonical(parse_query(form)) == form
        assert parse_canonical(form) == query


@pytest.mark.slow
@given(TREES, st.lists(PIECES, max_size=3))
def test_the_canonical_form_of_any_tree_means_the_same(
    tree: Query, paragraphs: list[list[tuple[str, str]]]
) -> None:
    form = format_canonical(tree)
    query = parsed(form)
    texts = prepare_fields({"answer": ["".join(w + s for w, s in pieces) for pieces in paragraphs]})
    if query is not None:  # a tree may be one that cannot be written, such as NOT alone
        assert format_canonical(query) == form
        assert (find_match(query, texts) is None) == (find_match(tree, texts) is None)


@pytest.mark.slow
@given(QUERIES, st.lists(TEXTS, max_size=3))
def test_places_are_whole_words_in_order(text: str, paragraphs: list[str]) -> None:
    query = parsed(text)
    found = find_match(query, {"answer": paragraphs}) if query is not None else None
    before = (0, 0)
    for place in found.places if found else ():
        assert before <= (place.paragraph, place.start) < (place.paragraph, place.end)
        before = (place.paragraph, place.end)
        marked = paragraphs[place.paragraph][place.start : place.end]
        assert marked[0].isalnum()
        assert marked[-1].isalnum()


def pattern(atom: Query) -> str:
    """Return an atom as a regular expression over words separated by a space or a hyphen."""
    terms = atom.words if isinstance(atom, Phrase) else (atom,)
    words = [
        "[ -]?".join("-?".join(t) for t in term.tokens) for term in terms if isinstance(term, Word)
    ]
    return rf"\b{'[ -]'.join(words)}\b"


@pytest.mark.slow
@given(ATOMS, PIECES)
def test_words_and_phrases_are_what_a_regular_expression_finds(
    atom: Query, pieces: list[tuple[str, str]]
) -> None:
    text = "".join(word + space for word, space in pieces)
    found = find_match(atom, {"title": [text]})
    assert (found is not None) == bool(re.search(pattern(atom), text))
    for place in found.places if found else ():
        assert re.search(pattern(atom), text[place.start : place.end])

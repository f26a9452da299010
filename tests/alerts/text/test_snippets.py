"""Snippets are pieces of the text with exactly the places marked, whatever the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.text import Place, Segment, cut_opening, find_snippet, mark_spans

TEXTS = st.text(alphabet="ab c…é", min_size=1, max_size=900)
ELLIPSES = (Segment("… "), Segment(" …"))


@st.composite
def texts_with_spans(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]]]:
    text = draw(TEXTS)
    starts = draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=6))
    return text, [(at, min(len(text), at + draw(st.integers(1, 40)))) for at in sorted(starts)]


def without_ellipses(segments: tuple[Segment, ...], text: str) -> str:
    """Return the text of a snippet; check that it has an ellipsis only where text was cut."""
    inner = list(segments)
    words = "".join(s.text for s in inner)
    if words != text:
        inner = inner[inner[0] == ELLIPSES[0] :]
        inner = inner[: len(inner) - (inner[-1] == ELLIPSES[1])]
    return "".join(s.text for s in inner)


@pytest.mark.slow
@given(texts_with_spans())
def test_it_is_a_piece_of_the_text_and_marks_places_only(
    case: tuple[str, list[tuple[int, int]]],
) -> None:
    text, spans = case
    cut = find_snippet({"answer": [text]}, [Place("answer", 0, *s) for s in spans], ["answer"])
    assert cut is not None
    assert without_ellipses(cut.segments, text) in text
    words = [s.text for s in cut.segments if s.is_marked]
    assert words
    assert set(words) <= {text[left:right] for left, right in spans}
    assert len("".join(s.text for s in cut.segments)) <= 110 + 230 + 4


@pytest.mark.slow
@given(texts_with_spans())
def test_marking_loses_nothing(case: tuple[str, list[tuple[int, int]]]) -> None:
    text, spans = case
    segments = mark_spans(text, spans)
    assert "".join(s.text for s in segments) == text
    assert {s.text for s in segments if s.is_marked} <= {text[left:right] for left, right in spans}


@given(TEXTS)
def test_an_opening_is_the_beginning(text: str) -> None:
    found = cut_opening({"question": [text, "More."]}, "question")
    assert found is not None
    assert f"{text} More.".startswith(without_ellipses(found.segments, text))
    assert not any(s.is_marked for s in found.segments)


def test_the_preferred_field_goes_first() -> None:
    texts = {"question": ["benches"], "answer": ["no", "benches"]}
    places = [Place("question", 0, 0, 7), Place("answer", 1, 0, 7)]
    found = find_snippet(texts, places, ["answer", "question"])
    assert found is not None
    assert found.field == "answer"
    assert find_snippet(texts, places, ["title"]) is None
    assert cut_opening(texts, "title") is None

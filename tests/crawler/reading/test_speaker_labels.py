"""Which paragraphs begin with a speaker's label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading.speaker_labels import read_speaker
from crawler.reading.visible_text import clean_text
from tests.support.paragraph_labels import BOROUGHS, NOT_LABELS, SPEAKER_LABELS
from tests.support.processor_time import assert_takes_less_than

NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize("label", SPEAKER_LABELS)
def test_reads_a_label(label: str) -> None:
    assert read_speaker(f"{label}:  Yes: it is.", "", NOBODY) == (label, "Yes: it is.")
    assert read_speaker(f"{label}:", "", NOBODY) == (label, "")
    assert read_speaker(f"\u00a0{label}\u00a0:\u00a0 Yes.", f"{label}\u00a0", NOBODY) == (
        label,
        "Yes.",
    )
    assert read_speaker(label.replace(" ", "\u00a0") + ": Yes.", "", NOBODY) == (label, "Yes.")


@pytest.mark.parametrize("line", NOT_LABELS)
def test_prose_is_no_label(line: str) -> None:
    assert read_speaker(line, "", NOBODY) is None


@pytest.mark.parametrize("place", BOROUGHS)
@pytest.mark.parametrize("rest", ["35", "£3,000", "none", "It is done.", ""])
def test_a_list_of_places_has_no_speakers(place: str, rest: str) -> None:
    for bold in ("", place, f"{place}:"):
        assert read_speaker(f"{place}: {rest}", bold, NOBODY) is None
        assert read_speaker(f"\u00a0\u00a0{place}:\u00a0{rest}", bold, NOBODY) is None


def test_a_bare_name_is_a_label_once_it_is_known() -> None:
    assert read_speaker("Ada Brook: Yes.", "", frozenset({"ada-brook"})) == ("Ada Brook", "Yes.")
    assert read_speaker("Ada Brook: 20.", "", frozenset({"ada-brook"})) == ("Ada Brook", "20.")
    assert read_speaker("ada brook: Yes.", "", frozenset({"ada-brook"})) is None


@pytest.mark.parametrize("bold", ["Ada Brook", "Ada Brook:", "\u00a0Ada\u00a0Brook: "])
def test_a_bare_bold_name_is_a_label(bold: str) -> None:
    assert read_speaker("Ada Brook: Yes.", bold, NOBODY) == ("Ada Brook", "Yes.")


@pytest.mark.parametrize(
    ("line", "bold"),
    [
        ("Ada Brook: Yes.", "Ada"),
        ("Ada Brook: Yes.", "Ada Brook: Yes."),
        ("Transport Strategy: it is done.", "Transport Strategy:"),
        ("Next Steps: it is done.", "Next Steps:"),
        ("Key Facts: it is done.", "Key Facts:"),
        ("Summary: it is done.", "Summary:"),
        ("Tower Hamlets: 35", "Tower Hamlets:"),
        ("Bexley Heath: £3,000", "Bexley Heath:"),
        ("City Hall: it is done.", "City Hall:"),
        ("Barking Riverside: it is done.", "Barking Riverside:"),
        ("Nine Elms: it is done.", "Nine Elms:"),
        ("King’s Cross: it is done.", "King’s Cross:"),
        ("St Pancras: it is done.", "St Pancras:"),
        ("Hackney Wick:", "Hackney Wick:"),
        ("Brent Cross: 20 homes", "Brent Cross:"),
        ("Members Present: nobody.", "Members Present:"),
        ("Violence Reduction Unit: it is done.", "Violence Reduction Unit:"),
        ("Thank you: it is done.", "T"),  # a bold run that ends inside a word, 2022-23
    ],
)
def test_a_bold_heading_is_no_label(line: str, bold: str) -> None:
    assert read_speaker(line, bold, NOBODY) is None


@pytest.mark.slow
@given(
    st.sampled_from([*SPEAKER_LABELS, *NOT_LABELS]),
    st.text(max_size=80),
    st.sampled_from(["", "Ada Brook", "T"]),
)
def test_no_word_is_lost(begin: str, rest: str, bold: str) -> None:
    line = f"{begin}:{rest}"
    if found := read_speaker(line, bold, NOBODY):
        label, words = found
        assert f"{label}:{words}".replace(" ", "") == clean_text(line).replace(" ", "")
        assert label == label.strip()
        assert words == words.strip()
        assert read_speaker(f"{label}: {words}", bold, NOBODY) == found


@given(st.text(), st.text(max_size=20))
def test_no_text_is_an_error(line: str, bold: str) -> None:
    found = read_speaker(line, bold, NOBODY)
    assert found is None or found[0]


def test_a_hostile_line_takes_no_time() -> None:
    with assert_takes_less_than(5):
        for piece in ("A, ", "Chair, A, ", "Lord A of ", "(()", "AM ", "A b "):
            read_speaker("Ada Brook, Chair " + piece * 40 + "x: Yes.", "", NOBODY)
            read_speaker("Ada Brook AM, Chair, " + piece * 30 + ": Yes.", "", NOBODY)
            read_speaker(piece * 100_000, "", NOBODY)

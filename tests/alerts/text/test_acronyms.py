"""Definitions of acronyms: what Schwartz and Hearst's algorithm finds, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.text import AcronymDefinition, find_definitions


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("The Violence Reduction Unit (VRU) met.", "VRU", "Violence Reduction Unit"),
        ("the new Ultra Low Emission Zone (“ULEZ”) and", "ULEZ", "Ultra Low Emission Zone"),
        ("Transport for London (TfL) said", "TfL", "Transport for London"),
        ("Members of Parliament (MPs) said", "MP", "Members of Parliament"),
        ("Violence Reduction (VRU)", "VRU", "Violence Reduction"),  # the paper takes inner letters
        ("Big Lots Unveiled Everywhere (Blue)", None, None),
        ("low traffic neighbourhoods (LTNs) in", "LTN", "low traffic neighbourhoods"),
        ("His Majesty’s Inspectorate (HMI) found", "HMI", "His Majesty’s Inspectorate"),
        ("a VRU (Violence Reduction Unit) is", "VRU", "Violence Reduction Unit"),
        ("Members of the Fire and Rescue Service (FRS)", "FRS", "Fire and Rescue Service"),
        ("Mayor’s Office for Policing And Crime (MOPAC)", "MOPAC", "Mayor’s Office for Policing And Crime"),  # noqa: E501
        ("in the year 2019 (see the table)", None, None),
        ("the Mayor (WHO) was there", None, None),
        ("the unit (VRU)", None, None),
        ("It ended. Violence (VRU)", None, None),
        ("the Violence vru Reduction Unit (VRU)", None, None),
        ("(VRU)", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_definitions(text: str, short: str | None, long: str | None) -> None:
    expected = [AcronymDefinition(short, long)] if short and long else []
    assert list(find_definitions([text])) == expected


def test_every_definition_of_every_text_is_found() -> None:
    text = "A Violence Reduction Unit (VRU) and a Low Emission Zone (LEZ)."
    assert [pair.short_form for pair in find_definitions([text, text])] == ["VRU", "LEZ"] * 2


LETTERS = st.text("ABab ().’'-", max_size=60)


@pytest.mark.slow
@given(st.lists(LETTERS, max_size=3))
def test_what_is_found_is_printed_there_and_has_its_letters(texts: list[str]) -> None:
    for short, long in find_definitions(texts):
        assert any(long in text for text in texts)
        rest = iter(long.upper())
        assert all(letter in rest for letter in short.upper())
        assert long[0].upper() == short[0]

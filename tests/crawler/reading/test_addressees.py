"""Strings that name several people, with their roles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading.names import clean_name, read_addressees
from crawler.reading.visible_text import clean_text
from crawler.records import Addressee
from tests.support.addressees import ADDRESSEES
from tests.support.processor_time import assert_takes_less_than
from tests.support.real_facts import read_facts

#: Words of no title, honour, office or body, none of which begins so.
WORDS = st.builds(
    str.__add__,
    st.sampled_from("ZŽÉ"),
    st.text("abcdefghijklmnopqrstuvwxyzàéèíñöüç", min_size=1, max_size=8),
)
NAMES = st.lists(WORDS, min_size=2, max_size=4).map(" ".join)


@pytest.mark.parametrize("printed", ADDRESSEES)
def test_trap_14_reads_addressees(printed: str) -> None:
    expected = tuple(
        Addressee(name=name, printed=part, role=role) for part, name, role in ADDRESSEES[printed]
    )
    assert read_addressees(printed) == expected
    assert read_addressees(printed.replace(" ", " \u00a0")) == expected


def test_every_real_addressee_is_in_the_table() -> None:
    facts = read_facts()
    printed = {p for f in facts for p in (f.asked_of, f.answered_by, f.find_facet("asked_of"))}
    assert printed - {None} <= ADDRESSEES.keys()


@pytest.mark.slow
@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from([" and ", " & ", ", ", ", and "]))
def test_bare_names_come_apart(people: list[str], separator: str) -> None:
    assert [a.name for a in read_addressees(separator.join(people))] == people


@pytest.mark.slow
@given(st.text(alphabet=st.sampled_from("ABab &,()-"), max_size=60) | st.text())
def test_no_addressee_is_lost_or_empty(printed: str) -> None:
    found = read_addressees(printed)
    assert all(a.printed and a.name for a in found)
    assert all(a.printed in clean_text(printed) for a in found)


def test_a_hostile_string_takes_no_time() -> None:
    with assert_takes_less_than(5):
        for piece in ("Ada Brook, ", "A, ", "Lord A of ", "Ada (", "AM ", "A and "):
            read_addressees(piece * 2000)
            clean_name(piece * 2000)

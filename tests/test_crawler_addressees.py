"""Strings that name several people, with their roles."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.names import clean_name, read_addressees
from crawler.records import Addressee
from crawler.text import tidy

REAL = Path(__file__).parents[2] / "shared" / "source" / "data" / "real_questions.jsonl"

#: Words of no title, honour, office or body, none of which begins so.
WORDS = st.builds(
    str.__add__,
    st.sampled_from("ZŽÉ"),
    st.text("abcdefghijklmnopqrstuvwxyzàéèíñöüç", min_size=1, max_size=8),
)
NAMES = st.lists(WORDS, min_size=2, max_size=4).map(" ".join)

#: What is printed, and of each addressee: its part, the name, the role.
ADDRESSEES: dict[str, list[tuple[str, str, str | None]]] = {
    # every string of the real questions
    "The Mayor": [("The Mayor", "The Mayor", None)],
    "John Duffy": [("John Duffy", "John Duffy", None)],
    "Michael Mulhern": [("Michael Mulhern", "Michael Mulhern", None)],
    "Sadiq Khan": [("Sadiq Khan", "Sadiq Khan", None)],
    "Boris Johnson": [("Boris Johnson", "Boris Johnson", None)],
    "Boris Johnson MP (Chairman, TfL) and Mike Brown MVO (Commissioner, TfL)": [
        ("Boris Johnson MP (Chairman, TfL)", "Boris Johnson", "Chairman, TfL"),
        ("Mike Brown MVO (Commissioner, TfL)", "Mike Brown", "Commissioner, TfL"),
    ],
    "Simon Wright (Chief Executive Officer, Crossrail Ltd)": [
        (
            "Simon Wright (Chief Executive Officer, Crossrail Ltd)",
            "Simon Wright",
            "Chief Executive Officer, Crossrail Ltd",
        )
    ],
    "Barbara Cassani (Chair of the Olympic Bid Company)": [
        (
            "Barbara Cassani (Chair of the Olympic Bid Company)",
            "Barbara Cassani",
            "Chair of the Olympic Bid Company",
        )
    ],
    "Peter Hendy (Commissioner, Transport for London)": [
        (
            "Peter Hendy (Commissioner, Transport for London)",
            "Peter Hendy",
            "Commissioner, Transport for London",
        )
    ],
    "Boris Johnson (Chair, TfL) and Sir Peter Hendy (Commissioner, TfL)": [
        ("Boris Johnson (Chair, TfL)", "Boris Johnson", "Chair, TfL"),
        ("Sir Peter Hendy (Commissioner, TfL)", "Peter Hendy", "Commissioner, TfL"),
    ],
    # values of the search facet "Asked of"
    "Liz Peace CBE (Chair, OPDC)": [("Liz Peace CBE (Chair, OPDC)", "Liz Peace", "Chair, OPDC")],
    "Liz Peace CBE, Chair, OPDC": [("Liz Peace CBE, Chair, OPDC", "Liz Peace", "Chair, OPDC")],
    "Dame Cresida Dick DBE QPM, Commissioner of Police of the Metropolis": [
        (
            "Dame Cresida Dick DBE QPM, Commissioner of Police of the Metropolis",
            "Cresida Dick",
            "Commissioner of Police of the Metropolis",
        )
    ],
    "Sadiq Khan (Mayor of London) & "
    "Sir Bernard Hogan-Howe (Commissioner of Police of the Metropolis)": [
        ("Sadiq Khan (Mayor of London)", "Sadiq Khan", "Mayor of London"),
        (
            "Sir Bernard Hogan-Howe (Commissioner of Police of the Metropolis)",
            "Bernard Hogan-Howe",
            "Commissioner of Police of the Metropolis",
        ),
    ],
    "Rajesh Agrawal Deputy Mayor for Business": [
        (
            "Rajesh Agrawal Deputy Mayor for Business",
            "Rajesh Agrawal",
            "Deputy Mayor for Business",
        )
    ],
    "Nadhim Zahawi MP, Under-Secretary of State for COVID-19 Vaccine Deployment": [
        (
            "Nadhim Zahawi MP, Under-Secretary of State for COVID-19 Vaccine Deployment",
            "Nadhim Zahawi",
            "Under-Secretary of State for COVID-19 Vaccine Deployment",
        )
    ],
    "Councillor Georgia Gould, Board Member": [
        ("Councillor Georgia Gould, Board Member", "Georgia Gould", "Board Member")
    ],
    "Sadiq Khan (Mayor of London) & Mike Brown MVO (Commissioner, Transport for London)": [
        ("Sadiq Khan (Mayor of London)", "Sadiq Khan", "Mayor of London"),
        (
            "Mike Brown MVO (Commissioner, Transport for London)",
            "Mike Brown",
            "Commissioner, Transport for London",
        ),
    ],
    # the other separators
    "Ada Brook (Chair, TfL), Sir Ben Cole (Commissioner, TfL), and Cy Dean (MD Surface)": [
        ("Ada Brook (Chair, TfL)", "Ada Brook", "Chair, TfL"),
        ("Sir Ben Cole (Commissioner, TfL)", "Ben Cole", "Commissioner, TfL"),
        ("Cy Dean (MD Surface)", "Cy Dean", "MD Surface"),
    ],
    "Ada Brook, Ben Cole and Cy Dean": [
        ("Ada Brook", "Ada Brook", None),
        ("Ben Cole", "Ben Cole", None),
        ("Cy Dean", "Cy Dean", None),
    ],
    "The Mayor and Sir Ben Cole": [
        ("The Mayor", "The Mayor", None),
        ("Sir Ben Cole", "Ben Cole", None),
    ],
    "The Mayor & The Commissioner": [
        ("The Mayor", "The Mayor", None),
        ("The Commissioner", "The Commissioner", None),
    ],
    "Ada Brook, Deputy Mayor for Policing and Crime, and Sir Ben Cole QPM, Commissioner": [
        (
            "Ada Brook, Deputy Mayor for Policing and Crime",
            "Ada Brook",
            "Deputy Mayor for Policing and Crime",
        ),
        ("Sir Ben Cole QPM, Commissioner", "Ben Cole", "Commissioner"),
    ],
    "Ada Brook Deputy Mayor for Business and Ben Cole Deputy Mayor for Fire": [
        ("Ada Brook Deputy Mayor for Business", "Ada Brook", "Deputy Mayor for Business"),
        ("Ben Cole Deputy Mayor for Fire", "Ben Cole", "Deputy Mayor for Fire"),
    ],
    # an "and" or a comma inside a role or a body is no separator
    "Ada Brook (Deputy Mayor, Planning, Regeneration and Skills)": [
        (
            "Ada Brook (Deputy Mayor, Planning, Regeneration and Skills)",
            "Ada Brook",
            "Deputy Mayor, Planning, Regeneration and Skills",
        )
    ],
    "Ada Brook, Deputy Mayor for Housing and Residential Development": [
        (
            "Ada Brook, Deputy Mayor for Housing and Residential Development",
            "Ada Brook",
            "Deputy Mayor for Housing and Residential Development",
        )
    ],
    "Deputy Mayor for Housing and Residential Development": [
        (
            "Deputy Mayor for Housing and Residential Development",
            "Deputy Mayor for Housing and Residential Development",
            None,
        )
    ],
    "Ada Brook CBE, Chair, Old Oak and Park Royal Development Corporation": [
        (
            "Ada Brook CBE, Chair, Old Oak and Park Royal Development Corporation",
            "Ada Brook",
            "Chair, Old Oak and Park Royal Development Corporation",
        )
    ],
    "Ada Brook, Mayor of London and Chair, TfL": [
        ("Ada Brook, Mayor of London and Chair, TfL", "Ada Brook", "Mayor of London and Chair, TfL")
    ],
    "Chair, London Assembly": [("Chair, London Assembly", "Chair, London Assembly", None)],
    # not understood, so left whole
    "TfL and GLA": [("TfL and GLA", "TfL and GLA", None)],
    "Ada Brook (Chair), Old Oak and Park Royal Development Corporation": [
        (
            "Ada Brook (Chair), Old Oak and Park Royal Development Corporation",
            "Ada Brook (Chair), Old Oak and Park Royal Development Corporation",
            None,
        )
    ],
    "Valerie Shawcross CBE (AM)": [("Valerie Shawcross CBE (AM)", "Valerie Shawcross", None)],
    "": [],
}


@pytest.mark.parametrize("printed", ADDRESSEES)
def test_reads_those_who_were_asked(printed: str) -> None:
    expected = tuple(
        Addressee(name=name, printed=part, role=role) for part, name, role in ADDRESSEES[printed]
    )
    assert read_addressees(printed) == expected
    assert read_addressees(printed.replace(" ", " \u00a0")) == expected


def test_every_real_addressee_is_in_the_table() -> None:
    if not REAL.exists():
        pytest.skip("facts of real questions are not here: ../shared is no part of the repository")
    real = [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    printed = {fact[field] for fact in real for field in ("asked_of", "answered_by")}
    assert printed - {None} <= ADDRESSEES.keys()


@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from([" and ", " & ", ", ", ", and "]))
def test_bare_names_come_apart(people: list[str], separator: str) -> None:
    assert [a.name for a in read_addressees(separator.join(people))] == people


@given(st.text(alphabet=st.sampled_from("ABab &,()-"), max_size=60) | st.text())
def test_no_addressee_is_lost_or_empty(printed: str) -> None:
    found = read_addressees(printed)
    assert all(a.printed and a.name for a in found)
    assert all(a.printed in tidy(printed) for a in found)


def test_a_hostile_string_takes_no_time() -> None:
    started = time.process_time()
    for piece in ("Ada Brook, ", "A, ", "Lord A of ", "Ada (", "AM ", "A and "):
        read_addressees(piece * 2000)
        clean_name(piece * 2000)
    assert time.process_time() - started < 5

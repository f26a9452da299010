"""Which paragraphs begin with a speaker's label."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.speakers import read_speaker
from crawler.text import tidy

NOBODY: frozenset[str] = frozenset()

LABELS = [
    # seen in the dialogues of 2002 to 2023
    "Sadiq Khan (Mayor of London)",
    "Boris Johnson MP (Mayor of London)",
    "Sadiq Khan (Chair, Transport for London)",
    "Caroline Pidgeon MBE AM",
    "Valerie Shawcross CBE (AM)",
    "Kit Malthouse AM MP",
    "Andrew Dismore (Assembly Member for Barnet and Camden)",
    "Andrew Boff AM (Chair)",
    "Jennette Arnold OBE (Chair)",
    "The Chair",
    "Mike Tuffrey",
    "Chair, London Assembly",
    "Steve O’Connell (AM)",
    "Steve O'Connell AM",
    "Darren Johnson AM (Deputy Chairman in the Chair)",
    # offices
    "Chair",
    "Deputy Chair",
    "The Deputy Chair",
    "The Mayor",
    "Chair of the London Assembly",
    "The Chair (Andrew Boff AM)",
    # people of whom nothing else is known
    "Léonie Marchbanks-Osei AM (Chair)",
    "Zoë van der Merwe-Pike AM",
    "D’Arcy O'Connell-Bright OBE AM",
    "Sìle Ní Bhriain-Hughes AM",
    "J. K. Brook AM",
    "ADA BROOK AM",
    "Lord Quillington of Nunhead AM",
    "Dame Ottoline Ferreira-Stubbs DBE (Commissioner, Transport for London)",
    "Sir Ben Cole",
    "Dr Brook",
    "Baroness Quill",
    "Ada Brook, Chair of the Board and Interim Director",
    "Ada Brook (Chief Executive (Interim), Crossrail Ltd)",
    # known people, with less said of them
    "Dr Onkar Sahota",
    "Lord Bailey of Paddington",
    "Susan Hall (City Hall)",
]

PROSE = [
    "In summary: it is done.",
    "Note: it is done.",
    "Transport Strategy: it is done.",
    "Question: is it done?",
    "Date:  Tuesday 20 December 2022",
    "The figures are as follows:",
    "https://www.example.org/questions",
    "Sadiq Khan said: it is done.",
    "10:30",
    "10:30 AM: doors open",
    "At 9 AM: doors open",
    ": it is done.",
    ":",
    "",
    "No colon here",
    "Air Quality (London): it is done.",
    "Air Quality (Mayor's Strategy): it is done.",
    "Cycle Superhighway (Phase 2): it is done.",
    "Low Emission Zone (executive summary): it is done.",
    "Waltham Forest: 35",
    "Ada Brook: it is done.",  # bare, and nobody of that name is known
    "Mayor's Oral Update: it is done.",
    "Ada Brook AM asked this: is it done?",
    "Caroline Pidgeon, who asked for it: is it done?",
    "Mr Mayor, thank you: it is done.",
    "Sadiq Khan (Mayor of London: it is done)",  # no colon outside the brackets
    "Ada Brook AM (Chair of " + "the very long committee " * 5 + "): it is done.",
]


@pytest.mark.parametrize("label", LABELS)
def test_reads_a_label(label: str) -> None:
    assert read_speaker(f"{label}:  Yes: it is.", "", NOBODY) == (label, "Yes: it is.")
    assert read_speaker(f"{label}:", "", NOBODY) == (label, "")
    assert read_speaker(f"\u00a0{label}\u00a0:\u00a0 Yes.", f"{label}\u00a0", NOBODY) == (
        label,
        "Yes.",
    )
    assert read_speaker(label.replace(" ", "\u00a0") + ": Yes.", "", NOBODY) == (label, "Yes.")


@pytest.mark.parametrize("line", PROSE)
def test_prose_is_no_label(line: str) -> None:
    assert read_speaker(line, "", NOBODY) is None


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
        ("Thank you: it is done.", "T"),  # a bold run that ends inside a word, 2022-23
    ],
)
def test_a_bold_heading_is_no_label(line: str, bold: str) -> None:
    assert read_speaker(line, bold, NOBODY) is None


@given(
    st.sampled_from([*LABELS, *PROSE]),
    st.text(max_size=80),
    st.sampled_from(["", "Ada Brook", "T"]),
)
def test_no_word_is_lost(begin: str, rest: str, bold: str) -> None:
    line = f"{begin}:{rest}"
    if found := read_speaker(line, bold, NOBODY):
        label, words = found
        assert f"{label}:{words}".replace(" ", "") == tidy(line).replace(" ", "")
        assert label == label.strip()
        assert words == words.strip()
        assert read_speaker(f"{label}: {words}", bold, NOBODY) == found


@given(st.text(), st.text(max_size=20))
def test_no_text_is_an_error(line: str, bold: str) -> None:
    found = read_speaker(line, bold, NOBODY)
    assert found is None or found[0]


def test_a_hostile_line_takes_no_time() -> None:
    started = time.process_time()
    for piece in ("A, ", "Chair, A, ", "Lord A of ", "(()", "AM ", "A b "):
        read_speaker("Ada Brook, Chair " + piece * 40 + "x: Yes.", "", NOBODY)
        read_speaker("Ada Brook AM, Chair, " + piece * 30 + ": Yes.", "", NOBODY)
        read_speaker(piece * 100_000, "", NOBODY)
    assert time.process_time() - started < 5

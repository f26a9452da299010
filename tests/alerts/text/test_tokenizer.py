"""What counts as a word, and which words are the same."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.text import prepare_texts, tokenise


def words(text: str) -> list[str]:
    return [token.word for token in tokenise(text)]


@pytest.mark.parametrize(
    ("word", "text", "printed"),
    [
        ("vru", "The VRU is going to", ["VRU"]),
        ("vru", "(VRU)", ["VRU"]),
        ("vru", "the VRU's work and the vru’s head", ["VRU", "vru"]),
        ("councils", "the Councils' powers, 'Councils'", ["Councils", "Councils"]),
        ("sian", "Siân, Sian, Sia\u0302n", ["Siân", "Sian", "Sia\u0302n"]),
        ("lodz", "Łódź", ["Łódź"]),
        ("strasse", "Straße", ["Straße"]),
        ("oconnell", "O’Connell, OConnell, O‘Connell's", ["O’Connell", "OConnell", "O‘Connell"]),
        ("2", "CO₂", ["₂"]),
        ("office", "the oﬃce, the Office", ["oﬃce", "Office"]),
        ("scooter", "scoo\u00adter", ["scoo\u00adter"]),
        ("she", "she'll, she’d", ["she", "she"]),
        ("½", "1 ½ hours", ["½"]),
        ("b", "a_b", ["b"]),
        ("berry", "Siân\u00a0Berry", ["Berry"]),
        ("uk", "the U.K., the U.K.'s and u.k.", ["U.K", "U.K.", "u.k"]),
        ("1000", "1,000, £1,000 and 1000", ["1,000", "1,000", "1000"]),
        ("1234567", "1,234,567", ["1,234,567"]),
        ("345", "1,2,345", []),
        ("000", "1,000,0", []),
        ("and", "R&D and A & E", ["&", "and", "&"]),
        ("e", "A&E, A&Es, A & Es", ["E", "E", "E"]),
        ("plus", "60+, 60+x, +60, C+", ["+"]),
        ("20", "20mph, 20th, 20s, 20", ["20", "20"]),
    ],
)
def test_a_word_is_the_same_however_it_is_printed(word: str, text: str, printed: list[str]) -> None:
    assert [text[t.start : t.end] for t in tokenise(text) if t.word == word] == printed


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("anti‑social", {"anti", "social", "antisocial"}),
        ("e-scooter-hire", {"e", "scooter", "hire", "escooter", "scooterhire", "escooterhire"}),
        ("E\u00a0scooter", {"e", "scooter", "escooter"}),
        ("the rapist", {"the", "rapist"}),
        ("(e) state", {"e", "state"}),
        ("an e. State", {"an", "e", "state"}),
        ("HS2", {"hs", "2", "hs2"}),
        ("HS 2", {"hs", "2"}),
        ("NO 2", {"no", "2", "no2"}),
        ("no 2", {"no", "2"}),
        ("20-mph", {"20", "mph", "20mph"}),
        ("SW1A", {"sw1a"}),
        ("pre- and post‑ – all", {"pre", "and", "post", "all"}),
    ],
)
def test_which_words_close_up(text: str, forms: set[str]) -> None:
    assert {
        key for key in prepare_texts({"title": [text]}).positions_by_key if key.isalnum()
    } == forms


@pytest.mark.slow
def test_a_long_chain_of_hyphens_is_cheap() -> None:
    assert len(prepare_texts({"title": ["-".join("abcdefghij" * 1000)]}).positions_by_key) < 200


def test_nothing_closes_up_across_paragraphs() -> None:
    assert (
        "escooter"
        not in prepare_texts({"title": ["an e"], "question": ["scooter"]}).positions_by_key
    )


@pytest.mark.slow
def test_every_character_folds_to_what_folds_to_itself() -> None:
    for char in filter(str.isalnum, map(chr, range(sys.maxunicode + 1))):
        for word in words(char):
            assert words(word) == [word]


@pytest.mark.parametrize(
    ("text", "acronyms"),
    [
        ("the VRU, VRUs and VRU's, VRUS", ["VRU", "VRU", "VRU", "VRUS"]),
        ("IT, it, It, iT, Its", ["IT"]),
        ("A and I; A10; COVID19; MAYORAL; MAYORS", ["COVID", "MAYORS"]),
        ("V.R.U. and V.R.U.'s; M.P.s; E.ON; e.g.", ["VRU", "VRU", "MP", "ON"]),
        ("TfL's, DfT, MoJ, Ulez, McCartney, iPad", ["TFL", "DFT", "MOJ"]),
        ("the ÉTÉ, the V\u00adRU, MPs’ pay", ["ETE", "VRU", "MP"]),
        ("VRU‑funded and anti-ULEZ", ["VRU", "ULEZ"]),
        ("ΔΕΗ", []),
    ],
)
def test_what_is_an_acronym(text: str, acronyms: list[str]) -> None:
    assert [token.acronym for token in tokenise(text) if token.acronym] == acronyms


@pytest.mark.slow
@given(st.text())
def test_offsets_are_those_of_the_printed_word(text: str) -> None:
    for token in tokenise(text):
        assert 0 <= token.start < token.end <= len(text)
        if text[token.start] == "+":  # what it means depends on what is before it
            continue
        assert words(text[token.start : token.end]) == [token.word] == words(token.word)

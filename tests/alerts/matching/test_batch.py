"""Both tokenizers find the same words in the same places, whatever the text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matching.batch import read_batch
from alerts.matching.hashing import hash_words, rehash_as_sense
from alerts.matching.senses import CAPITALS, NAME, STEM, WordSenses
from alerts.queries import prepare_fields
from tests.support.examples import count_examples
from tests.support.query_strategies import HOSTILE_TEXTS

FIELDS = ("title", "question", "asked_by")
WORDS = st.sampled_from(
    [
        *("VRU", "VRUs", "vrus", "E", "x", "e", "scooters", "O'Neill", "she'll", "MP's"),
        *("Siân", "ß", "Susannah", "Hall", "Halls", "Mr", "St", "Small", "Élan", "TfL"),
    ]
)
GAPS = st.sampled_from([" ", "-", "‑", "  ", "\u00a0", "’s ", "'", " (", ". ", "\u00ad", "\x00"])
SENTENCES = st.lists(st.tuples(WORDS, GAPS), max_size=9).map(
    lambda some: "".join(word + gap for word, gap in some)
)
PARAGRAPHS = SENTENCES | HOSTILE_TEXTS | st.text(max_size=20)
RECORDS = st.lists(
    st.fixed_dictionaries({field: st.lists(PARAGRAPHS, max_size=3) for field in FIELDS}),
    max_size=4,
)
#: Record, field, hash of a word in one sense, its position, the position after it.
Standing = tuple[int, str, int, int, int]


def one_by_one(records: list[dict[str, list[str]]]) -> set[Standing]:
    found = set()
    base = 0
    for number, texts in enumerate(records):
        prepared = prepare_fields(texts)
        for key, spans in prepared.positions_by_key.items():
            sense = {"~": STEM, "@": NAME, "^": CAPITALS}.get(key[0], 0)
            [code] = hash_words([key.lstrip("~@^") if sense else key])
            if sense:
                [code] = rehash_as_sense(hash_words([key[1:]]), sense)
            for start, end in spans.items():
                place = prepared.places[start]
                found.add((number, place.field, int(code), base + start, base + end))
        base += len(prepared.places)
    return found


def at_once(records: list[dict[str, list[str]]]) -> set[Standing]:
    batch = read_batch(records, FIELDS, WordSenses())
    found = set()
    position = {int(token): at for at, token in enumerate(batch.token_at) if token >= 0}
    position |= {batch.first_compound + n: int(at) for n, at in enumerate(batch.compound_positions)}
    for token, word in enumerate(batch.word):
        for senses in (batch.words, batch.stems, batch.capitals):
            if senses[word]:
                at, after = position[token], int(batch.after[token])
                field = FIELDS[batch.field[token]]
                found.add((int(batch.record[token]), field, int(senses[word]), at, after))
    # A word and a compound that begin together may share a stem; prepare_texts keeps the shorter.
    shortest: dict[tuple[int, str, int, int], int] = {}
    for record, field, sense, at, after in sorted(found, reverse=True):
        shortest[record, field, sense, at] = after
    return {(*standing, after) for standing, after in shortest.items()}


@settings(max_examples=count_examples(500))
@given(RECORDS)
@pytest.mark.slow
def test_both_tokenizers_find_the_same_words(records: list[dict[str, list[str]]]) -> None:
    assert at_once(records) == one_by_one(records)


@pytest.mark.slow
@given(RECORDS)
def test_every_word_is_where_its_batch_says(records: list[dict[str, list[str]]]) -> None:
    batch = read_batch(records, FIELDS, WordSenses())
    words = [
        batch.text[start : start + length].decode()
        for start, length in zip(batch.starts, batch.lengths, strict=True)
    ]
    assert list(hash_words(words)) == list(batch.words)


def list_texts(pieces: Sequence[str], size: int) -> list[str]:
    """Every text of up to ``size`` pieces."""
    return ["".join(some) for count in range(size + 1) for some in product(pieces, repeat=count)]


#: Pieces that decide where a word ends, what is linked and how it is printed; how many of them.
ODD_PIECES = {
    "signs": (("e", "S", "1", ".", ",", "'", "-", " "), 3),
    "numbers": (("1", ",", "."), 6),
    "commas": (("1,000", "1", ",", "a"), 4),
    "initials": (("U", ".k", ".", "'s", "`S", "s", "1", "é"), 3),
    "capitals": (("V", "s"), 8),
    "mixed capitals": (("V", "r", "s", "1"), 4),
    "endings": (("1", "s", "St", "th", "'s", "x", "`S", "-"), 3),
    "spaces": (("x", "NO", "1", " ", "\t", "-", "("), 3),
    "names": (("Mr ", "Ada", "Hall", "HALL", "the", "O'Halls", " ", "-", ". "), 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD_PIECES)
def test_all_odd_texts_are_read_alike(kind: str) -> None:
    pieces, size = ODD_PIECES[kind]
    records = [{"title": [text, text[::-1]]} for text in list_texts(pieces, size)]
    assert at_once(records) == one_by_one(records)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD_PIECES)
def test_a_text_that_ends_the_batch_is_read_alike(kind: str) -> None:
    for text in list_texts(ODD_PIECES[kind][0], 2):
        records = [{"title": [text]}]
        assert at_once(records) == one_by_one(records), text


@pytest.mark.parametrize(
    "text",
    [
        "Mr Quill Halls. Quill Halls",
        "Quill Halls. Mr Quill Halls of Ponds, Quill Halls",
        "Ponds and Mr Quill-Halls, Quill-Halls and Mrs Ponds Quill",
        "Quill Mr Halls Ponds. Ponds Halls",
        "Mr Quill-Halls, Quill-Halls",
    ],
)
def test_names_are_found_in_their_own_run_of_capitals(text: str) -> None:
    records = [{"title": [text]}]
    assert at_once(records) == one_by_one(records)

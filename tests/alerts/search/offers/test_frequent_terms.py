"""What titles are about."""

from __future__ import annotations

from alerts.search import find_frequent_terms


def test_acronyms_phrases_and_long_words_that_many_titles_have() -> None:
    titles = [
        "Night buses in the outer boroughs",
        "Night Buses: drivers’ rest",
        "The cost of night buses",
        "VRU and housing",
        "VRU evaluation",
        "Funding of the VRU (2)",
        "Housing repairs",
        "Housing for carers",
        "Carers and housing",
    ]
    assert find_frequent_terms(titles, 10) == ['"night buses"', "VRU", "housing"]


def test_a_word_counts_once_for_each_title_and_small_words_never() -> None:
    titles = ["Trams, trams and trams", "Of the and to", "The bus", "The bus", "The bus"]
    assert find_frequent_terms(titles, 10) == []
    titles = ["Benches after the winter", "Lamps after this winter", "Paths after every winter"]
    assert find_frequent_terms(titles, 10) == ["winter"]


def test_of_three_words_that_stand_together_one_phrase_is_offered() -> None:
    titles = ["Violence reduction unit", "The violence reduction unit", "Violence Reduction Unit"]
    assert find_frequent_terms(titles, 10) == ['"reduction unit"']

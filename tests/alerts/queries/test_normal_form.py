"""Clauses: a query as choices of which one must hold, as many as are worth keeping."""

from __future__ import annotations

import pytest

from alerts.queries import format_canonical, parse_query
from alerts.queries.normal_form import build_clauses


def _write_clauses(typed: str) -> list[str]:
    """Return the clauses of a query, with ``-`` before what must not be there."""
    return [
        " ".join(("" if is_wanted else "-") + format_canonical(leaf) for leaf, is_wanted in clause)
        for clause in build_clauses(parse_query(typed)).clauses
    ]


@pytest.mark.parametrize(
    ("typed", "clauses", "is_exact"),
    [
        ("bus", ["bus"], True),
        ("bus -gun", ["bus -gun"], True),
        ("bus gun OR VRU", ["VRU", "bus gun"], True),
        ("(bus OR gun) VRU", ["VRU bus", "VRU gun"], True),
        ("bus -(gun tram)", ["bus -gun", "bus -tram"], True),
        ("title:anti-soc*", ['title:"anti" title:soc*', "title:antisoc*"], False),
        ("bus -anti-soc*", ["bus"], False),
        ("low-soc* NEAR/2 bus", ['bus "low" soc*', "bus lowsoc*"], False),
    ],
)
def test_a_query_as_clauses(typed: str, clauses: list[str], is_exact: bool) -> None:
    assert _write_clauses(typed) == clauses
    assert build_clauses(parse_query(typed)).is_exact is is_exact


#: Two choices in each of so many brackets.
_SIX = " ".join(f"(b{letter} OR c{letter})" for letter in "bcdfgh")
_SEVEN = f"{_SIX} (bj OR cj)"


def test_there_are_at_most_64_clauses_and_beyond_that_one_bracket_is_not_asked_for() -> None:
    assert len(set(_write_clauses(_SIX))) == 64
    assert build_clauses(parse_query(_SIX)).is_exact
    assert len(set(_write_clauses(_SEVEN))) == 64
    assert not build_clauses(parse_query(_SEVEN)).is_exact


def test_words_that_must_be_there_and_words_that_must_not_are_kept_beside_many_brackets() -> None:
    clauses = _write_clauses(f"{_SEVEN} vru -gun -(ga gb)")
    assert len(clauses) == 64
    assert all(clause.startswith("vru ") and clause.endswith(" -gun") for clause in clauses)

"""Canonical forms that were damaged in the database are refused, not misread or fatal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.queries import format_canonical, is_readable, parse_canonical, parse_query
from tests.support.query_strategies import HOSTILE_PIECES


@pytest.mark.parametrize(
    "form",
    [
        *("", " ", "(", ")", "()", "(knife", "knife)", '"knife', '""', "*", ":", "title:"),
        *("NOT knife", "knife NOT ", "NOT ", " OR ", "knife OR ", " OR knife", "U.S.", "Tram"),
        *("knife NEAR/5 ", " NEAR/5 knife", "(a1 OR b1) NEAR/5 knife", "knife NEAR/5 (gun)"),
        *("nofield:knife", "knife, gun", "kni?e", "\x00", "knife\x00", "NOT knife OR NOT gun"),
        *("NOT NOT knife", "gun NOT (knife)", "gun OR NOT knife", '" "', '"." knife'),
    ],
)
def test_a_damaged_form_is_refused(form: str) -> None:
    assert not is_readable(form)


@pytest.mark.parametrize(
    "typed",
    [
        *("XNOT knife", "knife NOT (gun OR bus)", 'a NEAR/2 "of it"', "½"),
        *("title:knife NEAR/2 title:gun NEAR/2 title:bus", "title:(knife gun) NOT answer:bus"),
        *("ZOO", "title:ZOO", "title:kni*", 'title:"knives"', 'title:"knife crime"', "ref:2026/1"),
    ],
)
def test_what_was_stored_is_read(typed: str) -> None:
    form = format_canonical(parse_query(typed))
    assert is_readable(form)
    assert parse_canonical(form) == parse_query(typed)


@pytest.mark.slow
@given(st.lists(HOSTILE_PIECES, max_size=6).map("".join))
def test_no_text_has_another_error(form: str) -> None:
    is_readable(form)

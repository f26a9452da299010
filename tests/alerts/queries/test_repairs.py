"""What a refused query may have meant: queries that are accepted, the nearest first."""

from __future__ import annotations

import pytest

from alerts.queries import parse_query, suggest_repairs


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("(knife crime", ["(knife crime)", "knife crime"]),
        ("((knife", ["((knife))", "knife"]),
        ('"knife crime', ['"knife crime"', "knife crime"]),
        ("“knife crime", ['“knife crime"', "knife crime"]),
        ("titel:knife", ["title:knife", '"titel:knife"']),
        ("TITEL:knife", ["title:knife", '"TITEL:knife"']),
        ("nothing:knife", ["knife", '"nothing:knife"']),
        ("knife NEAR crime", ["knife NEAR/5 crime", '"knife NEAR crime"']),
        ("knife w/3 crime", ["knife NEAR/3 crime", '"knife w/3 crime"']),
        ("knife near3 crime", ["knife NEAR/3 crime", '"knife near3 crime"']),
        ("knife !crime", ["knife NOT crime", "knife crime"]),
        ("knife BUT NOT crime", ["knife NOT crime", '"knife BUT NOT crime"']),
        ("knife EXCEPT crime", ["knife NOT crime", '"knife EXCEPT crime"']),
        ("--knife bus", ["-knife bus", "knife bus"]),
        ("knife? bus", ["knife* bus", "knife bus"]),
        ("knife, bus", ["knife OR bus", '"knife, bus"']),
        ("knife OR, bus", ["knife OR bus", '"knife OR, bus"']),
        ("[knife] crime", ["(knife) crime", "knife crime"]),
        ('"knife crime ', ['"knife crime"', "knife crime"]),
        ("knife)", ["knife", '"knife)"']),
        ("titel:(knife)", ["title:(knife)", '"titel:(knife)"']),
        ("(knife) (bus", ["(knife) (bus)", "knife bus"]),
        ("AND knife", ['"AND knife"']),
        ("(knife titel:crime", ['"(knife titel:crime"']),
        ("'knife crime' since:x", ['"knife crime"', "knife crime"]),
        ("kn*", []),
        ("()", []),
        ("", []),
    ],
)
def test_what_is_offered(typed: str, offered: list[str]) -> None:
    assert suggest_repairs(typed) == offered
    for one in offered:
        parse_query(one)


def test_a_query_that_is_refused_for_its_length_alone_has_no_repair() -> None:
    assert suggest_repairs("knife " * 100) == []
    longest = "(" + "wwwwwwwww " * 49
    assert suggest_repairs(longest.ljust(500)) == [f"{longest})", longest[1:].strip()]

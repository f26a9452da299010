"""What the query language refuses, where, and in which words."""

import pytest

from alerts.query import QueryError, canonical, parse


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 0, "at least one word"),
        (" \u00a0\n", 0, "at least one word"),
        ("(" * 100_000, 500, "Shorten"),
        ("vru " * 126, 500, "Shorten"),
        ("vru " * 51, 200, "fewer words"),
        ("(" * 21 + "vru" + ")" * 21, 20, "fewer brackets"),
        (f"knife NOT ({' '.join(f'word{n}' for n in range(49))})", 0, "written out"),
        ("a (knife OR (crime)", 2, "Close the bracket"),
        ("vru) knife", 3, "Take out this bracket"),
        ('vru "knife crime', 4, "Close the double quotes"),
        ("vru ()", 4, "between these brackets"),
        ("vru AND", 4, "after AND"),
        ("OR vru", 0, "before OR"),
        ("vru OR OR knife", 4, "after OR"),
        ("(vru AND) knife", 5, "after AND"),
        ("NOT", 0, "after NOT"),
        ("NOT VRU", 0, "NOT alone"),
        ("NOT vru NOT knife", 0, "NOT alone"),
        ("vru OR NOT knife", 7, "NOT alone"),
        ("NOT (vru knife)", 0, "NOT alone"),
        ("the", 0, "rarer word: “the”"),
        ('"to the" NOT vru', 0, "rarer word: “to the”"),
        ("vru OR (of the)", 8, "rarer word"),
        ("knife & crime", 6, "no letters or digits"),
        ('vru "…"', 4, "no letters or digits"),
        ("vru cycl*", 8, "“*” is not understood yet"),
        ('"knife crim*"', 11, "“*” is not understood yet"),
        ("vru title:knife", 4, "not understood yet"),
        ('asked_by:"Siân Berry"', 0, "not understood yet"),
        ('"knife crime"~5', 13, "not understood yet"),
        ("knife NEAR/5 crime", 6, "not understood yet"),
        ("vru -knife", 4, "not understood yet"),
        ('vru -"knife crime"', 4, "not understood yet"),
        ("vru ‑(knife)", 4, "not understood yet"),
        ("vru|knife", 3, "not understood yet"),
        ("VRU, knife crime", 3, "did you mean two topics, or any of these words"),
        ('VRU,"a, b", 1,000; gun', 3, "did you mean four topics"),
    ],
)
def test_what_is_refused_says_what_to_do_and_points_at_the_place(
    text: str, column: int, says: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    error = caught.value
    assert error.column == column
    assert says in error.message
    assert f"(at character {column + 1})" in str(error)


@pytest.mark.parametrize(
    "text", ["10:30", '"Re: housing"', '"a|b"', "C40", "vru NOT the", "x NOT (y NOT z)"]
)
def test_what_only_looks_refused_is_read(text: str) -> None:
    assert canonical(parse(text))

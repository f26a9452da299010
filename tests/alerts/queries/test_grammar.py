"""What the query language refuses, where, and in which words."""

import pytest

from alerts.queries import QueryError, format_canonical, parse_query


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
        ("vru AND", 4, "after “AND”"),
        ("OR vru", 0, "before “OR”"),
        ("vru OR OR knife", 4, "after “OR”"),
        ("(vru AND) knife", 5, "after “AND”"),
        ("NOT", 0, "after “NOT”"),
        ("NOT VRU", 0, "NOT alone"),
        ("NOT title:vru", 0, "NOT alone"),
        ("NOT vru NOT knife", 0, "NOT alone"),
        ("vru OR NOT knife", 7, "NOT alone"),
        ("NOT (vru knife)", 0, "NOT alone"),
        ("the", 0, "rarer word: “the”"),
        ("to NOT vru", 0, "rarer word: “to”"),
        ("!knife crime", 0, "NOT or “-” before"),
        ("kni?e", 2, "“*” at the end of a word"),
        ("knif! gun", 3, "“*” at the end of a word"),
        ("knif$", 4, "any ending of a word"),
        ("knife /s crime", 6, "knife NEAR/5 crime"),
        ("knife w/5 crime", 6, "knife NEAR/5 crime"),
        ("knife NEAR5 crime", 6, "knife NEAR/5 crime"),
        ("knife BUT NOT crime", 6, "NOT before what"),
        ("'knife crime' gun", 0, "double quotes"),
        ("''knife crime''", 0, "double quotes"),
        ("‹knife crime›", 0, "double quotes"),
        ("「knife crime」", 0, "double quotes"),
        ("knife --crime", 6, "NOT or “-” before"),
        ("knife ——crime", 6, "NOT or “-” before"),
        ("knife &! crime", 6, "NOT or “-” before"),
        ("knife ¬crime", 6, "NOT or “-” before"),
        ("knife ！crime", 6, "NOT or “-” before"),
        ("?knife", 0, "Take out"),
        ("knife？", 4, "Take out"),
        ("(?i)knife", 1, "Take out"),
        ("knife EXCEPT crime", 6, "NOT before what"),
        ("knife WITHOUT crime", 6, "NOT before what"),
        ("knife MINUS crime", 6, "NOT before what"),
        ("knife near/5 crime", 6, "knife NEAR/5 crime"),
        ("knife ONEAR/3 crime", 6, "knife NEAR/5 crime"),
        ("knife w/seg crime", 6, "knife NEAR/5 crime"),
        ("knife ADJ crime", 6, "knife NEAR/5 crime"),
        ("knife AROUND(5) crime", 6, "knife NEAR/5 crime"),
        ("knife(s)", 5, "space before and after brackets"),
        ("colo(u)r", 4, "space before and after brackets"),
        ("ALLCAPS(knife)", 7, "space before and after brackets"),
        ("atleast5(knife)", 8, "space before and after brackets"),
        ("kni_e", 3, "double quotes"),
        ("asked-by:hall", 0, "asked_by:hall"),
        ("+knife crime", 0, "every word must be there"),
        ("knife^2", 5, "no word counts more"),
        ("[knife crime]", 0, "round brackets"),
        ("crime #knife", 6, "means nothing"),
        ('"the" NOT vru', 0, "rarer word: “the”"),
        ('"to the"~5 NOT vru', 0, "rarer word: “to the”"),
        ("vru OR (of the)", 8, "rarer word"),
        ('vru "…"', 4, "no letters or digits"),
        ('"knife crim*"', 11, "out of the quotes"),
        ("vru *", 4, "the beginning of a word"),
        ("cy*ling", 2, "at the end of a word"),
        ("vru cy*", 4, "3 letters or more"),
        ("vru e-s*", 4, "3 letters or more"),
        ("vru titel:knife", 4, "did you mean title:?"),
        ("https://london.gov.uk", 0, "a field that exists (not “https”)"),
        ("title: knife", 0, "right behind the colon"),
        ("title:()", 6, "between these brackets"),
        ("title:NOT knife", 0, "after “title:”"),
        ("kind:speech", 5, "question, supplementary"),
        ("change:(asked OR answerd)", 17, "asked, holding, answered"),
        ("title:the", 6, "rarer word"),
        ("date:2024-01-01", 0, "Leave dates out"),
        ("vru from:2024 to:2025", 4, "Leave dates out"),
        ("vru 2024-01-01..2024-02-01", 4, "Leave dates out"),
        ("knife~5", 5, "behind words in double quotes"),
        ('"knife crime"~', 13, "behind words in double quotes"),
        ('(knife "gun") ~5', 14, "behind words in double quotes"),
        ('vru ("gun")~5', 11, "in double quotes before"),
        ('"knife"~5', 0, "two words or more"),
        ('"knife crime"~51', 13, "from 1 to 50"),
        ("knife NEAR/0 crime", 6, "from 1 to 50"),
        ("knife NEAR crime", 6, "as in knife NEAR/5 crime"),
        ("knife NEAR/5", 6, "after “NEAR/5”"),
        ("NEAR/5 knife", 0, "before “NEAR/5”"),
        ("knife NEAR/5 (crime gun)", 6, "beside NEAR"),
        ("knife NEAR/5 NOT crime", 6, "after “NEAR/5”"),
        ("knife NEAR/5 crime NEAR/6 gun", 6, "the same number"),
        ("title:knife NEAR/5 crime", 12, "one field for both sides"),
        ("-vru", 0, "NOT alone"),
        ("vru | -knife", 6, "NOT alone"),
        ("w" * 65, 0, "64 letters"),
        ("vru a-b-c-d-f-g-h-i", 4, "fewer hyphens"),
        ("vru|", 3, "after “|”"),
        ("VRU, knife crime", 3, "did you mean two topics, or any of these words"),
        ('VRU,"a, b", 1,000; gun', 3, "did you mean four topics"),
        ("tram OR. bus", 5, "Leave a space after"),
        ("VRU OR… knife", 4, "Leave a space after"),
        ("knife AND. gun", 6, "Leave a space after"),
        ("knife (AND/gun)", 7, "Leave a space after"),
        ("NOT*", 0, "Leave a space after"),
    ],
)
def test_what_is_refused_says_what_to_do_and_points_at_the_place(
    text: str, column: int, says: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    error = caught.value
    assert error.column == column
    assert says in error.message
    assert f"(at character {column + 1})" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "10:30",
        '"Re: housing"',
        '"a|b"',
        '"knife NEAR/5 crime"',
        "C40",
        "NEARBY",
        "WHO",
        "vru NOT the",
        "x NOT (y NOT z)",
        "source:london",
        "change:answered",
        "the NEAR/3 knife",
    ],
)
def test_what_only_looks_refused_is_read(text: str) -> None:
    assert format_canonical(parse_query(text))


@pytest.mark.parametrize(
    "typed", ['"Us for Them"', '"to be or not to be"', '"The Who"', 'title:"us too" OR bus']
)
def test_a_phrase_of_stop_words_is_a_phrase(typed: str) -> None:
    """Each word is in nearly every text, the phrase in next to none."""
    assert parse_query(typed) == parse_query(format_canonical(parse_query(typed)))


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("（knife OR gun） crime", "(knife OR gun) crime"),
        ("title：knife", "title:knife"),
        ("kniv＊", "kniv*"),
        ("knife　｜　gun", "knife | gun"),
        ("A & Es", "A&E"),
        ('"knife"crime', '"knife" crime'),
        ("NOT(gun) knife OR(bus)", "NOT gun knife OR bus"),
        ("knife NEAR/5(gun OR bus)", "knife NEAR/5 (gun OR bus)"),
        ('"US"', "US"),
        ('"U.S."', "US"),
        ('"WHO" guidance', "WHO guidance"),
        ("title:(knife NOT gun)", "title:knife NOT title:gun"),
        ("title:(knife -gun | bus)", "(title:knife NOT title:gun) OR title:bus"),
        ("title:(knife NEAR/2 gun)", "title:knife NEAR/2 title:gun"),
        ("KNIFE CRIME", "knife crime"),
        ("GREEN BELT", "green belt"),
        ("KNIFE CRIME IN SUTTON", "knife crime sutton"),
        ("(KNIFE bus) CRIME", "bus crime knife"),
    ],
)
def test_other_ways_to_write_the_same(typed: str, same: str) -> None:
    assert format_canonical(parse_query(typed)) == format_canonical(parse_query(same))


def test_few_words_in_capitals_are_acronyms() -> None:
    for typed in ["KNIFE", "TFL VRU", "AIDS care"]:
        assert format_canonical(parse_query(typed)) == typed


def test_what_only_looks_like_a_sign_of_another_search_box_is_accepted() -> None:
    for typed in [
        "asked_by:hall",
        '"snake_case"',
        "butterflies",
        "BUT knife",
        "N3 W3",
        "24/7",
        "A/B",
    ]:
        parse_query(typed)

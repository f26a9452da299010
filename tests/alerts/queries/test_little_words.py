"""Little words are left out where other words remain, and it is said which."""

from __future__ import annotations

import pytest

from alerts.queries import find_match, format_canonical, list_hints, parse_query


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("buses in Sutton", "buses sutton"),
        ("the cost of the trams", "cost trams"),
        ("title:(the trams)", "title:trams"),
        ("(noise at night) OR tram", "night noise OR tram"),
        ("trams IT", "IT trams"),
        ("trams NOT the", "trams NOT the"),
        ('trams "the"', '"the" trams'),
        ("trams title:the", "title:the trams"),
        ("knife && crime", "crime knife"),
        ("R & D trams", '"r and d" trams'),
        ("crime near schools", "crime schools"),
        ("buses between Lewisham and Catford", "buses catford lewisham"),
        ("near the", "near"),
        ('near "the"', '"the" near'),
        ("near NOT the", "near NOT the"),
        ("questions about knife crime in Croydon", "crime croydon knife"),
        ("the latest news on trams", "trams"),
        ("Tell me about the trams", "trams"),
        ("how many officers (in Bromley)", "bromley officers"),
        ("questions about", "questions"),
        ("news of the World", "world"),
        ("answers for tenants", "answers tenants"),
    ],
)
def test_little_words_are_left_out(query: str, form: str) -> None:
    assert format_canonical(parse_query(query)) == form


@pytest.mark.parametrize("phrase", ["Us for Them", "to the", "US FOR THEM"])
def test_a_phrase_of_little_words_is_a_phrase(phrase: str) -> None:
    query = parse_query(f'"{phrase}"')
    assert find_match(query, {"answer": [f"The campaign {phrase.title()} wrote."]})
    assert not find_match(query, {"answer": ["Them for us"]})


@pytest.mark.parametrize(
    ("query", "hints"),
    [
        ("buses Sutton", []),
        ("crime near schools", [
            "“near” is left out: put words in quotes that have to be there.",
        ]),
        ("questions about crime in Sutton", [
            "“questions” and “about” are left out: put words in quotes that have to be there.",
            "“in” is left out: it is in nearly every text.",
        ]),
        ("buses in Sutton", ["“in” is left out: it is in nearly every text."]),
        (
            "the cost of the trams at night",
            ["“the”, “of” and “at” are left out: they are in nearly every text."],
        ),
        ("tube OR (tram or bus)", [
            "“or” is left out: it is in nearly every text.",
            "Write OR in capitals to find either word.",
        ]),
        ("Tram Or Bus", [
            "“Or” is left out: it is in nearly every text.",
            "Write OR in capitals to find either word.",
        ]),
        ("tram not bus", [
            "“not” is left out: it is in nearly every text.",
            "Write NOT in capitals to leave a word out.",
        ]),
    ],
)  # fmt: skip
def test_it_is_said_what_is_left_out(query: str, hints: list[str]) -> None:
    assert list_hints(query) == hints

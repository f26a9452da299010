"""Many queries and many texts at once: the matcher finds what is found one by one."""

from __future__ import annotations

import pytest

from alerts.matching import Matcher
from alerts.queries import find_match, format_canonical, parse_query
from tests.support.reference_matcher import Texts

#: Each is found in a text of TEXTS, and most of them nearly in another one.
QUERIES = (
    *("knife", "knives", '"knife crime"', "knife crime", "knif*"),
    *("knife NEAR/1 crime", "knife NEAR/2 crime", "knife NEAR/3 crime NEAR/3 rise"),
    *("title:knife NEAR/2 title:crime", '"of the" NEAR/3 knife'),
    *("asked_by:brook NEAR/2 asked_by:ada", "crime NEAR/1 knife", '"knife crime" NEAR/2 rise'),
    *("title:co-oper*", 'title:"e-scooter"'),
    *("knife AND NOT crime", "knife OR bus", "(knife OR bus) AND crime", "NOT knife bus"),
    *("title:knife", "answer:knife", "asked_by:brook", 'asked_by:"ada brook"', "title:knif*"),
    *("VRU", "vru", "V.R.U.", "GLA", '"the GLA"', "NO2", '"NO 2"', "PM2.5", "A&E", "US"),
    *("1,000", "1000", "1,0000", "3.5", "3.50", "35", "20mph", '"20 mph"', "mph", "2nd", "60+"),
    *("e-scooter", "escooter", "scooter", "e-scooter's", "co-op", "coop", "cooperative"),
    *("O'Dowda", "ODowda", "Mayor's", "mayors", "mayor", "U.K.", "UK", "i.e.", "ie", "B1"),
    *("bank", "banks", "baker", "bakers", '"ms banks"', "1990s", "1990", "20s", "mphs", "scooters"),
    *(
        "10,00",
        "2.5",
        "000",
        "1.000",
        "60",
        "e-scooter NEAR/2 card",
        '"vru tell"',
        '"e-scooter card"',
    ),
    *("£1,000", "50%", "café", "cafe", "naïve", "Straße", "strasse", "10:30"),
)
TEXTS: tuple[Texts, ...] = (
    {},
    {"title": ["Knife crime"]},
    {"title": ["Knife"], "question": ["Crime is on the rise"]},
    {"question": ["A knife, and another crime. The rise of knife crime, a rise"]},
    {"question": ["The crime of the knife", "crime"], "answer": ["Knives on a bus"]},
    {"answer": ["Is the knife in", "crime"], "asked_by": ["Ada Brook", "Brook Ada"]},
    {"asked_by": ["Brook", "Ada"], "title": ["Ada Brook, a bus"]},
    {"question": ["The VRU and the G.L.A. tell us of the US"], "answer": ["vru V.R.U.’s gla"]},
    {"answer": ["NO2, no 2, NO 2 and PM2.5 or PM 2.5 at A & E and the A&Es"]},
    {"answer": ["It cost £1,000, or 1000; 1,0000 or 10,00 and 3.5% of 3.50. 35. 3,5"]},
    {"question": ["20mph, 20-mph, 20 mph and the 2nd 60+ card in the B1. B 1. B-1"]},
    {"question": ["An e-scooter, E-Scooters, escooter’s e scooter. The scooter’s co-op coop"]},
    {"answer": ["Mr O’Dowda, O'Dowda, ODowda; the Mayor’s, the mayors` and THE MAYOR."]},
    {"answer": ["The U.K. i.e. the UK. ie. It is U.K.-wide, e.g.: Straße, STRASSE, café, Cafe"]},
    {"answer": ["50% at 10:30 and/or 50 %. Naïve. naive. №", "co-operatives cooperate", "oper co"]},
    {
        "answer": [
            "1,000,000",
            "1,000.50",
            "x1,000",
            "1.000,5",
            "2.5.1",
            "a.b.c",
            "A.B.",
            "...",
            "-",
        ]
    },
)


#: Topics are unique by their form, as in the ledger.
FORMS = sorted({format_canonical(parse_query(query)) for query in QUERIES})


@pytest.fixture(scope="module")
def found() -> dict[int, list[int]]:
    return Matcher(dict(enumerate(FORMS))).match(list(TEXTS)).group_by_topic()


@pytest.mark.parametrize("number", range(len(FORMS)), ids=FORMS)
def test_all_at_once_are_found_as_one_by_one(number: int, found: dict[int, list[int]]) -> None:
    query = parse_query(FORMS[number])
    expected = [place for place, texts in enumerate(TEXTS) if find_match(query, texts)]
    assert found.get(number, []) == expected


def test_most_are_found_somewhere_and_none_everywhere(found: dict[int, list[int]]) -> None:
    assert len(found) > 0.8 * len(FORMS)
    assert max(map(len, found.values())) < len(TEXTS)


#: What ends a text, and with it the batch.
ENDS = (
    *("1,000", "1,00", "1,", "x 1,0", "3.5", "3.", "A.B", "A.B.", "U.K", "U.K.", "U.", "20mph"),
    *("60+", "60", "B 1", "B1", "NO 2", "A&E", "A&", "e-scooter", "e-", "O’", "mayor’s", "mayor’"),
    *("V.R.U", "V.R.U.’s", "PM2.5", "1990`s", "Mr Banks", "Mr Baker-", "50%", "Straße", "café"),
)


@pytest.mark.parametrize("text", ENDS)
def test_the_end_of_a_text_is_read_as_one_by_one(text: str) -> None:
    texts: Texts = {"answer": [text]}
    expected = {n: [0] for n, form in enumerate(FORMS) if find_match(parse_query(form), texts)}
    assert Matcher(dict(enumerate(FORMS))).match([texts]).group_by_topic() == expected


@pytest.mark.parametrize("query", ["knife NEAR/2 crime", "crime NEAR/2 knife"])
def test_words_that_come_far_before_are_not_near(query: str) -> None:
    """Whichever of the two the matcher numbers first."""
    matcher = Matcher({1: format_canonical(parse_query(query))})
    texts = [
        {"question": ["Crime is on the rise in all of the town, without a knife"]},
        {"question": ["A knife is in all of the town, without any crime"]},
        {"question": ["Crime with a knife"]},
        {"question": ["Crime", "A knife"]},
        {"question": ["A knife at a crime"]},
    ]
    assert matcher.match(texts).group_by_topic() == {1: [2, 4]}

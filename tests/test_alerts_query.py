"""The query language: what matches, what is the same topic, and what is refused where."""

from datetime import date

import pytest

from alerts.query import (
    canonical,
    fields,
    find,
    parse,
    prepare,
)
from crawler.records import Addressee, Answer, Asker, Meeting, Question, Speech

# ------------------------------------------------------------------ matching


def marked(query: str, *paragraphs: str) -> list[str] | None:
    """The printed words that a query marks in one field; None when it does not match."""
    found = find(parse(query), {"question": paragraphs})
    if found is None:
        return None
    return [paragraphs[place.paragraph][place.start : place.end] for place in found.places]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("VRU", "approval"),
        ("VRU", "vruum VRUs xVRU"),
        ("shell", "she'll pay"),
        ("ID", "I'd say"),
        ("therapist", "the rapist"),
        ("estate", "and (e) state how"),
        ('"knife crime"', "knife and crime"),
        ('"knife crime"', "crime knife"),
        ('"anti social"', "antisocial"),
        ("knife crime", "knife"),
        ("vru NOT knife", "vru, knife"),
        ("vru NOT (knife OR gun)", "vru gun"),
    ],
)
def test_what_only_looks_alike_does_not_match(query: str, text: str) -> None:
    assert marked(query, text) is None


HYPHENS = "-‐‑‒–—―"


@pytest.mark.parametrize(
    "query", ["e-scooter", "e‑scooter", "escooter", '"e scooter"', "E-Scooter"]
)
@pytest.mark.parametrize(
    "spelling",
    ["escooter", "e scooter", "E\u00a0scooter", *(f"e{hyphen}scooter" for hyphen in HYPHENS)],
)
def test_an_e_scooter_is_one_thing_in_all_spellings(query: str, spelling: str) -> None:
    assert marked(query, f"that {spelling}'s rider") == [spelling]


@pytest.mark.parametrize(
    ("query", "text", "words"),
    [
        (
            "anti-social",
            "anti-social, antisocial, anti social",
            ["anti-social", "antisocial", "anti social"],
        ),
        ("antisocial", "anti-social, antisocial, anti social", ["anti-social", "antisocial"]),
        ("social", "anti-social", ["social"]),
        ("e scooter", "an e-scooter", ["e", "scooter"]),
        ('"anti-social behaviour"', "antisocial behaviour", ["antisocial behaviour"]),
        ('"antisocial behaviour"', "anti‑social behaviour", ["anti‑social behaviour"]),
        ("a-b-c", "ab-c, a bc, ab c", ["ab-c", "a bc", "ab c"]),
        ("scooter", "e-scooter-related", ["scooter"]),
        ("escooter", "e-scooter-related", ["e-scooter"]),
        ('"knife crime"', "knife-crime; knife, crime", ["knife-crime", "knife, crime"]),
        ("buy-in", "pre- and buy‑in ‑ to tackle", ["buy‑in"]),
    ],
)
def test_hyphens(query: str, text: str, words: list[str]) -> None:
    assert marked(query, text) == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("knife crime", ["Knife", "crime", "knife"]),
        ('"knife crime"', ["Knife crime"]),
        ('"knife crime" OR crime', ["Knife crime"]),
        ("knife OR zebra", ["Knife", "knife"]),
        ("knife NOT zebra", ["Knife", "knife"]),
        ("knife NOT (zebra crime)", ["Knife", "knife"]),
        ("zebra OR gun", None),
        ("the knife", ["Knife", "the", "knife"]),
    ],
)
def test_only_what_took_part_is_marked_in_reading_order(
    query: str, words: list[str] | None
) -> None:
    assert marked(query, "Knife crime, and the", "knife") == words


def test_words_may_be_spread_over_fields_but_a_phrase_stays_in_its_paragraph() -> None:
    texts = {"title": ["Knife"], "question": ["crime", "rises"], "answer": ["in London"]}
    found = find(parse("london knife"), texts)
    assert found is not None
    assert [place.field for place in found.places] == ["title", "answer"]
    assert find(parse('"knife crime"'), texts) is None
    assert find(parse('"crime rises"'), texts) is None


QUESTION = Question(
    id="london:/questions/2018/5425",
    source="london",
    reference="2018/5425",
    title="Violent crime",
    asked_by=Asker(name="Siân Berry", printed="Siân Berry AM", party="Greens"),
    asked_of=(Addressee(name="Cressida Dick", printed="Cressida Dick CBE", role="Commissioner"),),
    meeting=Meeting(name="MQT", date=date(2018, 12, 20)),
    category="Policing",
    question=(Speech(speaker="Siân Berry", paragraphs=("One.", "Two.")),),
    answers=(
        Answer(holding=True, speeches=(Speech(paragraphs=("Later.",)),)),
        Answer(speeches=(Speech(paragraphs=("Three.",)), Speech(paragraphs=("Four.",)))),
    ),
    generation="2014",
    digest="sha256:0",
)


def test_the_fields_of_a_question() -> None:
    assert fields(QUESTION) == {
        "title": ["Violent crime"],
        "question": ["One.", "Two."],
        "answer": ["Later.", "Three.", "Four."],
        "asked_by": ["Siân Berry AM"],
        "asked_of": ["Cressida Dick CBE", "Commissioner"],
        "reference": ["2018/5425"],
        "category": ["Policing"],
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ('"sian berry"', "asked_by"),
        ("commissioner", "asked_of"),
        ("2018/5425", "reference"),
        ("four", "answer"),
        ("policing", None),
        ("greens", None),
    ],
)
def test_which_fields_are_searched(query: str, field: str | None) -> None:
    found = find(parse(query), prepare(fields(QUESTION)))
    assert (found and found.places[0].field) == field


# ------------------------------------------------------------------ one canonical form


@pytest.mark.parametrize(
    ("form", "queries"),
    [
        ("vru", ["VRU", " vru ", "((VRU))", '"VRU"', "“vru”", "VRU's", "vru VRU", "NOT NOT vru"]),
        ("crime knife", ["knife crime", "crime AND knife", "(knife) AND (crime knife)"]),
        ("crime vru", ["vru\u00a0crime", "vru crime,"]),
        ('"knife crime"', ['"Knife  crime"', "„knife, crime”"]),
        ("a b OR c", ["c OR (b a)", "(c OR (a AND b)) OR c"]),
        ("(a OR b) c", ["c (a OR b)", "(b OR a) c", "c AND NOT (NOT a NOT b)"]),
        ("vru NOT gun NOT knife", ["vru NOT (knife OR gun)", "NOT gun vru AND NOT knife"]),
        ("escooter", ["e-scooter", "E‑Scooter's", '"e scooter"', '"e-scooter"', "escooter"]),
        ("anti-social", ["Anti–Social", '"anti-social"']),
        ('"anti-social behaviour"', ["“Anti‑social behaviour”"]),
        ("oconnell", ["O'Connell", "O’Connell’s", "OCONNELL"]),
        ("and not or vru", ["vru and or not"]),
        ("andrew north", ["ANDREW NORTH"]),
    ],
)  # fmt: skip
def test_queries_that_mean_the_same_are_one(form: str, queries: list[str]) -> None:
    assert [canonical(parse(query)) for query in [form, *queries]] == [form] * (len(queries) + 1)
    assert len({parse(query) for query in queries}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"knife crime"', "knife crime"),
        ("a b OR c", "a (b OR c)"),
        ("anti-social", "antisocial"),
        ("vru", "vrus"),
        ("vru knife", "vru NOT knife"),
    ],
)
def test_queries_that_differ_stay_apart(one: str, other: str) -> None:
    assert canonical(parse(one)) != canonical(parse(other))

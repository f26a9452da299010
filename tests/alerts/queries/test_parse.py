"""The query language: what matches, and which queries are the same topic."""

from datetime import date

import msgspec
import pytest

from alerts.queries import (
    extract_fields,
    find_match,
    format_canonical,
    infer_changes,
    parse_query,
    prepare_fields,
)
from crawler.records import Addressee, Answer, Asker, Meeting, Question, Speech

# ------------------------------------------------------------------ matching


def marked(query: str, *paragraphs: str) -> list[str] | None:
    """Return the printed words that a query marks in a field, or None if it does not match."""
    found = find_match(parse_query(query), {"question": paragraphs})
    if found is None:
        return None
    return [paragraphs[place.paragraph][place.start : place.end] for place in found.places]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("VRU", "approval"),
        ("VRU", "vruum VRUx xVRU vru Vru"),
        ("WHO", "who, Who"),
        ("IT", "it is its"),
        ('"cyclist"', "cyclists"),
        ("cycl*", "bicycle"),
        ("title:knife", "knife"),
        ('"knife crime"~2', "knife and gun and crime"),
        ("knife NEAR/2 crime", "knife and gun and crime"),
        ("vru -knife", "vru, knife"),
        ("officer", "the office"),
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
        ("the knife", ["Knife", "knife"]),
        ("knives", ["Knife", "knife"]),
        ("kni*", ["Knife", "knife"]),
        ("crime NEAR/3 knife", ["Knife", "crime"]),
        ("crime|zebra", ["crime"]),
        ("question:knife", ["Knife", "knife"]),
    ],
)
def test_only_what_took_part_is_marked_in_reading_order(
    query: str, words: list[str] | None
) -> None:
    assert marked(query, "Knife crime, and the", "knife") == words


@pytest.mark.parametrize(
    ("query", "text", "words"),
    [
        ("VRU", "The VRU, its VRUs and the VRU's", ["VRU", "VRUs", "VRU"]),
        ("VRUs", "The VRU and the vru", ["VRU"]),
        ("vru", "The VRU, VRUs and the vru", ["VRU", "VRUs", "vru"]),
        ("cyclist", "Cyclists and a cyclist's cycle", ["Cyclists", "cyclist"]),
        ("Cyclists", "A cyclist", ["cyclist"]),
        ("buses", "One bus, two Buses", ["bus", "Buses"]),
        ("e-scooters", "an e scooter", ["e scooter"]),
        ("low-traffic*", "low-traffic, low trafficked", ["low-traffic", "low trafficked"]),
        ('"crime knife"~3', "knife and gun crime", ["knife", "crime"]),
        ("knives NEAR/1 (guns | crime)", "a knife or gun; no crime", ["knife", "gun"]),
        ('"knife crime" NEAR/2 gun', "gun and knife crime", ["gun", "knife crime"]),
        ("kill NEAR/1 kill", "kill; kill or kill", ["kill", "kill", "kill"]),
    ],
)
def test_forms_of_words_and_words_near_each_other(query: str, text: str, words: list[str]) -> None:
    assert marked(query, text) == words


def test_words_in_different_paragraphs_are_not_near() -> None:
    assert marked("knife NEAR/5 crime", "a knife", "crime") is None


def test_words_may_be_spread_over_fields_but_a_phrase_stays_in_its_paragraph() -> None:
    texts = {"title": ["Knife"], "question": ["crime", "rises"], "answer": ["in London"]}
    found = find_match(parse_query("london knife"), texts)
    assert found is not None
    assert [place.field for place in found.places] == ["title", "answer"]
    assert find_match(parse_query('"knife crime"'), texts) is None
    assert find_match(parse_query('"crime rises"'), texts) is None


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
        Answer(("Ada Brook",), holding=True, speeches=(Speech(paragraphs=("Later.",)),)),
        Answer(speeches=(Speech(paragraphs=("Three.",)), Speech(paragraphs=("Four.",)))),
    ),
    generation="2014",
    digest="sha256:0",
)


def test_both_forms_of_the_name_of_an_asker_are_found() -> None:
    asker = Asker(name="Ada Brook", printed="Baroness Marl")
    texts = extract_fields(msgspec.structs.replace(QUESTION, asked_by=asker))
    for name in ("ada brook", "baroness marl"):
        assert find_match(parse_query(f'asked_by:"{name}"'), texts)
    assert find_match(parse_query('asked_by:"brook baroness"'), texts) is None


def test_all_that_is_known_of_whom_a_question_is_to_is_found() -> None:
    dick = Addressee(name="Ada Brook", printed="The Head", role="Commissioner")
    texts = extract_fields(msgspec.structs.replace(QUESTION, asked_of=(dick,)))
    assert texts["asked_of"] == ["The Head", "Ada Brook", "Commissioner"]


def test_the_fields_of_a_question() -> None:
    assert extract_fields(QUESTION, infer_changes(QUESTION)) == {
        "title": ["Violent crime"],
        "question": ["One.", "Two."],
        "answer": ["Later.", "Three.", "Four."],
        "asked_by": ["Siân Berry AM"],
        "party": ["Greens"],
        "asked_of": ["Cressida Dick CBE", "Commissioner"],
        "answered_by": ["Ada Brook"],
        "ref": ["2018/5425"],
        "source": ["london"],
        "kind": ["question"],
        "change": ["asked"],
        "attachment": [],
        "status": ["unanswered"],
        "year": ["2018"],
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ('"sian berry"', "asked_by"),
        ("commissioner", "asked_of"),
        ("2018/5425", "ref"),
        ("ref:2018/5425", "ref"),
        ("four", "answer"),
        ("policing", None),
        ("greens", None),
        ("party:greens", "party"),
        ("title:(crimes knife)", None),
        ("title:(crimes | knife)", "title"),
        ("answered_by:brook", "answered_by"),
        ("answer:(one | two)", None),
        ("source:London crime", "title"),
        ("source:LONDON", "source"),
        ("kind:question", "kind"),
        ("kind:supplementary", None),
        ("change:asked violent", "title"),
        ("asked -change:asked", None),
        ("asked", None),
    ],
)
def test_which_fields_are_searched(query: str, field: str | None) -> None:
    found = find_match(
        parse_query(query), prepare_fields(extract_fields(QUESTION, infer_changes(QUESTION)))
    )
    assert (found and found.places[0].field) == field


# ------------------------------------------------------------------ one canonical form


@pytest.mark.parametrize(
    ("form", "queries"),
    [
        ("VRU", ["VRU", " VRU ", "((VRU))", "VRU's", "VRUs", "VRU VRU", "NOT NOT VRU"]),
        ("vru", ["vru", "Vru", "vru’s"]),
        ('"vru"', ['"VRU"', "“vru”", "„Vru's”"]),
        ("cyclist", ["Cyclist", "cyclist's", "CYCLIST"]),
        ("2018", ['"2018"']),
        ("crime knife", ["knife crime", "Crime AND knife", "(knife) AND (crime knife)"]),
        ("VRU crime", ["VRU\u00a0crime", "crime VRU,"]),
        ('"knife crime"', ['"Knife  crime"', "„knife, crime”"]),
        ("b d OR c", ["c OR (d b)", "(c | (d AND b)) || c"]),
        ("(a OR b) c", ["c (a OR b)", "(b OR a) c", "c AND NOT (NOT a NOT b)"]),
        ("vru NOT gun NOT knife", ["vru NOT (knife OR gun)", "-gun vru AND NOT knife"]),
        ("escooters", ["e-scooters", "E‑Scooters'", "escooters"]),
        ('"escooter"', ['"e scooter"', '"e-scooter"']),
        ("anti-social", ["Anti–Social", "anti-social’s"]),
        ('"anti-social behaviour"', ["“Anti‑social behaviour”"]),
        ("oconnell", ["O'Connell", "O’Connell’s", "OConnell"]),
        ("vru", ["vru and or not", "the vru", "vru & of"]),
        ("cycl*", ["CYCL*", "cycl*,"]),
        ("title:crime title:knife", ["title:(knife crime)", "TITLE:knife title:crime"]),
        ("title:b OR title:c", ["title:(b OR c)", "title:((c) OR b)"]),
        ("vru NOT title:gun", ["-title:gun vru"]),
        ("party:greens", ["party:Greens"]),
        ("source:uk-parliament", ["SOURCE:UK-Parliament", 'source:"UK-parliament"']),
        ("change:answered", ['change:"answered"', "change:Answered"]),
        ('ref:"2018 5425"', ["ref:2018/5425"]),
        ('"crime" NEAR/5 "knife"', ['"knife crime"~5', '"crime knife"~5']),
        ("crime NEAR/5 knife", ["knife NEAR/5 Crime"]),
        ("title:crime NEAR/5 title:knife", ["title:(knife NEAR/5 crime)"]),
        ("a NEAR/5 c OR b NEAR/5 c", ["(a OR b) NEAR/5 c"]),
    ],
)  # fmt: skip
def test_queries_that_mean_the_same_are_one(form: str, queries: list[str]) -> None:
    assert [format_canonical(parse_query(query)) for query in [form, *queries]] == [form] * (
        len(queries) + 1
    )
    assert len({parse_query(query) for query in [form, *queries]}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"knife crime"', "knife crime"),
        ("b c OR d", "b (c OR d)"),
        ("anti-social", "antisocial"),
        ("vru", "VRU"),
        ("vru", '"vru"'),
        ("knife crime", "title:knife crime"),
        ('"knife crime"~5', "knife NEAR/5 crime"),
        ("knife NEAR/4 crime", "knife NEAR/5 crime"),
        ("cycl*", "cycl"),
        ("knives", "knife"),  # a name may be one of them
        ("vru knife", "vru NOT knife"),
    ],
)
def test_queries_that_differ_stay_apart(one: str, other: str) -> None:
    assert format_canonical(parse_query(one)) != format_canonical(parse_query(other))

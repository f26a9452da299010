"""One identity for all spellings of a person."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading import names
from crawler.reading.names import clean_name, identify_person, is_known_person, read_asker
from crawler.records import Asker
from tests.support.real_facts import ARE_FACTS_REAL, FACTS_FILE

PEOPLE = Path(names.__file__).with_name("people.toml")

#: Words of no title, honour, office or body, none of which begins so.
WORDS = st.builds(
    str.__add__,
    st.sampled_from("ZŽÉ"),
    st.text("abcdefghijklmnopqrstuvwxyzàéèíñöüç", min_size=1, max_size=8),
)
NAMES = st.lists(WORDS, min_size=2, max_size=4).map(" ".join)
TITLES = st.sampled_from(["", "Dr ", "Sir ", "Dame ", "Lord ", "The Rt Hon ", "Councillor "])
HONOURS = st.sampled_from(["", " AM", " MP", " MBE AM", " CBE (AM)", " AM MP", ", OBE", " DBE QPM"])


@pytest.fixture(scope="module")
def real() -> list[dict[str, Any]]:
    """Facts of real questions of 2000 to 2025, or invented ones where those are not there."""
    return [json.loads(line) for line in FACTS_FILE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("printed", "name", "slug"),
    [
        ("Joanne McCartney", "Joanne McCartney", "joanne-mccartney"),
        ("Joanne McCarthy", "Joanne McCarthy", "joanne-mccartney"),  # misprinted in 2019-2022
        ("Caroline Pidgeon MBE AM", "Caroline Pidgeon", "caroline-pidgeon"),
        ("Caroline Pidgeon, MBE AM", "Caroline Pidgeon", "caroline-pidgeon"),
        ("Valerie Shawcross CBE (AM)", "Valerie Shawcross", "valerie-shawcross"),
        ("Val Shawcross", "Val Shawcross", "valerie-shawcross"),
        ("Kit Malthouse AM MP", "Kit Malthouse", "kit-malthouse"),
        ("Dr Onkar Sahota AM", "Onkar Sahota", "onkar-sahota"),
        ("Dr Sahota", "Dr Sahota", "onkar-sahota"),
        ("Florence Eshalomi MP", "Florence Eshalomi", "florence-eshalomi"),
        ("Gareth Bacon MP", "Gareth Bacon", "gareth-bacon"),
        ("Len Duvall OBE", "Len Duvall", "len-duvall"),
        ("Jennette Arnold OBE (Chair)", "Jennette Arnold", "jennette-arnold"),
        ("Jenny Arnold", "Jenny Arnold", "jennette-arnold"),
        ("Lord Bailey of Paddington", "Lord Bailey of Paddington", "shaun-bailey"),
        ("Lord Bailey of Paddington AM", "Lord Bailey of Paddington", "shaun-bailey"),
        ("Shaun Bailey AM", "Shaun Bailey", "shaun-bailey"),
        ("Siân Berry", "Siân Berry", "sian-berry"),
        ("Sia\u0302n Berry AM", "Siân Berry", "sian-berry"),  # decomposed
        ("Sian Berry", "Sian Berry", "sian-berry"),
        ("Léonie Cooper AM", "Léonie Cooper", "leonie-cooper"),
        ("Leonie Cooper", "Leonie Cooper", "leonie-cooper"),
        ("Steve O’Connell", "Steve O'Connell", "steve-oconnell"),
        ("Steve O'Connell\u00a0AM", "Steve O'Connell", "steve-oconnell"),
        ("Nick\u00a0Rogers", "Nick Rogers", "nicholas-rogers"),
        ("Nicholas Rogers AM", "Nicholas Rogers", "nicholas-rogers"),
        ("The Rt Hon Boris Johnson MP", "Boris Johnson", "boris-johnson"),
        ("Sadiq Khan (Mayor of London)", "Sadiq Khan", "sadiq-khan"),
        ("Andrew Boff AM (Deputy Chairman in the Chair)", "Andrew Boff", "andrew-boff"),
        ("Lord Toby Harris", "Toby Harris", "toby-harris"),
        ("Léonie Ash AM (Deputy Mayor (Fire))", "Léonie Ash", "leonie-ash"),
        ("Liz Peace CBE, Chair, OPDC", "Liz Peace", "liz-peace"),
        ("Rajesh Agrawal Deputy Mayor for Business", "Rajesh Agrawal", "rajesh-agrawal"),
        ("Dame Cresida Dick DBE QPM", "Cresida Dick", "cressida-dick"),
        ("Sir Bernard Hogan-Howe", "Bernard Hogan-Howe", "bernard-hogan-howe"),
        ("Sian\u00a0Berry\u00a0AM", "Sian Berry", "sian-berry"),
        ("Siân Berry MP", "Siân Berry", "sian-berry"),  # relabelled after an election
        ("Kit\u00a0 Malthouse\u00a0AM MP", "Kit Malthouse", "kit-malthouse"),
        ("Darren Johnson AM (Deputy Chairman in the Chair)", "Darren Johnson", "darren-johnson"),
        ("Caroline Pidgeon (Chair)", "Caroline Pidgeon", "caroline-pidgeon"),
        ("Boris Johnson MP (Chairman, TfL)", "Boris Johnson", "boris-johnson"),
        ("Boris Johnson (Chair, TfL)", "Boris Johnson", "boris-johnson"),
        ("Sir Peter Hendy (Commissioner, TfL)", "Peter Hendy", "peter-hendy"),
        ("Peter Hendy (Commissioner, Transport for London)", "Peter Hendy", "peter-hendy"),
        ("Mike Brown MVO (Commissioner, TfL)", "Mike Brown", "mike-brown"),
        ("Liz Peace CBE (Chair, OPDC)", "Liz Peace", "liz-peace"),
        ("Nadhim Zahawi MP, Under-Secretary of State", "Nadhim Zahawi", "nadhim-zahawi"),
        ("Councillor Georgia Gould, Board Member", "Georgia Gould", "georgia-gould"),
        (
            "Barbara Cassani (Chair of the Olympic Bid Company)",
            "Barbara Cassani",
            "barbara-cassani",
        ),
        (
            "Dame Cressida Dick DBE QPM, Commissioner of Police of the Metropolis",
            "Cressida Dick",
            "cressida-dick",
        ),
    ],
)
def test_one_person_under_every_printing(printed: str, name: str, slug: str) -> None:
    assert clean_name(printed) == name
    assert identify_person(printed) == slug


@pytest.mark.parametrize(
    "printed",
    ["The Mayor", "Mayor of London", "The Chair", "Chair, London Assembly", "", " \u00a0 "],
)
def test_an_office_is_no_person(printed: str) -> None:
    assert identify_person(printed) is None
    assert clean_name(printed) == printed.strip()


@pytest.mark.slow
@given(NAMES, TITLES, HONOURS)
def test_a_name_is_the_same_person_in_any_dress(name: str, title: str, honours: str) -> None:
    plain = identify_person(name)
    dressed = f"{title}{name}{honours}"
    assert plain
    assert clean_name(dressed) == name
    for printed in (dressed, dressed.upper(), dressed.lower(), dressed.replace(" ", "\u00a0")):
        assert identify_person(printed) == plain
    assert identify_person(name.translate(str.maketrans("ŽÉàéèíñöüç", "ZEaeeinouc"))) == plain


@pytest.mark.slow
@given(st.text() | NAMES)
def test_a_person_is_its_own_identity(printed: str) -> None:
    slug = identify_person(printed)
    assert slug is None or identify_person(slug) in {slug, None}
    assert clean_name(clean_name(printed)) == clean_name(printed) or not slug


def test_the_list_of_people_contradicts_itself_nowhere() -> None:
    people = tomllib.loads(PEOPLE.read_text(encoding="utf-8"))["person"]
    spellings = [s for p in people for s in {p["name"], *p.get("also", ())}]
    assert len({p["id"] for p in people}) == len(people)
    assert len({s.casefold() for s in spellings}) == len(spellings)
    for entry in people:
        assert {identify_person(s) for s in (entry["name"], *entry.get("also", ()))} == {
            entry["id"]
        }
        assert identify_person(entry["id"]) == entry["id"]


def test_reads_an_asker() -> None:
    assert read_asker("Caroline\u00a0Pidgeon MBE AM ", " Liberal Democrats ") == Asker(
        "Caroline Pidgeon", "Caroline Pidgeon MBE AM", "Liberal Democrats", "caroline-pidgeon"
    )
    assert read_asker("Ada O’Brook", "") == Asker("Ada O'Brook", "Ada O’Brook", None, "ada-obrook")


def test_knows_every_asker_of_the_real_questions(real: list[dict[str, Any]]) -> None:
    askers = {fact["question_by"] for fact in real if fact["question_by"]}
    unknown = {name for name in askers if not is_known_person(identify_person(name))}
    assert unknown == (set() if ARE_FACTS_REAL else askers)  # invented people are not in the table

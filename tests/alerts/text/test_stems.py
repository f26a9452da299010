"""Stems join the inflected forms of a word, and keep apart what only looks like one."""

from __future__ import annotations

from importlib import resources

import pytest

from alerts.text import find_common_start, stem

#: Words that a reader keeps apart; Snowball's stemmer joins most of these pairs.
_APART = """
refugees refuge, commissioner commission, wholesale whole, consultants consultation,
publications public, electricity electric, escalators escalation, cooperative cooper,
officer office, housing house, planning plan, authority author, business busy,
hospital hospitality, important import, several sever, relative relation, university universe,
policy police, generate general, communal community, communities communist,
internal international, experiment experience, news new, united unit, customs custom, arms arm,
parking park, training train, lighting light, crossing cross, building build, meeting meet,
evening even, wedding wed, trafficking traffic, premises premise, operative operation,
secretary secret, ration rational, moped mope, minister ministry, executive execution,
emergency emerge, custody custodian, migrants migration, residents residential,
tenants tenancy, animals animate, contents contention, councillor council, pollution pollute,
vaccination vaccine, market marketing, shop shopping, ship shipping, mean meaning, live living,
nurse nursing, list listing, counsel counselling, stand standing
"""
#: Forms of one word.
_JOINED = """
bus buses, knife knives, tram trams, policy policies, party parties, woman women, child children,
thief thieves, house houses, church churches, box boxes, class classes, virus viruses,
crisis crises, analysis analyses, cycle cycling, cycle cycled, stab stabbing, stab stabbed,
plan planned, fund funding, fund funded, flood flooding, rent rented, evict evicting,
assault assaulted, arrest arrested, recycle recycling, charge charging, close closed,
close closing, mug mugging, travel travelled, cancel cancelled, install installed, build built,
pay paid, teach taught, steal stolen, buy bought, drive driven, spend spent, refugee refugees,
commissioner commissioners, consultant consultants, escalator escalators, officer officers,
library libraries, cyclist cyclists, taxi taxis, video videos, scooter scooters, vape vaping,
police policing, burgle burgled, harass harassed, gamble gambling, smoke smoking,
commute commuting, litter littering, pollute polluted, demolish demolished,
refurbish refurbished, vaccinate vaccinated, nurse nurses, paramedic paramedics,
estate estates, strike struck, freeze freezing, tree trees, skate skating, repair repaired,
hire hiring, monitor monitored, deliver delivering, localise localised, ebike ebikes,
wharf wharves, die died, die dying, lens lenses, listing listings
"""


def _pairs(text: str) -> list[tuple[str, ...]]:
    return [tuple(pair.split()) for pair in text.split(",")]


@pytest.mark.parametrize(("one", "other"), _pairs(_APART))
def test_derived_words_are_kept_apart(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(("word", "form"), _pairs(_JOINED))
def test_inflected_forms_are_one(word: str, form: str) -> None:
    assert stem(word) == stem(form)
    assert form.startswith(find_common_start(word))
    assert word.startswith(find_common_start(form))


def _list_possible_forms() -> set[str]:
    words = (resources.files("alerts.text") / "words.txt").read_text().split()
    inflections = (resources.files("alerts.text") / "inflections.txt").read_text().split()
    forms = {*words, *inflections}
    for word in words:
        forms |= {word + ending for ending in ("s", "es", "d", "ed", "ing", "ies", "ied")}
        forms |= {word + word[-1] + ending for ending in ("ed", "ing")}
        forms |= {word[:-1] + ending for ending in ("ing", "ies", "ied", "ves")}
        forms.add(f"{word[:-2]}ves")
    return forms


@pytest.mark.slow
def test_every_form_begins_like_its_stem() -> None:
    """Paragraphs are left out of a search by these letters: ``fl`` of *fly* and *flies*."""
    assert [form for form in _list_possible_forms() if not begins_alike(form)] == []


def begins_alike(form: str) -> bool:
    return form.startswith(find_common_start(form))


def test_a_stem_is_never_a_stop_word() -> None:
    assert (stem("thes"), stem("of"), stem("its")) == ("thes", "of", "its")

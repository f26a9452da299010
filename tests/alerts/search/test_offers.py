"""What a preview offers: other forms with what they add, spellings, names, and a narrower topic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from alerts.ledger import Ledger
from alerts.queries import format_canonical, parse_query
from alerts.search import (
    Preview,
    apply_suggestions,
    build_preview,
    find_suggestions,
    index_questions,
    search_questions,
)
from alerts.search.known_forms import list_files, load_file
from crawler.records import Answer, Asker, Meeting, Question, Speech
from tests.alerts.search.test_search import put
from tests.support.samples import make_question

TODAY = date(2026, 7, 16)
NOW = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
SAID = [
    "Knife crime and the Violence Reduction Unit (VRU).",
    "The Violence Reduction Unit (VRU) and its grants.",
    "The violence reduction unit has no short name here.",
    "Buses of Transport for London (TfL).",
    "Trams of Transport for London (TfL).",
    "TfL has closed a stop.",
    "TfL has opened a stop.",
    "The London Fire Brigade has new engines.",
    "A fire station in Sutton.",
    "Two fire stations in Ealing.",
    "The fire was out before they reached the station master.",
    "The pandemic changed how people travel.",
    "Coronavirus testing at the depot.",
    "Officers of the MPS attended.",
    "Who met whom at the meeting?",
    "Stacking chairs. I should like to come.",
]


@pytest.fixture(scope="module")
def archive(shared_ledger: Ledger) -> Ledger:
    """A ledger with questions, shared by the tests that only ask of it."""
    return fill_archive(shared_ledger)


def fill_archive(ledger: Ledger) -> Ledger:
    lime = Asker("Leonie Marlowe", "Leonie Marlowe AM", "Riverside Group", "leonie-marlowe")
    named = make_question(50, words="What of the paint?", asked_by=lime)
    fill(ledger, NOW, [*(make_question(n, words=said) for n, said in enumerate(SAID, 1)), named])
    return ledger


def fill(ledger: Ledger, now: datetime, records: Sequence[Question]) -> None:
    put(ledger, now, records)
    index_questions(ledger)


def preview(ledger: Ledger, query: str) -> Preview:
    with ledger.reading() as connection:
        return build_preview(connection, query, TODAY)


@pytest.mark.parametrize(
    ("query", "sentence", "widened"),
    [
        ("VRU", "VRU is also written Violence Reduction Unit: 1 more question.",
         '"violence reduction unit" OR VRU'),
        ('"Transport for London" -tram',
         "transport for london is also written TfL: 2 more questions.", None),
        ("Transport for London", "london transport is also written TfL: 2 more questions.",
         "(london transport) OR tfl"),
        ("Transport for London -tram", "london transport is also written TfL: 2 more questions.",
         None),
        ("title:VRU", None, None),
        ("KNIFE", "KNIFE is nowhere in capitals; in any letters (knife): 1 more question.",
         "KNIFE OR knife"),
        ("title:KNIFE", None, None),
        ('"violence reduction unit"', None, None),
        ("LFB", "LFB is also written London Fire Brigade: 1 more question.",
         '"london fire brigade" OR LFB'),
        ("covid", "For covid, people also write pandemic: 1 more question.", None),
        ("coronavirus depot", None, None),
        ("the Met", "For met, people also write MPS: 1 more question.", "MPS OR met"),
        ("meeting", None, None),
        ('"fire station"',
         "Other forms of the words in “fire station” (fire NEAR/1 station): 1 more question.",
         '"fire station" OR fire NEAR/1 station'),
    ],
)  # fmt: skip
def test_a_form_is_offered_with_what_it_adds(
    archive: Ledger, query: str, sentence: str | None, widened: str | None
) -> None:
    asked = parse_query(query)
    with archive.reading() as connection:
        offers = {one.sentence: one for one in find_suggestions(connection, asked)}
        before = search_questions(connection, asked, 0).total
        for one in offers.values():
            after = search_questions(connection, parse_query(one.query), 0).total
            assert after == one.added + (before if one.kind != "instead" else 0)
    assert apply_suggestions(asked, []) == asked
    if sentence is None:
        assert offers == {}
    elif widened is not None:
        applied = format_canonical(apply_suggestions(asked, [offers[sentence]]))
        assert parse_query(applied) == parse_query(widened)
        assert parse_query(offers[sentence].query) == parse_query(widened)
    else:
        assert sentence in offers


def test_a_word_that_is_also_another_one_can_be_replaced(archive: Ledger) -> None:
    asked = parse_query("the Met")
    with archive.reading() as connection:
        offers = find_suggestions(connection, asked)
        (precise,) = [one for one in offers if one.kind == "instead"]
        assert precise.sentence == (
            "met is also another word. "
            "To find the Met OR Met Police OR MPS in its place: 1 question."
        )
        applied = apply_suggestions(asked, offers)
        assert format_canonical(applied) == '"met police" OR "the met" OR MPS'
        assert search_questions(connection, applied, 0).total == 1


def test_all_forms_can_be_accepted_together(archive: Ledger) -> None:
    asked = parse_query("covid")
    with archive.reading() as connection:
        offers = find_suggestions(connection, asked)
        applied = apply_suggestions(asked, offers)
        assert search_questions(connection, applied, 0).total == sum(one.added for one in offers)
        assert find_suggestions(connection, applied) == []
    assert len(offers) == 2


def test_forms_of_a_source_that_is_not_read_are_not_offered(ledger: Ledger, now: datetime) -> None:
    other = make_question(1, words="The pandemic.", source="elsewhere", id="elsewhere:/1")
    fill(ledger, now, [other])
    assert preview(ledger, "covid").suggestions == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", list_files())
def test_a_data_file_holds_queries_and_says_where_names_are_from(name: str) -> None:
    known = load_file(name)
    for body in known.bodies:
        assert body.source in known.sources
        assert len(body.names) > 1
    forms = [form for concept in known.concepts for form in concept.forms]
    assert all(form.judged for form in forms)
    written = [
        *(name for body in known.bodies for name in body.names),
        *(typed for concept in known.concepts for typed in concept.typed),
        *(form.query for form in forms),
    ]
    for query in written:
        parse_query(query)


@pytest.mark.parametrize("typed", ["stabbing", "lime", "ACM", "IA", "crime -crime", "stocking"])
def test_no_spelling_is_suggested_for_what_was_meant(archive: Ledger, typed: str) -> None:
    """Words of the language, words that the archive has, and acronyms of a few letters."""
    assert [one.nearest for one in preview(archive, typed).unknown_words if one.nearest] == []


@pytest.mark.parametrize(
    "typed",
    ["Leonie Marlow", "marlow leonie", "Leony Marlowe", "Marlowe Leonie paint tin", "marlow"],
)
def test_members_names_are_tried_when_nothing_is_found(archive: Ledger, typed: str) -> None:
    shown = preview(archive, typed)
    if "tin" in typed:
        assert not any(one.is_name for one in shown.unknown_words)
        return
    (one,) = shown.unknown_words
    assert (one.nearest, one.questions, one.query) == ("Leonie Marlowe", 1, '"leonie marlowe"')


@pytest.mark.slow
def test_a_topic_is_too_broad_by_its_share_and_the_field_is_named(
    ledger: Ledger, now: datetime
) -> None:
    """Twelve a day are too few for any limit by number, and all there is."""
    answer = Answer(("The Mayor",), speeches=(Speech("The Mayor", ("It is so.",)),))
    some = [
        make_question(
            n,
            *([answer] if n % 2 else []),
            words="A mayor spoke." if n < 8 else "Benches.",
            meeting=Meeting("MQT", TODAY - timedelta(days=n % 30)),
        )
        for n in range(1, 360)
    ]
    fill(ledger, now, some)
    breadth = preview(ledger, "mayor").breadth
    assert breadth is not None
    assert (round(breadth.per_week), breadth.share) == (87, 1.0)
    assert breadth.fields == ("asked_of",)
    assert breadth.sentences[1] == "Most of them have mayor in the field asked_of."
    assert breadth.narrower == "answer:mayor OR question:mayor OR title:mayor"
    assert round(breadth.narrower_per_week) == 2
    assert preview(ledger, breadth.narrower).breadth is None
    assert preview(ledger, "title:7").breadth is None
    assert preview(ledger, "benches").breadth is not None


def test_a_few_questions_are_never_too_broad(ledger: Ledger, now: datetime) -> None:
    fill(ledger, now, [make_question(n, words="Benches.") for n in range(1, 6)])
    assert preview(ledger, "mayor").breadth is None


def test_a_hit_only_by_a_name_is_said(ledger: Ledger, now: datetime) -> None:
    archive = fill_archive(ledger)
    (shown,) = preview(archive, "marlowe").latest
    assert shown.only_names == ("Leonie Marlowe AM",)
    assert preview(archive, "paint").latest[0].only_names == ()
    assert preview(archive, "marlowe paint").latest[0].only_names == ()
    said = msgspec.structs.replace(make_question(60), title="Christopher Marlowe")
    fill(archive, now, [said])
    by_id = {one.question.id: one.only_names for one in preview(archive, "marlowe").latest}
    assert by_id["london:/questions/60"] == ()

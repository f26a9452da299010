"""Search, preview and offers over a real index of words, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest

from alerts.ledger import Ledger, changes, matches, questions, topics
from alerts.ledger import word_index as words
from alerts.matching.decide import Told
from alerts.matching.match_changes import Watcher
from alerts.queries.fields import news
from alerts.queries.parse import canonical, parse
from alerts.recording.record import Reading, Rules, record
from alerts.search.explain import met
from alerts.search.index import write_words
from alerts.search.preview import preview
from alerts.search.search import Budget, search
from alerts.search.suggestions import include, offers
from crawler.records import Meeting, Question
from tests.support.evaluator import matches as is_match
from tests.support.samples import answer, question

TODAY = date(2026, 7, 16)
SAID = [
    "Knife crime in the Violence Reduction Unit (VRU).",
    "The Violence Reduction Unit (VRU) and e-scooters.",
    "A violence reduction unit (VRU); anti-social buses, knives.",
    "Who asked the WHO about vru? Siân’s council did.",
    "Antisocial behaviour on the 73 bus: crime with a knife.",
    "Transport for London (TfL) and its e scooters; don’t ask.",
    "Transport for London (TfL) on the low-traffic-zone.",
    "½ of the łódź; crime, crimes.",
]
ASKED = [
    *("knife", "VRU", "vru", "WHO", "crime -knife", '"violence reduction unit"', "VRU OR WHO"),
    *("escooter", "anti-social", "antisocial", "kni*", "łód*", "½", "crime NEAR/3 knife"),
    *("title:2", "question:knife", "answer:bus", "party:riverside knife", 'ref:"2026/0003"'),
    *("knife -title:1", "change:answered bus", "knife -change:asked", "asked_by:ada crime"),
    *("kind:question bus", "source:london -knife", "nothing*", "don't", "low-traf*"),
]


@pytest.fixture
def archive(ledger: Ledger, now: datetime) -> Ledger:
    put(ledger, now, [question(n, words=said) for n, said in enumerate(SAID, 1)])
    put(ledger, now, [question(5, answer("The bus has a camera."), words=SAID[4])])
    write_words(ledger)
    return ledger


def put(ledger: Ledger, now: datetime, records: Sequence[Question]) -> None:
    with ledger.writing() as connection:
        record(connection, [Reading(one) for one in records], now, Rules())


def found(ledger: Ledger, query: str) -> list[str]:
    with ledger.reading() as connection:
        some = search(connection, parse(query), 1000)
    assert some.total == len(some.newest)
    return sorted(dated.question_id for dated in some.newest)


@pytest.mark.parametrize("query", ASKED)
def test_all_ways_to_ask_give_the_same_answer(archive: Ledger, now: datetime, query: str) -> None:
    """Search, explain, preview, alerting, and the plain evaluator."""
    with archive.reading() as connection:
        ids = [dated.question_id for dated in words.having(connection, None)]
        records = list(questions.all_of(connection, ids))
        previewed = preview(connection, query, TODAY)
    told = [Told(one, news(one)) for one in records]
    plainly = sorted(
        one.question.id
        for one in told
        if any(is_match(parse(query), texts) for texts in one.texts(by_change=True))
    )
    assert found(archive, query) == plainly
    assert sorted(one.question.id for one in told if met(parse(query), one) is not None) == plainly
    assert previewed.ever == len(plainly)
    assert sorted(one.question.id for one in previewed.latest) == plainly[-5:]
    assert alerted(archive, now, query) == plainly


def alerted(ledger: Ledger, now: datetime, query: str) -> list[str]:
    with ledger.writing() as connection:
        topic = topics.ensure(connection, canonical(parse(query)), query, now)
    Watcher(ledger).match_new()
    with ledger.reading() as connection:
        numbers = matches.newest(connection, topic.id, 1000)
        return sorted({c.change.after.id for c in changes.get(connection, numbers).values()})


def test_what_is_read_anew_is_found_by_its_new_words(archive: Ledger, now: datetime) -> None:
    put(archive, now + timedelta(hours=1), [question(1, words="Benches.")])
    assert write_words(archive) == 1
    assert found(archive, "benches") == ["london:/questions/1"]
    assert "london:/questions/1" not in found(archive, "knife")
    assert write_words(archive) == 0


def test_a_preview_counts_by_the_days_of_questions(ledger: Ledger, now: datetime) -> None:
    days = [0, 1, 6, 8, 40, 400, 800, -14]  # the last is of a meeting to come: it is today's
    put(
        ledger,
        now,
        [
            question(n, words="Benches.", meeting=Meeting("MQT", TODAY - timedelta(days=back)))
            for n, back in enumerate(days, 1)
        ],
    )
    write_words(ledger)
    with ledger.reading() as connection:
        shown = preview(connection, "bench", TODAY)
    assert (shown.last_7_days, shown.last_365_days, shown.ever) == (4, 6, 8)
    assert shown.last == TODAY
    assert [one.question.id.rpartition("/")[2] for one in shown.latest] == ["8", "1", "2", "3", "4"]
    months = {first.isoformat(): number for first, number in shown.months.items() if number}
    assert months == {"2026-07-01": 5, "2026-06-01": 1, "2025-06-01": 1}
    assert len(shown.months) == 25
    assert not shown.is_too_broad
    assert shown.a_day == pytest.approx(6 / 365)


def test_what_is_too_broad_is_said(ledger: Ledger, now: datetime) -> None:
    put(ledger, now, [question(n, meeting=None) for n in range(1, 40)])
    write_words(ledger)
    with ledger.reading() as connection:
        assert preview(connection, "mayor", TODAY).is_too_broad
        assert not preview(connection, "title:7", TODAY).is_too_broad


@pytest.mark.parametrize(
    ("typed", "word", "nearest"),
    [
        ("knief", "knief", "knife"),
        ("VRO", "VRO", "VRU"),
        ("antisociel", "antisociel", "antisocial"),
        ("councilling OR cuoncil", "cuoncil", "council"),
        ('"violence redaction"', "redaction", "reduction"),
        ("zzzzz", "zzzzz", None),
    ],
)
def test_a_word_never_seen_has_a_nearest_one(
    archive: Ledger, typed: str, word: str, nearest: str | None
) -> None:
    with archive.reading() as connection:
        unknown = {one.word: one.nearest for one in preview(connection, typed, TODAY).unknown}
    assert unknown[word] == nearest


def test_words_that_are_seen_but_never_together_are_not_unknown(archive: Ledger) -> None:
    with archive.reading() as connection:
        shown = preview(connection, "behaviour łódź", TODAY)
    assert (shown.ever, shown.unknown) == (0, ())


@pytest.mark.parametrize(
    ("query", "sentence", "widened"),
    [
        (
            "VRU",
            "VRU is also written Violence Reduction Unit: 3 questions.",
            '"violence reduction unit" OR VRU',
        ),
        (
            '"violence reduction unit" crime',
            "violence reduction unit is also written VRU: 3 questions.",
            '("violence reduction unit" OR VRU) crime',
        ),
        (
            "TfL -(VRU OR bus)",
            "tfl is also written Transport for London: 2 questions.",
            '("transport for london" OR tfl) NOT VRU NOT bus',
        ),
        ("title:VRU", "title:VRU is also written Violence Reduction Unit: 0 questions.",
         'title:"violence reduction unit" OR title:VRU'),
    ],
)  # fmt: skip
def test_what_an_acronym_stands_for_is_offered_and_never_put_in_unasked(
    archive: Ledger, query: str, sentence: str, widened: str
) -> None:
    asked = parse(query)
    with archive.reading() as connection:
        (offer,) = offers(connection, asked)
        assert offer.sentence == sentence
        assert canonical(include(asked, [offer])) == widened
        assert offers(connection, parse(widened)) == []
    assert include(asked, []) == asked


@pytest.mark.parametrize("query", ["knife", "WHO", "VRU NEAR/3 crime", "-VRU bus"])
def test_nothing_is_offered_without_reason(archive: Ledger, query: str) -> None:
    with archive.reading() as connection:
        assert offers(connection, parse(query)) == []


def test_a_word_of_very_many_letters_is_found(ledger: Ledger, now: datetime) -> None:
    put(ledger, now, [question(1, words="é" * 64 + "ł" * 5000), question(2, words="é" * 64)])
    write_words(ledger)
    assert found(ledger, "é" * 64) == ["london:/questions/2"]
    assert found(ledger, "é" * 63 + "*") == ["london:/questions/1", "london:/questions/2"]
    assert found(ledger, "ł" * 64 + "*") == []


def test_words_are_written_in_parts(archive: Ledger, now: datetime) -> None:
    put(archive, now, [question(n, words="Benches.") for n in range(100, 350)])
    assert write_words(archive, most=150) == 200
    assert write_words(archive, most=150) == 50


def test_a_text_of_very_many_words_is_found(ledger: Ledger, now: datetime) -> None:
    long = " ".join(f"n{n}n" for n in range(30_000))
    put(ledger, now, [question(1, words=long), question(2, words="n7n")])
    write_words(ledger)
    assert found(ledger, "n7n") == ["london:/questions/1", "london:/questions/2"]
    assert found(ledger, "n29999n -n7n") == []


def test_with_little_time_the_rest_is_estimated(ledger: Ledger, now: datetime) -> None:
    """Half of those that have all the words have them in a row: so have about half of all."""
    texts = ["The parish boat sails.", "The boat of the parish sails."]
    some = [
        question(n, words=texts[n % 2], meeting=Meeting(None, date(2026, 1, 1 + n % 27)))
        for n in range(200)
    ]
    with ledger.writing() as connection:
        record(connection, [Reading(one) for one in some], now, Rules())
    write_words(ledger)
    query = parse('"parish boat"')
    with ledger.reading() as connection:
        whole = search(connection, query, 5)
        spent = search(connection, query, 5, Budget(0, iter(range(10)).__next__))
        enough = search(connection, query, 5, Budget(1e9))
    assert (whole.total, whole.is_estimate) == (100, False)
    assert (enough.total, enough.is_estimate) == (100, False)
    assert spent.is_estimate
    assert 80 <= spent.total <= 120
    assert spent.newest == whole.newest

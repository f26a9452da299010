"""Search, preview and suggestions with a real index of words, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from alerts.ledger import Ledger, changes, matches, questions, topics, word_index
from alerts.matching import QuestionChanges, TopicMatcher
from alerts.queries import format_canonical, infer_changes, parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.search import (
    TimeBudget,
    build_preview,
    find_matched_places,
    find_suggestions,
    index_questions,
    list_results,
    parse_position,
    search_changes,
    search_questions,
)
from crawler.records import Meeting, Question
from tests.support.reference_matcher import matches_query as is_match
from tests.support.samples import make_answer, make_question

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


NOW = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth as many are decided at once, so that few questions fill several batches."""
    monkeypatch.setattr("alerts.search.search._CANDIDATE_BATCH", 100)
    monkeypatch.setattr("alerts.search.search._DECISION_BATCH", 5)
    monkeypatch.setattr("alerts.search.changes._BATCH", 10)


@pytest.fixture
def archive(ledger: Ledger) -> Ledger:
    """A ledger with questions, to which the test adds."""
    return fill(ledger)


@pytest.fixture(scope="module")
def asked(shared_ledger: Ledger) -> Ledger:
    """The same, shared by the tests that only ask of it."""
    return fill(shared_ledger)


def fill(ledger: Ledger) -> Ledger:
    put(ledger, NOW, [make_question(n, words=said) for n, said in enumerate(SAID, 1)])
    put(ledger, NOW, [make_question(5, make_answer("The bus has a camera."), words=SAID[4])])
    index_questions(ledger)
    return ledger


def put(ledger: Ledger, now: datetime, records: Sequence[Question]) -> None:
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(one) for one in records], now, RecordingRules()
        )


def found(ledger: Ledger, query: str) -> list[str]:
    with ledger.reading() as connection:
        some = search_questions(connection, parse_query(query), 1000)
    assert some.total == len(some.newest)
    return sorted(dated.question_id for dated in some.newest)


@pytest.mark.parametrize("query", ASKED)
def test_all_ways_to_ask_give_the_same_answer(asked: Ledger, now: datetime, query: str) -> None:
    """Search, explain, preview, the matcher of alerts, and the reference matcher."""
    check_all_agree(asked, now, query)


COMMON = ["The high road to Tottenham.", "Tottenham High Road.", "A road as high as this."]
COMMON_SAID = [
    *COMMON,
    "They are for us. Us, for them? Us for Them.",
    "For us they do it, and for them: us.",
    "Is the high road to the north end green? Green Lane is.",
    "The lane is green, the road is high; the end is north.",
    "North end of the high-road: a lane. Green lanes",
    "High. Road of the north. End of the road.",
]


COMMON_ASKED = [
    *('"us for them"', '"high road"', '"the high road"', '"end of the road"', '"for them us"'),
    *('"green lane"', "green-lane", "high-road -tottenham", '"north end" -"green lane"'),
    *('"us for" OR "lane is green"', "question:high-road", 'title:"us for"', '"of the"'),
    *('"north end" NEAR/2 "high road"', '"high road" NEAR/9 end', '"tottenham high road"'),
    *('("high road" OR "green lane") north', '"highroad"', '"north-end"', '"the road by the"'),
]


@pytest.mark.slow
def test_phrases_of_common_words_have_one_answer(ledger: Ledger, now: datetime) -> None:
    """Most texts have the words of a phrase apart, also across sentences and paragraphs."""
    put(ledger, now, [make_question(n, words=said) for n, said in enumerate(COMMON_SAID, 1)])
    index_questions(ledger)
    for query in COMMON_ASKED:
        check_all_agree(ledger, now, query)


def check_all_agree(ledger: Ledger, now: datetime, query: str) -> None:
    """Check search, explain, preview and alerts against the reference matcher."""
    with ledger.reading() as connection:
        ids = [dated.question_id for dated in word_index.find_questions(connection, None)]
        records = questions.list_records(connection, ids)
        previewed = build_preview(connection, query, TODAY)
    told = [QuestionChanges(one, infer_changes(one)) for one in records]
    parsed = parse_query(query)
    plainly = sorted(
        one.question.id
        for one in told
        if any(is_match(parsed, texts) for texts in one.extract_texts(by_change=True))
    )
    explained = [one.question.id for one in told if find_matched_places(parsed, one) is not None]
    assert found(ledger, query) == plainly
    assert sorted(explained) == plainly
    assert previewed.total == len(plainly)
    assert sorted(one.question.id for one in previewed.latest) == plainly[-5:]
    assert list_all(ledger, query, size=2)[::-1] == plainly
    assert alerted(ledger, now, query) == plainly


def alerted(ledger: Ledger, now: datetime, query: str) -> list[str]:
    with ledger.writing() as connection:
        topic = topics.ensure(connection, format_canonical(parse_query(query)), query, now)
    TopicMatcher(ledger).match_new_changes()
    with ledger.reading() as connection:
        numbers = matches.list_newest(connection, topic.id, 1000)
        return sorted({c.change.after.id for c in changes.get(connection, numbers).values()})


def test_a_question_that_changed_is_found_by_its_new_words(archive: Ledger, now: datetime) -> None:
    put(archive, now + timedelta(hours=1), [make_question(1, words="Benches.")])
    assert index_questions(archive) == 1
    assert found(archive, "benches") == ["london:/questions/1"]
    assert "london:/questions/1" not in found(archive, "knife")
    assert index_questions(archive) == 0


def test_a_preview_counts_by_the_days_of_questions(ledger: Ledger, now: datetime) -> None:
    days = [
        0,
        1,
        6,
        8,
        40,
        400,
        800,
        -14,
    ]  # the last is that of a future meeting, which counts as today
    put(
        ledger,
        now,
        [
            make_question(n, words="Benches.", meeting=Meeting("MQT", TODAY - timedelta(days=back)))
            for n, back in enumerate(days, 1)
        ],
    )
    index_questions(ledger)
    with ledger.reading() as connection:
        shown = build_preview(connection, "bench", TODAY)
    assert (shown.last_7_days, shown.last_365_days, shown.total) == (4, 6, 8)
    assert shown.last_date == TODAY
    assert [one.question.id.rpartition("/")[2] for one in shown.latest] == ["8", "1", "2", "3", "4"]
    months = {first.isoformat(): number for first, number in shown.months.items() if number}
    assert months == {"2026-07-01": 5, "2026-06-01": 1, "2025-06-01": 1}
    assert len(shown.months) == 25
    assert shown.breadth is None
    assert shown.per_day == pytest.approx(6 / 365)


@pytest.mark.parametrize(
    ("typed", "word", "nearest"),
    [
        ("knief", "knief", "knife"),
        ("VRO", "VRO", None),
        ("antisociel", "antisociel", "antisocial"),
        ("councilling OR cuoncil", "cuoncil", "council"),
        ('"violence reducton"', "reducton", "reduction"),
        ("stacking OR knive OR bush", "stacking", None),
        ("zzzzz", "zzzzz", None),
        ("5 million", "5 million", None),
        ("20-mph", "20-mph", None),
        ("anti-sociel", "anti-sociel", "antisocial"),
        ("35%", "35%", None),
        ("35 per cent", "35 per cent", None),
        ("95+", "95+", None),
        ("£77", "77", None),
    ],
)
def test_the_nearest_word_is_suggested_for_an_unknown_one(
    asked: Ledger, typed: str, word: str, nearest: str | None
) -> None:
    with asked.reading() as connection:
        unknown = {
            one.word: one.nearest for one in build_preview(connection, typed, TODAY).unknown_words
        }
    assert unknown[word] == nearest


def test_known_words_that_are_never_together_are_not_unknown(asked: Ledger) -> None:
    with asked.reading() as connection:
        shown = build_preview(connection, "behaviour łódź", TODAY)
    assert (shown.total, shown.unknown_words) == (0, ())


@pytest.mark.parametrize("query", ["knife", "WHO", "VRU NEAR/3 crime", "-VRU bus"])
def test_nothing_is_suggested_without_reason(asked: Ledger, query: str) -> None:
    with asked.reading() as connection:
        assert find_suggestions(connection, parse_query(query)) == []


def test_a_word_of_very_many_letters_is_found(ledger: Ledger, now: datetime) -> None:
    put(
        ledger,
        now,
        [make_question(1, words="é" * 64 + "ł" * 5000), make_question(2, words="é" * 64)],
    )
    index_questions(ledger)
    assert found(ledger, "é" * 64) == ["london:/questions/2"]
    assert found(ledger, "é" * 63 + "*") == ["london:/questions/1", "london:/questions/2"]
    assert found(ledger, "ł" * 64 + "*") == []


@pytest.mark.slow
def test_questions_are_indexed_in_batches(archive: Ledger, now: datetime) -> None:
    put(archive, now, [make_question(n, words="Benches.") for n in range(100, 350)])
    assert index_questions(archive, limit=150) == 200
    assert index_questions(archive, limit=150) == 50


@pytest.mark.slow
def test_a_text_of_very_many_words_is_found(ledger: Ledger, now: datetime) -> None:
    long = " ".join(f"n{n}n" for n in range(30_000))
    put(ledger, now, [make_question(1, words=long), make_question(2, words="n7n")])
    index_questions(ledger)
    assert found(ledger, "n7n") == ["london:/questions/1", "london:/questions/2"]
    assert found(ledger, "n29999n -n7n") == []


def put_common(ledger: Ledger, now: datetime, count: int) -> None:
    """Store questions in which the same common words stand, a third of them as a place name."""
    some = [
        make_question(n, words=COMMON[n % 3], meeting=Meeting(None, date(2026, 1, 1 + n % 27)))
        for n in range(count)
    ]
    put(ledger, now, some)
    index_questions(ledger)


def spend_at_once() -> TimeBudget:
    """Return a budget that is over after the first batch of candidates."""
    return TimeBudget(0, iter(range(1000)).__next__)


@pytest.mark.slow
@pytest.mark.usefixtures("few_at_once")
def test_with_little_time_the_count_says_at_least(ledger: Ledger, now: datetime) -> None:
    put_common(ledger, now, 60)
    query = parse_query("high NEAR/1 tottenham")
    with ledger.reading() as connection:
        whole = search_questions(connection, query, 2)
        spent = search_questions(connection, query, 2, spend_at_once())
        enough = search_questions(connection, query, 2, TimeBudget(1e9))
    assert (whole.total, whole.is_complete) == (20, True)
    assert enough == whole
    assert not spent.is_complete
    assert 2 <= spent.total < 20
    assert (spent.newest, spent.next) == (whole.newest, whole.next)
    assert spent.decided_to is not None
    assert all(
        number == whole.counts_by_day.get(day, 0)
        for day, number in spent.counts_by_day.items()
        if day > spent.decided_to
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    ['"high road"', '"tottenham high road"', "tottenham NEAR/1 high", "question:high-road", "high"],
)
@pytest.mark.parametrize("is_timed", [True, False], ids=["little time", "time enough"])
@pytest.mark.usefixtures("few_at_once")
def test_pages_reach_everything_though_questions_arrive(
    ledger: Ledger, now: datetime, query: str, is_timed: bool
) -> None:
    """New ones shift nothing: no result is given twice, and none is lost."""
    put_common(ledger, now, 30)
    expected = found(ledger, query)
    seen: list[str] = []
    position, parsed = None, parse_query(query)
    for number in range(1000, 2000):
        with ledger.reading() as connection:
            budget = spend_at_once() if is_timed else None
            page = search_questions(connection, parsed, 3, budget, position)
        assert page.next is not None or page.is_complete
        assert page.newest or page.next or seen
        seen += [one.question_id for one in page.newest]
        assert page.total >= len(seen)
        if page.next is None:
            break
        position = parse_position(page.next.format())
        assert position == page.next
        put(ledger, now, [make_question(number, words=COMMON[1], meeting=Meeting(None, TODAY))])
        index_questions(ledger)
    assert sorted(seen) == expected
    assert list_all(ledger, query, size=9) == list_all(ledger, query, size=1000)


def list_all(ledger: Ledger, query: str, size: int) -> list[str]:
    """Return the ids of all results, read page by page as an export does."""
    ids: list[str] = []
    position = None
    with ledger.reading() as connection:
        while True:
            page, position = list_results(connection, parse_query(query), size, position)
            ids += [one.question_id for one in page]
            if position is None:
                return ids
            assert len(page) == size


@pytest.mark.parametrize(
    "text", ["", "0", "x~1~a", "2026-02-31~1~a", "2026-01-01~-1~a", "2026-01-01~1~", "2026-01-01"]
)
def test_a_cursor_that_nobody_gave_is_none(text: str) -> None:
    assert parse_position(text) is None


@pytest.mark.slow
@pytest.mark.usefixtures("few_at_once")
def test_nothing_found_is_not_said_before_all_is_decided(ledger: Ledger, now: datetime) -> None:
    """The only match is older than many questions with the same words."""
    put(ledger, now, [make_question(1, words=COMMON[1], meeting=Meeting(None, date(2001, 5, 1)))])
    put_common_apart(ledger, now, 30)
    query = "tottenham NEAR/1 high"
    with ledger.reading() as connection:
        shown = build_preview(connection, query, TODAY, spend_at_once())
        assert (shown.total, shown.is_complete) == (0, False)
        assert shown.next is not None
        assert shown.decided_to == date(2026, 2, 2)
        assert build_preview(connection, query, TODAY).total == 1
    assert found(ledger, query) == ["london:/questions/1"]


def put_common_apart(ledger: Ledger, now: datetime, count: int) -> None:
    day = Meeting(None, date(2026, 2, 2))
    put(ledger, now, [make_question(n, words=COMMON[0], meeting=day) for n in range(2, count)])
    index_questions(ledger)


def test_a_count_says_at_least_while_questions_are_not_indexed(
    archive: Ledger, now: datetime
) -> None:
    put(archive, now + timedelta(hours=1), [make_question(50, words="A knife.")])
    with archive.reading() as connection:
        before = search_questions(connection, parse_query("knife"), 10)
    index_questions(archive)
    with archive.reading() as connection:
        after = search_questions(connection, parse_query("knife"), 10)
    assert (before.is_complete, after.is_complete) == (False, True)
    assert after.total == before.total + 1


@pytest.mark.slow
@pytest.mark.usefixtures("few_at_once")
def test_changes_of_a_phrase_are_found_behind_many_that_do_not_match(
    ledger: Ledger, now: datetime
) -> None:
    put(ledger, now, [make_question(n, words=COMMON[1]) for n in range(1, 5)])
    put(ledger, now, [make_question(n, words=COMMON[0]) for n in range(5, 70)])
    index_questions(ledger)
    for query in ('"high road" -"road to"', '"tottenham high road"', "tottenham NEAR/1 high"):
        with ledger.reading() as connection:
            listed = search_changes(connection, parse_query(query), 5)
            hasty = search_changes(connection, parse_query(query), 5, budget=spend_at_once())
        assert (listed.numbers, listed.is_complete) == (list(range(4, 0, -1)), True)
        assert hasty.is_complete is (len(hasty.numbers) == 4)


@pytest.mark.parametrize(
    ("typed", "sentence", "query"),
    [
        (
            "KNIFE",
            "No question has KNIFE in capitals. 3 questions have knife in small letters.",
            "knife",
        ),
        (
            "VRU title:MPS OR BUSES OR tram",
            "No question has BUSES in capitals. 2 questions have buses in small letters.",
            "VRU title:MPS OR buses OR tram",
        ),
        (
            'KNIFE NEAR/3 "crime"',
            "No question has KNIFE in capitals. 3 questions have knife in small letters.",
            '"crime" NEAR/3 knife',
        ),
    ],
)
def test_a_word_in_capitals_that_is_found_in_small_letters_is_offered_so(
    asked: Ledger, typed: str, sentence: str, query: str
) -> None:
    with asked.reading() as connection:
        shown = build_preview(connection, typed, TODAY)
    assert [(form.sentence, form.query) for form in shown.small_forms] == [(sentence, query)]
    assert not {one.word for one in shown.unknown_words} & {"KNIFE", "BUSES"}


@pytest.mark.parametrize("typed", ["VRU", "WHO", "IT", "ZEBRA", "knife", "crime -KNIFE", '"KNIFE"'])
def test_other_words_in_capitals_are_not(asked: Ledger, typed: str) -> None:
    with asked.reading() as connection:
        assert build_preview(connection, typed, TODAY).small_forms == ()


def test_titles_in_capitals_do_not_hide_that_a_word_is_no_acronym(
    ledger: Ledger, now: datetime
) -> None:
    put(ledger, now, [make_question(n, words="The fares.") for n in range(1, 21)])
    put(ledger, now, [make_question(21, words="THE FARES ARE HIGH")])
    index_questions(ledger)
    with ledger.reading() as connection:
        [form] = build_preview(connection, "FARES", TODAY).small_forms
    expected = "1 question has FARES in capitals. 21 questions have fares in small letters."
    assert form.sentence == expected


def test_an_acronym_spoken_as_a_word_is_found_in_any_case(ledger: Ledger, now: datetime) -> None:
    put(ledger, now, [make_question(1, words="The Ulez."), make_question(2, words="The ULEZ.")])
    index_questions(ledger)
    assert len(found(ledger, "ULEZ")) == len(found(ledger, "ulez")) == 2
    check_all_agree(ledger, now, "ULEZ")

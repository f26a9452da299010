"""The page of results: its counts are those of the searches that it links to, in every order."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from alerts.ledger import Ledger
from alerts.queries import parse_query, remove_filters, write_filter
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.results import ResultPage, ResultRequest, build_result_page
from alerts.search import (
    SortOrder,
    TimeBudget,
    index_questions,
    parse_position,
    search_questions,
)
from crawler.records import Addressee, Asker, Meeting, Question
from tests.support.samples import HOLDING_TEXT, make_answer, make_question

TODAY = date(2026, 7, 16)
NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)
#: Names that are parts of each other, or the same but for accents and signs.
ASKERS = (
    Asker("Ada Brook", "Ada Brook AM", "Riverside Group", "ada-brook"),
    Asker("Ada Brook-Lane", "Ada Brook-Lane AM", "Riverside", "ada-brook-lane"),
    Asker("Siân Hall", "Sian Hall", "Harbour Group", "sian-hall"),
    Asker("Sian Hall", "Siân Hall AM", "Independent", "sian-hall"),
    Asker("Bo O’Neill “the Third”", "Bo O’Neill “the Third”", None, None),
)
ASKED = (
    (Addressee("The Mayor", "The Mayor"),),
    (Addressee("Cy Marsh", "Cy Marsh (Commissioner)", "Commissioner"),),
    (Addressee("The Mayor", "The Mayor"), Addressee("Cy Marsh", "Cy Marsh", "Commissioner")),
    (),
)
WORDS = ("The tram is late.", "A bus, a tram and another bus.", "Trams on the night bus route.")
QUERIES = (
    "tram",
    "tram OR bus",
    '"night bus"',
    "bus tram",
    "late status:answered",
    'tram asked_by:"Ada Brook"',
    "tram NEAR/3 bus",
    "year:2025",
    "party:riverside tram",
    "change:asked tram",
    "tram -night",
)


def draw_questions(count: int) -> list[Question]:
    draw = random.Random(3)  # noqa: S311  # not for secrets
    found = []
    for number in range(count):
        answers = draw.choice(
            [(), (make_answer("Soon."),), (make_answer(HOLDING_TEXT, holding=True),)]
        )
        day = TODAY - timedelta(days=draw.randrange(900))
        found.append(
            make_question(
                number,
                *answers,
                words=draw.choice(WORDS),
                title=draw.choice(["Tram", "Of buses", "Night bus and tram", "Benches"]),
                asked_by=draw.choice(ASKERS),
                asked_of=draw.choice(ASKED),
                meeting=Meeting("MQT", day) if draw.random() < 0.9 else None,
            )
        )
    return found


@pytest.fixture(scope="module")
def filled(shared_ledger: Ledger) -> Ledger:
    with shared_ledger.writing() as connection:
        readings = [QuestionReading(one) for one in draw_questions(150)]
        record_readings(connection, readings, NOW, RecordingRules())
    index_questions(shared_ledger)
    return shared_ledger


def show(
    ledger: Ledger,
    typed: str,
    order: SortOrder = "newest",
    after: str | None = None,
    limit: int = 7,
) -> ResultPage:
    position = parse_position(after) if after else None
    request = ResultRequest(typed=typed, order=order, after=position, limit=limit)
    with ledger.reading() as connection:
        return build_result_page(connection, request, TODAY, TimeBudget(60))


def find_ids(ledger: Ledger, typed: str) -> list[str]:
    with ledger.reading() as connection:
        found = search_questions(connection, parse_query(typed), 1000)
    return [one.question_id for one in found.newest]


@pytest.mark.slow
@pytest.mark.parametrize("typed", QUERIES)
def test_each_filter_has_the_count_of_the_search_that_it_leads_to(
    filled: Ledger, typed: str
) -> None:
    page = show(filled, typed)
    choices = [choice for group in page.groups for choice in group.choices]
    assert choices
    for choice in choices:
        assert choice.questions == len(find_ids(filled, choice.query)), choice
        assert 0 < choice.questions < page.total.questions
    for used in page.filters:
        assert set(find_ids(filled, typed)) <= set(find_ids(filled, used.without or "tram"))


@pytest.mark.slow
@pytest.mark.parametrize("typed", QUERIES)
@pytest.mark.parametrize("order", ["newest", "relevant", "waiting"])
def test_each_order_reaches_each_result_once(filled: Ledger, typed: str, order: SortOrder) -> None:
    every = find_ids(filled, typed)
    listed: list[Question] = []
    after: str | None = None
    for _ in range(50):
        page = show(filled, typed, order, after, limit=25)
        assert page.first_number == len(listed) + 1
        assert page.total.questions == len(every)
        listed += [excerpt.question for excerpt in page.excerpts]
        after = page.next
        if after is None:
            break
    ids = [question.id for question in listed]
    assert len(ids) == len(set(ids))
    statuses = {question.id: question.status for question in listed}
    if order == "waiting":
        assert "answered" not in statuses.values()
        days = [question.meeting.date for question in listed if question.meeting]
        assert days == sorted(days, key=lambda day: day or date.max)
        with_answer = find_ids(filled, f"({typed}) status:answered")
        assert set(ids) == set(every) - set(with_answer)
    else:
        assert set(ids) == set(every)


def test_a_bookmark_stays_where_it_was(filled: Ledger) -> None:
    first = show(filled, "tram", "relevant")
    again = show(filled, "tram", "relevant", first.next, limit=3)
    assert [one.question.id for one in again.excerpts] == [
        one.question.id for one in show(filled, "tram", "relevant", limit=10).excerpts[7:]
    ]


def test_the_most_relevant_have_the_words_in_their_titles(filled: Ledger) -> None:
    page = show(filled, "night tram", "relevant", limit=100)
    ranks = []
    for excerpt in page.excerpts:
        title = (excerpt.question.title or "").lower()
        has_words = [word in title for word in ("night", "tram")]
        ranks.append(0 if all(has_words) else 1 if any(has_words) else 2)
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}


@pytest.mark.slow
def test_counts_by_month_and_member_add_up(filled: Ledger) -> None:
    page = show(filled, "tram")
    assert sum(page.counts_by_day.values()) == page.total.questions
    unanswered = len(find_ids(filled, "tram (status:unanswered OR status:holding)"))
    assert sum(page.unanswered_by_day.values()) == unanswered
    assert sum(one.questions for one in page.members) == page.total.questions
    assert sum(one.questions - one.answered for one in page.members) == unanswered
    assert [one.questions for one in page.members] == sorted(
        (one.questions for one in page.members), reverse=True
    )
    names = {one.slug for one in page.members}
    assert names == {"ada-brook", "ada-brook-lane", "sian-hall", "bo-oneill-the-third"}


def test_what_is_narrowed_can_be_widened_again(filled: Ledger) -> None:
    page = show(filled, "Tram")
    for group in page.groups:
        narrowed = show(filled, group.choices[0].query)
        [used] = narrowed.filters
        assert (used.field, used.without) == (group.field, "Tram")
        assert narrowed.words == remove_filters(group.choices[0].query) == "Tram"


def test_a_name_that_no_query_can_hold_is_no_filter() -> None:
    assert write_filter("asked_by", "…") is None


def test_too_little_time_counts_what_was_decided(filled: Ledger) -> None:
    request = ResultRequest(typed="tram NEAR/3 bus", limit=7)
    with filled.reading() as connection:
        page = build_result_page(connection, request, TODAY, TimeBudget(-1))
    assert not page.total.is_complete
    assert page.total.questions == sum(page.counts_by_day.values())
    assert page.next is not None

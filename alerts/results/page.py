"""What a page of results shows: the results, counts, filters, and other ways to search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions, word_index
from alerts.ledger.facets import ResultCounts
from alerts.ledger.word_index import DatedQuestion
from alerts.queries import Query, format_canonical, parse_query, remove_filters
from alerts.results.filter_choices import (
    FilterGroup,
    FilterInUse,
    RankedMember,
    build_filter_groups,
    list_filters_in_use,
    rank_members,
)
from alerts.results.other_ways import OtherWays, find_other_ways
from alerts.search import (
    QuestionExcerpt,
    SearchPosition,
    SearchResults,
    SortedResults,
    SortOrder,
    TimeBudget,
    build_excerpt,
    can_be_ranked,
    list_sorted,
    search_questions,
)

_MONTH, _YEAR = timedelta(days=30), timedelta(days=365)


class ResultRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of which results is asked for."""

    typed: str  #: the query as somebody typed it
    order: SortOrder = "newest"
    after: SearchPosition | None = None  #: where the page begins; None for the first
    limit: int  #: results on a page


class PeriodCount(msgspec.Struct, frozen=True):
    """How many results there are of some days."""

    questions: int
    is_complete: bool  #: whether these are all; if not, there are at least so many


class ResultPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the results of a query. It can be empty, and still have a next one."""

    request: ResultRequest
    canonical: str
    words: str  #: the query without its filters; empty if it has nothing else
    excerpts: tuple[QuestionExcerpt, ...]
    first_number: int  #: of the first excerpt among all results, from 1
    next: str | None  #: where the next page begins; None on the last
    total: PeriodCount
    #: Number of results by their day, and of those without an answer.
    counts_by_day: Mapping[date, int]
    unanswered_by_day: Mapping[date, int]
    decided_to: date | None  #: the day down to which questions were compared; None: all
    last_month: PeriodCount  #: the last 30 days
    last_year: PeriodCount  #: the last 365 days
    archive_start: date | None  #: day of the oldest question; None for an empty archive
    filters: tuple[FilterInUse, ...]
    groups: tuple[FilterGroup, ...]
    members: tuple[RankedMember, ...]  #: who asked, the one with the most questions first
    can_be_ranked: bool  #: whether some results can be more relevant than others
    other_ways: OtherWays  #: empty on further pages


def build_result_page(
    connection: Connection, request: ResultRequest, today: date, budget: TimeBudget
) -> ResultPage:
    """Return a page of results.

    Args:
        connection: The ledger.
        request: Which page.
        today: The day that the last month and year end with.
        budget: The time after which no older questions are compared.

    Raises:
        QueryError: What was typed is no query.
    """
    query, after = parse_query(request.typed), request.after
    is_counted = request.order == "newest" and after is None
    found = search_questions(
        connection, query, request.limit if is_counted else 0, budget, with_counts=True
    )
    counts = found.counts or ResultCounts((), ())
    listed = (
        SortedResults(found.newest, found.next)
        if is_counted
        else list_sorted(connection, query, request.order, request.limit, budget, after)
    )
    start = word_index.get_first_day(connection)
    return ResultPage(
        request=request,
        canonical=format_canonical(query),
        words=remove_filters(request.typed),
        excerpts=_load_excerpts(connection, listed.listed, query),
        first_number=(after.results_before if after else 0) + 1,
        next=listed.next.format() if listed.next else None,
        total=_count_total(found, listed, after),
        counts_by_day=found.counts_by_day,
        unanswered_by_day=found.unanswered_by_day,
        decided_to=found.decided_to,
        last_month=_count_since(found, today - _MONTH),
        last_year=_count_since(found, today - _YEAR),
        archive_start=start,
        filters=list_filters_in_use(request.typed),
        groups=build_filter_groups(request.typed, counts),
        members=rank_members(counts.people),
        can_be_ranked=can_be_ranked(query),
        other_ways=(
            OtherWays()
            if after is not None or start is None
            else find_other_ways(
                connection, request.typed, found, period=(start, today), budget=budget
            )
        ),
    )


def _load_excerpts(
    connection: Connection, listed: Sequence[DatedQuestion], query: Query
) -> tuple[QuestionExcerpt, ...]:
    records = questions.list_records(connection, [one.question_id for one in listed])
    return tuple(build_excerpt(record, query) for record in records)


def _count_total(
    found: SearchResults, listed: SortedResults, after: SearchPosition | None
) -> PeriodCount:
    """Return how many results there are, at least those up to the end of the page."""
    shown = (after.results_before if after else 0) + len(listed.listed)
    is_waiting_more = found.total < shown
    return PeriodCount(max(found.total, shown), found.is_complete and not is_waiting_more)


def _count_since(found: SearchResults, day: date) -> PeriodCount:
    number = sum(number for one, number in found.counts_by_day.items() if one > day)
    return PeriodCount(number, found.is_complete_after(day))

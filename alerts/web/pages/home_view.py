"""What the home page shows of the archive, read from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import (
    changes,
    crawl_runs,
    home_counts,
    questions,
    topics,
    unanswered,
    word_index,
)
from alerts.model import ChangeKind, NumberedChange, SourceInfo
from alerts.queries import QueryError, parse_query
from alerts.search import (
    QuestionExcerpt,
    TimeBudget,
    build_excerpt,
    find_frequent_terms,
    search_questions,
)
from crawler.records import Question

_LATEST = 6
_LONGEST_WAITING = 2
_EXAMPLES = 5
_RANKED = 6
#: Topics and words of titles that are searched for: 16 of at most 20 ms are a third of a second,
#: once a minute.
_CANDIDATES = 16
_SEARCH_SECONDS = 0.02
#: Titles of so many days say what is asked about now.
_TITLE_DAYS = 45
#: A word that a larger share of all questions has says nothing, unless the operator published it.
_MAX_SHARE = 0.2
#: So few are never too many: the demo has 40 questions.
_FEW = 20
#: Entries of the picture of a digest.
_SAMPLE_ENTRIES = 3


class FrequentTopic(msgspec.Struct, frozen=True):
    """Something that is asked about, and how often."""

    query: str  #: as typed
    total: int  #: of all questions that match
    is_complete: bool  #: whether `total` is all; if not, there are at least so many
    answered: int  #: of those asked this month
    unanswered: int

    @property
    def asked(self) -> int:
        """How many were asked this month."""
        return self.answered + self.unanswered


class SourceSummary(msgspec.Struct, frozen=True):
    """A source, and what we have of it."""

    key: str  #: its name in the config
    info: SourceInfo
    questions: int
    first_day: date | None  #: of its oldest question
    last_read: datetime | None  #: when a crawl last read it in full


class SampleDigest(msgspec.Struct, frozen=True):
    """The picture of a digest: real entries about a real topic."""

    query: str
    entries: tuple[tuple[ChangeKind, QuestionExcerpt], ...]


class HomeView(msgspec.Struct, frozen=True, kw_only=True):
    """What the home page shows."""

    today: date
    latest: tuple[NumberedChange, ...]
    asked: int  #: questions this month
    answered: int  #: of those
    examples: tuple[FrequentTopic, ...]
    most_asked: tuple[FrequentTopic, ...]
    overdue: int
    waiting_longest: tuple[Question, ...]
    sources: tuple[SourceSummary, ...]
    sample: SampleDigest | None


def find_home_view(
    connection: Connection,
    sources: Mapping[str, SourceInfo],
    today: date,
    overdue_days: int,
) -> HomeView:
    """Return what the home page shows.

    Args:
        connection: the ledger.
        sources: what to say about each source, by its name in the config.
        today: the present day.
        overdue_days: a question unanswered for longer is overdue.
    """
    month = today.replace(day=1)
    found = list(_find_topics(connection, month, today))
    counts = home_counts.count_month(connection, month)
    waiting = unanswered.WaitingFilter(before=today - timedelta(days=overdue_days))
    longest = unanswered.list_longest(connection, waiting, _LONGEST_WAITING)
    ranked = sorted((one for one in found if one.asked), key=lambda one: -one.asked)
    return HomeView(
        today=today,
        latest=tuple(_list_latest(connection)),
        asked=counts.asked,
        answered=counts.answered,
        examples=tuple(found[:_EXAMPLES]),
        most_asked=tuple(ranked[:_RANKED]),
        overdue=unanswered.count(connection, waiting),
        waiting_longest=tuple(
            questions.list_records(connection, [one.question_id for one in longest])
        ),
        sources=tuple(
            SourceSummary(key, info, *home_counts.count_source(connection, key), last_read)
            for key, info in sources.items()
            for last_read in [crawl_runs.get_last_complete_finish(connection, key)]
        ),
        sample=_draw_sample(connection, found),
    )


def _list_latest(connection: Connection) -> Iterable[NumberedChange]:
    """Return the newest changes that feeds show, one for each question."""
    seqs = changes.list_in_feeds(connection, 4 * _LATEST)
    newest: dict[str, NumberedChange] = {}
    for one in sorted(changes.list_by_seqs(connection, seqs), key=lambda one: -one.seq):
        if not one.change.after.is_taken_down:
            newest.setdefault(one.change.after.id, one)
    return list(newest.values())[:_LATEST]


def _find_topics(connection: Connection, month: date, today: date) -> Iterable[FrequentTopic]:
    """Return published topics, then words of recent titles, that some questions match."""
    published = [one.title for one in topics.list_public(connection) if one.question_id is None]
    titles = home_counts.list_titles(connection, today - timedelta(days=_TITLE_DAYS))
    named = " ".join(published).casefold()  # what a published topic names is not offered again
    terms = [
        term
        for term in find_frequent_terms(titles, _CANDIDATES)
        if term.strip('"').casefold() not in named
    ]
    archive = word_index.count_since(connection, date.min)
    for typed in [*published, *terms][:_CANDIDATES]:
        found = _count_topic(connection, typed, month)
        if found is None or not found.total:
            continue
        if typed in published or found.total <= max(_FEW, _MAX_SHARE * archive):
            yield found


def _count_topic(connection: Connection, typed: str, month: date) -> FrequentTopic | None:
    """Return how often something is asked about; None for what cannot be searched for."""
    try:
        query = parse_query(typed)
    except QueryError:
        return None
    found = search_questions(connection, query, 0, TimeBudget(_SEARCH_SECONDS), with_counts=True)
    asked = sum(number for day, number in found.counts_by_day.items() if day >= month)
    unanswered = sum(n for day, n in found.unanswered_by_day.items() if day >= month)
    return FrequentTopic(typed, found.total, found.is_complete, asked - unanswered, unanswered)


def _draw_sample(connection: Connection, found: list[FrequentTopic]) -> SampleDigest | None:
    """Return the newest entries about the first topic that has some; None where none has."""
    for topic in found:
        query = parse_query(topic.query)
        newest = search_questions(
            connection, query, 4 * _SAMPLE_ENTRIES, TimeBudget(_SEARCH_SECONDS)
        ).newest
        records = questions.list_records(connection, [one.question_id for one in newest])
        shown = [one for one in records if not one.suspect][:_SAMPLE_ENTRIES]
        if len(shown) == _SAMPLE_ENTRIES or (shown and topic is found[-1]):
            return SampleDigest(
                topic.query, tuple((_get_kind(one), build_excerpt(one, query)) for one in shown)
            )
    return None


def _get_kind(question: Question) -> ChangeKind:
    """Return the kind of change that a digest would tell of a question as it is."""
    kinds = {"answered": ChangeKind.ANSWERED, "holding": ChangeKind.HOLDING}
    return kinds.get(question.status, ChangeKind.ASKED)

"""The word index: which questions contain which words, and the acronyms that they define.

A question is indexed some time after it is saved (:func:`alerts.search.index_questions`): saving
marks it as not indexed. The index itself is a table ``word`` of the database's own kind, FTS5 on
SQLite and ``tsvector`` on PostgreSQL.
"""

from __future__ import annotations

import json
import operator
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache, reduce
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from cachetools import LRUCache
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    TextClause,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.pool import Pool

from alerts.ledger.changes import has_kind, is_in_feeds
from alerts.ledger.inserts import insert_all_once, insert_once, iter_parameters
from alerts.ledger.records import read_record
from alerts.ledger.schema import acronym, change, indexed_question, question, takedown, vocabulary
from alerts.queries import index_terms
from alerts.text import AcronymDefinition
from crawler.records import Question

#: What the status of a question is that has no answer, or a holding reply alone.
UNANSWERED_STATUSES = ("unanswered", "holding")

#: Prefixes of the keys of words, in lower case and in capitals (:mod:`alerts.queries.index_terms`).
WORD_KEY_PREFIXES = ("wx", "cx")


#: The conditions that a question is to be indexed: one that is taken down never is.
_LACKS_WORDS = (
    ~question.c.is_indexed,
    ~exists().where(takedown.c.question_id == question.c.id),
)
#: The statement of :func:`has_unindexed`: built once, because pages wait for it.
_ANY_UNINDEXED = select(question.c.id).where(*_LACKS_WORDS).limit(1)


class UnindexedQuestion(msgspec.Struct, frozen=True):
    """A question that is not in the word index yet."""

    question_id: str
    record: Question | None  #: None if it cannot be read
    first_seen_at: datetime


class Facets(msgspec.Struct, frozen=True):
    """What a question is counted by among results (:mod:`alerts.ledger.facets`)."""

    year: int | None = None
    status: str | None = None
    source: str | None = None
    askers: str | None = None
    party: str | None = None
    addressees: str | None = None


class IndexedQuestion(msgspec.Struct, frozen=True):
    """What a question is found by."""

    question_id: str
    day: date
    keys: frozenset[str]
    pairs: frozenset[AcronymDefinition]
    facets: Facets = Facets()


class DatedQuestion(msgspec.Struct, frozen=True):
    """A question found in the index, with its day."""

    question_id: str
    day: date


class AcronymForm(msgspec.Struct, frozen=True):
    """One form of an acronym, and in how many questions it is defined."""

    form: str
    questions: int


def lock_unindexed(connection: Connection, limit: int) -> list[UnindexedQuestion]:
    """Lock some of the questions that are not indexed until the end of the transaction.

    Those that another transaction has locked are left out: another process indexes them, or they
    are being saved, and are not indexed afterwards either. Nobody can save or take down one that is
    locked here before it is written to the index.
    """
    rows = connection.execute(
        select(question.c.id, question.c.record, question.c.first_seen_at)
        .where(*_LACKS_WORDS)
        .order_by(question.c.id)
        .limit(limit)
        # Changes of a question may be added meanwhile: they refer to it, and lock its key alone.
        .with_for_update(of=question, skip_locked=True, key_share=True)
    )
    return [
        UnindexedQuestion(row.id, read_record(row.record, f"question {row.id}"), row.first_seen_at)
        for row in rows
    ]


def count_unindexed(connection: Connection, maximum: int) -> int:
    """Return how many questions are not indexed; the count stops at ``maximum``."""
    some = select(question.c.id).where(*_LACKS_WORDS).limit(maximum).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def skip_question(connection: Connection, question_id: str) -> None:
    """Mark a question as indexed without its words, until it is saved again."""
    connection.execute(update(question).where(question.c.id == question_id).values(is_indexed=True))


def write_questions(connection: Connection, questions: Sequence[IndexedQuestion]) -> None:
    """Write questions to the index, in place of earlier versions.

    Args:
        connection: One that has locked them (:func:`lock_unindexed`).
        questions: What each is found by.
    """
    for words in questions:
        _write_question(connection, words)
    # Last and in order: transactions that add the same words wait for each other only here.
    _add_to_vocabulary(connection, {key for words in questions for key in words.keys})


def _write_question(connection: Connection, words: IndexedQuestion) -> None:
    insert_once(connection, indexed_question, question_id=words.question_id, day=words.day)
    number = connection.execute(
        update(indexed_question)
        .where(indexed_question.c.question_id == words.question_id)
        .values(day=words.day, **msgspec.structs.asdict(words.facets))
        .returning(indexed_question.c.id)
    ).scalar_one()
    connection.execute(text("DELETE FROM word WHERE rowid = :id"), {"id": number})
    if connection.dialect.name == "postgresql":
        insert = "INSERT INTO word VALUES (:id, array_to_tsvector(string_to_array(:keys, ' ')))"
    else:
        insert = "INSERT INTO word (rowid, keys) VALUES (:id, :keys)"
    connection.execute(text(insert), {"id": number, "keys": " ".join(sorted(words.keys))})
    _replace_acronyms(connection, words)
    connection.execute(
        update(question).where(question.c.id == words.question_id).values(is_indexed=True)
    )


def remove_question(connection: Connection, question_id: str) -> None:
    """Remove a question from the index, after the transaction that indexes it now, if one does."""
    mine = select(question.c.id).where(question.c.id == question_id)
    connection.execute(mine.with_for_update(key_share=True))
    rows = connection.execute(
        delete(indexed_question)
        .where(indexed_question.c.question_id == question_id)
        .returning(indexed_question.c.id)
    )
    for key in rows.scalars().all():
        connection.execute(text("DELETE FROM word WHERE rowid = :id"), {"id": key})
    connection.execute(delete(acronym).where(acronym.c.question_id == question_id))


def forget_words(connection: Connection, keys: Iterable[str]) -> None:
    """Delete from the vocabulary those of some index keys that no question has any more."""
    words = [key for key in keys if key.startswith(WORD_KEY_PREFIXES)]
    unused = [w for w in words if not count_questions(connection, index_terms.IndexKey(w), 1)]
    for some in iter_parameters(unused):
        connection.execute(delete(vocabulary).where(vocabulary.c.key.in_(some)))


def _replace_acronyms(connection: Connection, words: IndexedQuestion) -> None:
    connection.execute(delete(acronym).where(acronym.c.question_id == words.question_id))
    rows = [
        {
            "question_id": words.question_id,
            "short_form": pair.short_form,
            "long_form": pair.long_form,
        }
        for pair in words.pairs
    ]
    if rows:
        insert_all_once(connection, acronym, rows)


def has_unindexed(connection: Connection) -> bool:
    """Return whether there are questions that are not indexed, which a search does not find."""
    return connection.execute(_ANY_UNINDEXED).first() is not None


def find_questions(
    connection: Connection,
    condition: index_terms.IndexCondition | None,
    limit: int | None = None,
    after: DatedQuestion | None = None,
    *,
    oldest_first: bool = False,
) -> list[DatedQuestion]:
    """Return the questions that meet a condition, newest first.

    Args:
        connection: The ledger.
        condition: What they must meet; None for all questions.
        limit: How many to return at most; None for all.
        after: Only those that come after this one in the order of day and id.
        oldest_first: Whether to return the oldest first.
    """
    wanted = _build_listing(
        connection.dialect.name,
        has_condition=condition is not None,
        has_limit=limit is not None,
        goes_on=after is not None,
        oldest_first=oldest_first,
    )
    values: dict[str, object] = {"limit": limit} if limit is not None else {}
    if condition is not None:
        values["need"] = format_condition(condition, connection)
    if after is not None:
        values |= {"after_day": after.day, "after_id": after.question_id}
    return [DatedQuestion(row.question_id, row.day) for row in connection.execute(wanted, values)]


@lru_cache(32)
def _build_listing(
    dialect: str, *, has_condition: bool, has_limit: bool, goes_on: bool, oldest_first: bool
) -> Select[Any]:
    """Return the statement of :func:`find_questions`: built once, because pages wait for it."""
    # PostgreSQL's collations may sort ids in another order than Python does.
    ordered_id: ColumnElement[str] = indexed_question.c.question_id
    if dialect == "postgresql":
        ordered_id = ordered_id.collate("C")
    day = indexed_question.c.day
    order = (day, ordered_id) if oldest_first else (day.desc(), ordered_id.desc())
    wanted = select(indexed_question.c.question_id, day).order_by(*order)
    if has_condition:
        wanted = wanted.where(has_keys(dialect))
    if has_limit:
        wanted = wanted.limit(bindparam("limit", type_=Integer))
    if goes_on:
        after_day = bindparam("after_day", type_=day.type)
        after_id = bindparam("after_id", type_=indexed_question.c.question_id.type)
        comes_after = operator.gt if oldest_first else operator.lt
        is_same_day = and_(day == after_day, comes_after(ordered_id, after_id))
        in_range = day >= after_day if oldest_first else day <= after_day
        wanted = wanted.where(in_range, or_(comes_after(day, after_day), is_same_day))
    return wanted


def list_changes(
    connection: Connection,
    condition: index_terms.IndexCondition | None,
    limit: int,
    kinds: Sequence[str],
    before: int | None = None,
) -> list[int]:
    """Return the numbers of the newest changes in feeds of questions that meet a condition.

    Newest first. ``kinds`` limits them to some kinds of change; empty for all. ``before`` limits
    them to lower numbers.
    """
    wanted = (
        select(change.c.seq)
        .join(indexed_question, indexed_question.c.question_id == change.c.question_id)
        .where(is_in_feeds(), has_kind(kinds), satisfies(condition, connection))
        .order_by(change.c.seq.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(change.c.seq < before)
    return list(connection.execute(wanted).scalars())


def count_by_day(
    connection: Connection, condition: index_terms.IndexCondition | None
) -> tuple[Counter[date], Counter[date]]:
    """Return how many questions meet a condition, by day: all, and those not answered."""
    is_unanswered = case((indexed_question.c.status.in_(UNANSWERED_STATUSES), 1), else_=0)
    wanted = (
        select(
            indexed_question.c.day,
            func.count().label("number"),
            func.sum(is_unanswered).label("unanswered"),
        )
        .where(satisfies(condition, connection))
        .group_by(indexed_question.c.day)
    )
    rows = connection.execute(wanted).all()
    return (
        Counter({row.day: row.number for row in rows}),
        Counter({row.day: row.unanswered for row in rows if row.unanswered}),
    )


def get_first_day(connection: Connection) -> date | None:
    """Return the day of the oldest question; None if there are none."""
    return connection.execute(select(func.min(indexed_question.c.day))).scalar()


def count_since(connection: Connection, day: date) -> int:
    """Return how many questions there are from a day on."""
    wanted = select(func.count()).where(indexed_question.c.day >= day)
    return connection.execute(wanted).scalar_one()


def satisfies(
    condition: index_terms.IndexCondition | None, connection: Connection
) -> ColumnElement[bool] | TextClause:
    """Return the SQL condition that a row of ``indexed_question`` meets a condition."""
    if condition is None:
        return true()
    need = format_condition(condition, connection)
    return has_keys(connection.dialect.name).bindparams(need=need)


@lru_cache(2)
def has_keys(dialect: str) -> TextClause:
    """Return the SQL condition that a row meets the parameter ``need``, a formatted condition."""
    matches = "keys @@ CAST(:need AS tsquery)" if dialect == "postgresql" else "word MATCH :need"
    return text(f"indexed_question.id IN (SELECT rowid FROM word WHERE {matches})")  # noqa: S608


def list_long_forms(connection: Connection, short: str) -> list[AcronymForm]:
    """Return the long forms of an acronym, in any case, most frequent first."""
    number = func.count().label("number")
    rows = connection.execute(
        select(acronym.c.long_form, number)
        .where(func.lower(acronym.c.short_form) == short.lower())
        .group_by(acronym.c.long_form)
        .order_by(number.desc(), acronym.c.long_form)
    )
    return [AcronymForm(*row) for row in rows]


def list_short_forms(connection: Connection, long: str) -> list[AcronymForm]:
    """Return the acronyms for a long form, in any case, most frequent first."""
    number = func.count().label("number")
    rows = connection.execute(
        select(acronym.c.short_form, number)
        .where(func.lower(acronym.c.long_form) == long.lower())
        .group_by(acronym.c.short_form)
        .order_by(number.desc(), acronym.c.short_form)
    )
    return [AcronymForm(*row) for row in rows]


def list_definitions(connection: Connection, words: Sequence[str]) -> list[AcronymDefinition]:
    """Return the acronyms whose long forms hold at least two of some folded words.

    The longest is first; those that differ only in capitals are all in the list.
    """
    long_form = func.lower(acronym.c.long_form)
    held = [case((long_form.contains(word, autoescape=True), 1), else_=0) for word in words]
    rows = connection.execute(
        select(acronym.c.short_form, acronym.c.long_form)
        .where(reduce(operator.add, held) >= 2)
        .group_by(acronym.c.short_form, acronym.c.long_form)
        .order_by(func.length(acronym.c.long_form).desc(), acronym.c.short_form)
    )
    return [AcronymDefinition(row.short_form, row.long_form) for row in rows]


#: Letters that words begin with; those of one letter are 3,000 words at most, which are 200 kB.
_MAX_PREFIXES = 60
#: Keys are added at the end, and removed only when a question is taken down.
_VOCABULARY_VERSION = "SELECT (SELECT max(rowid) FROM vocabulary), (SELECT count(*) FROM takedown)"
#: Keys by prefix, with the version of the vocabulary, for each pool of connections to a ledger.
_known_keys: WeakKeyDictionary[Pool, LRUCache[str, tuple[tuple[int, ...], list[str]]]]
_known_keys = WeakKeyDictionary()
_known_keys_lock = threading.Lock()


def list_keys_with_prefix(connection: Connection, prefix: str) -> list[str]:
    """Return all word keys that begin with ``prefix``.

    On SQLite they are kept in memory until the vocabulary changes.
    """
    if connection.dialect.name == "postgresql":  # its collation does not sort by code point
        begins = func.starts_with(vocabulary.c.key, prefix)
        return list(connection.execute(select(vocabulary.c.key).where(begins)).scalars())
    version = tuple(connection.exec_driver_sql(_VOCABULARY_VERSION).one())
    with _known_keys_lock:
        kept = _known_keys.setdefault(connection.engine.pool, LRUCache(_MAX_PREFIXES))
        known = kept.get(prefix)
        if known is None or known[0] != version:
            within = vocabulary.c.key.between(prefix, f"{prefix}~")
            found = list(connection.execute(select(vocabulary.c.key).where(within)).scalars())
            known = kept[prefix] = version, found
    return known[1]


def count_questions(
    connection: Connection, condition: index_terms.IndexCondition, maximum: int | None = None
) -> int:
    """Return how many questions meet a condition; the count stops at ``maximum``."""
    counted = _build_count(connection.dialect.name, maximum)
    need = format_condition(condition, connection)
    return int(connection.execute(counted, {"need": need}).scalar_one())


@lru_cache(8)
def _build_count(dialect: str, maximum: int | None) -> TextClause:
    """Return the statement of :func:`count_questions`: parsed once, because pages wait for it."""
    matches = "keys @@ CAST(:need AS tsquery)" if dialect == "postgresql" else "word MATCH :need"
    limit = f" LIMIT {maximum}" if maximum else ""
    # Counted in the index alone, which is fast: the days of the questions are not needed.
    found = f"SELECT rowid FROM word WHERE {matches}{limit}"  # noqa: S608
    return text(f"SELECT count(*) FROM ({found}) AS found")  # noqa: S608


def format_condition(condition: index_terms.IndexCondition, connection: Connection) -> str:
    """Return a condition as the index of words reads it."""
    if connection.dialect.name == "postgresql":
        return index_terms.format_tsquery(condition)
    return index_terms.format_fts5(condition)


def _add_to_vocabulary(connection: Connection, keys: Iterable[str]) -> None:
    """Add the word keys among ``keys`` to the vocabulary."""
    words = sorted(key for key in keys if key.startswith(WORD_KEY_PREFIXES))
    if connection.dialect.name == "postgresql":
        rows = "SELECT unnest(CAST(:keys AS text[]))"
        value: object = words
    else:
        rows, value = "SELECT value FROM json_each(:keys) WHERE true", json.dumps(words)
    insert = f"INSERT INTO vocabulary (key) {rows} ON CONFLICT DO NOTHING"
    connection.execute(text(insert), {"keys": value})

"""The words of questions, in each database's own index, and the acronyms in them.

They are written some time after a question is (:mod:`alerts.search.index`): a question that is
saved is
marked as not yet worded, and so is all that an older ledger holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    TextClause,
    delete,
    func,
    select,
    text,
    true,
    update,
)

from alerts.ledger.base import insert_all_once, insert_once
from alerts.ledger.changes import is_shown, of_kinds
from alerts.ledger.schema import acronym, change, question, vocabulary, worded
from alerts.queries.acronyms import Pair
from alerts.queries.index_terms import Need, as_fts5, as_tsquery
from crawler.records import Question, decode

#: How the keys begin of words anywhere, in small letters and in capitals.
SPELT = ("wx", "cx")


class Unworded(msgspec.Struct, frozen=True):
    """A question whose words are not written yet."""

    record: Question
    first_seen_at: datetime


class Worded(msgspec.Struct, frozen=True):
    """What a question is found by."""

    question_id: str
    dated: date
    keys: frozenset[str]
    pairs: frozenset[Pair]


class Dated(msgspec.Struct, frozen=True):
    """A question, and the day that it is of."""

    question_id: str
    dated: date


class Written(msgspec.Struct, frozen=True):
    """One of the two ways to write something, and in how many questions both stand together."""

    form: str
    questions: int


def unworded(connection: Connection, limit: int) -> list[Unworded]:
    """Some of the questions whose words are not written yet."""
    rows = connection.execute(
        select(question.c.record, question.c.first_seen_at).where(~question.c.worded).limit(limit)
    )
    return [Unworded(decode(row.record), row.first_seen_at) for row in rows]


def write(connection: Connection, words: Worded) -> None:
    """Write the words and acronyms of a question in place of earlier ones."""
    insert_once(connection, worded, question_id=words.question_id, dated=words.dated)
    number = connection.execute(
        update(worded)
        .where(worded.c.question_id == words.question_id)
        .values(dated=words.dated)
        .returning(worded.c.id)
    ).scalar_one()
    connection.execute(text("DELETE FROM word WHERE rowid = :id"), {"id": number})
    if connection.dialect.name == "postgresql":
        insert = "INSERT INTO word VALUES (:id, array_to_tsvector(string_to_array(:keys, ' ')))"
    else:
        insert = "INSERT INTO word (rowid, keys) VALUES (:id, :keys)"
    connection.execute(text(insert), {"id": number, "keys": " ".join(sorted(words.keys))})
    _learn(connection, words.keys)
    connection.execute(delete(acronym).where(acronym.c.question_id == words.question_id))
    if words.pairs:
        rows = [{"question_id": words.question_id, **pair._asdict()} for pair in words.pairs]
        insert_all_once(connection, acronym, rows)
    connection.execute(
        update(question).where(question.c.id == words.question_id).values(worded=True)
    )


def having(connection: Connection, need: Need | None, limit: int | None = None) -> list[Dated]:
    """Questions that have what is needed, newest first; all, where nothing is."""
    wanted = (
        select(worded.c.question_id, worded.c.dated)
        .where(_met(need, connection))
        .order_by(worded.c.dated.desc(), worded.c.question_id.desc())
        .limit(limit)
    )
    return [Dated(row.question_id, row.dated) for row in connection.execute(wanted)]


def changes_having(
    connection: Connection, need: Need | None, limit: int, kinds: Sequence[str]
) -> list[int]:
    """Numbers of the newest shown changes of questions that have what is needed, newest first."""
    wanted = (
        select(change.c.seq)
        .join(worded, worded.c.question_id == change.c.question_id)
        .where(is_shown(), of_kinds(kinds), _met(need, connection))
        .order_by(change.c.seq.desc())
        .limit(limit)
    )
    return list(connection.execute(wanted).scalars())


def days(connection: Connection, need: Need | None) -> dict[date, int]:
    """How many questions have what is needed, by day."""
    number = func.count().label("number")
    wanted = select(worded.c.dated, number).where(_met(need, connection)).group_by(worded.c.dated)
    return {row.dated: row.number for row in connection.execute(wanted)}


def first_day(connection: Connection) -> date | None:
    """The day of the oldest question."""
    return connection.execute(select(func.min(worded.c.dated))).scalar()


def _met(need: Need | None, connection: Connection) -> ColumnElement[bool] | TextClause:
    if need is None:
        return true()
    if connection.dialect.name == "postgresql":
        keys = "keys @@ CAST(:need AS tsquery)"
        met = text(f"worded.id IN (SELECT rowid FROM word WHERE {keys})")  # noqa: S608  # our own
        return met.bindparams(need=as_tsquery(need))
    met = text("worded.id IN (SELECT rowid FROM word WHERE word MATCH :need)")
    return met.bindparams(need=as_fts5(need))


def long_forms(connection: Connection, short: str) -> list[Written]:
    """What an acronym (in any case) stands for, as printed, the commonest first."""
    number = func.count().label("number")
    rows = connection.execute(
        select(acronym.c.long, number)
        .where(func.lower(acronym.c.short) == short.lower())
        .group_by(acronym.c.long)
        .order_by(number.desc(), acronym.c.long)
    )
    return [Written(*row) for row in rows]


def short_forms(connection: Connection, long: str) -> list[Written]:
    """The acronyms of what is called ``long``, in any case, the commonest first."""
    number = func.count().label("number")
    rows = connection.execute(
        select(acronym.c.short, number)
        .where(func.lower(acronym.c.long) == long.lower())
        .group_by(acronym.c.short)
        .order_by(number.desc(), acronym.c.short)
    )
    return [Written(*row) for row in rows]


def spelt_from(connection: Connection, start: str) -> list[str]:
    """All keys of words that begin with ``start``."""
    begins: ColumnElement[bool]
    if connection.dialect.name == "postgresql":  # which sorts by language, so no range will do
        begins = func.starts_with(vocabulary.c.key, start)
    else:
        begins = vocabulary.c.key.between(start, f"{start}~")
    return list(connection.execute(select(vocabulary.c.key).where(begins)).scalars())


def count(connection: Connection, need: Need, most: int | None = None) -> int:
    """How many questions have what is needed; counted up to ``most``."""
    if connection.dialect.name == "postgresql":
        met, said = "keys @@ CAST(:need AS tsquery)", as_tsquery(need)
    else:
        met, said = "word MATCH :need", as_fts5(need)
    limit = f" LIMIT {most}" if most else ""
    # From the index alone: what day a question is of does not matter here.
    found = f"SELECT count(*) FROM (SELECT rowid FROM word WHERE {met}{limit}) AS found"  # noqa: S608
    return int(connection.execute(text(found), {"need": said}).scalar_one())


def _learn(connection: Connection, keys: Iterable[str]) -> None:
    """Put the keys of words into the vocabulary, where they are not there yet."""
    found = [key for key in keys if key.startswith(SPELT)]
    if connection.dialect.name == "postgresql":
        told = "SELECT unnest(CAST(:keys AS text[]))"
        given: object = found
    else:
        told, given = "SELECT value FROM json_each(:keys) WHERE true", json.dumps(found)
    insert = f"INSERT INTO vocabulary (key) {told} ON CONFLICT DO NOTHING"  # our own
    connection.execute(text(insert), {"keys": given})

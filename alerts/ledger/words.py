"""The words of questions, for the databases' own indexes, and the acronyms in them.

They are written some time after a question is (:mod:`alerts.wording`): a question that is saved is
marked as not yet worded, so that the step can be killed, and an older ledger fills by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import msgspec
from sqlalchemy import Connection, delete, func, select, text, update

from alerts.acronyms import Pair
from alerts.ledger.base import insert_once
from alerts.ledger.tables import question
from alerts.ledger.word_tables import acronym, worded
from alerts.prefilter import Need, as_fts5, as_tsquery
from crawler.records import Question, decode


class Unworded(msgspec.Struct, frozen=True):
    """A question whose words are not written yet."""

    record: Question
    first_seen_at: datetime


class Candidate(msgspec.Struct, frozen=True):
    """A question that may match."""

    record: Question
    dated: date


class LongForm(msgspec.Struct, frozen=True):
    """What an acronym stands for, and in how many questions that was said."""

    long: str
    questions: int


def unworded(connection: Connection, limit: int) -> list[Unworded]:
    """Some of the questions whose words are not written yet."""
    rows = connection.execute(
        select(question.c.record, question.c.first_seen_at).where(~question.c.worded).limit(limit)
    )
    return [Unworded(decode(row.record), row.first_seen_at) for row in rows]


def write(
    connection: Connection, identity: str, dated: date, keys: Iterable[str], pairs: set[Pair]
) -> None:
    """Write the words and acronyms of a question in place of earlier ones."""
    insert_once(connection, worded, question_id=identity, dated=dated)
    number = connection.execute(
        update(worded)
        .where(worded.c.question_id == identity)
        .values(dated=dated)
        .returning(worded.c.id)
    ).scalar_one()
    connection.execute(text("DELETE FROM word WHERE rowid = :id"), {"id": number})
    if connection.dialect.name == "postgresql":
        insert = "INSERT INTO word VALUES (:id, array_to_tsvector(string_to_array(:keys, ' ')))"
    else:
        insert = "INSERT INTO word (rowid, keys) VALUES (:id, :keys)"
    connection.execute(text(insert), {"id": number, "keys": " ".join(sorted(keys))})
    connection.execute(delete(acronym).where(acronym.c.question_id == identity))
    for short, long in pairs:
        insert_once(connection, acronym, question_id=identity, short=short, long=long)
    connection.execute(update(question).where(question.c.id == identity).values(worded=True))


def candidates(connection: Connection, need: Need | None) -> list[tuple[str, date]]:
    """Which questions may match, and their dates, newest first; all, where nothing is needed."""
    wanted = select(worded.c.question_id, worded.c.dated)
    if need is not None and connection.dialect.name == "postgresql":
        met = text("id IN (SELECT rowid FROM word WHERE keys @@ CAST(:need AS tsquery))")
        wanted = wanted.where(met.bindparams(need=as_tsquery(need)))
    elif need is not None:
        met = text("id IN (SELECT rowid FROM word WHERE word MATCH :need)")
        wanted = wanted.where(met.bindparams(need=as_fts5(need)))
    rows = connection.execute(wanted.order_by(worded.c.dated.desc(), worded.c.question_id.desc()))
    return [(row.question_id, row.dated) for row in rows]


def long_forms(connection: Connection, short: str) -> list[LongForm]:
    """What an acronym stands for, the commonest first."""
    number = func.count().label("number")
    rows = connection.execute(
        select(acronym.c.long, number)
        .where(acronym.c.short == short)
        .group_by(acronym.c.long)
        .order_by(number.desc(), acronym.c.long)
    )
    return [LongForm(row.long, row.number) for row in rows]


def vocabulary(connection: Connection, start: str) -> list[tuple[str, int]]:
    """The words of all questions that begin with ``start``, and how many questions have each."""
    if connection.dialect.name == "postgresql":
        statement = (
            "SELECT word, ndoc FROM ts_stat('SELECT keys FROM word') "
            "WHERE starts_with(word, :start)"
        )
    else:
        connection.execute(
            text("CREATE VIRTUAL TABLE IF NOT EXISTS temp.term USING fts5vocab(main, word, row)")
        )
        statement = (
            "SELECT term, doc FROM temp.term WHERE term >= :start AND term < :start || 'zzzz'"
        )
    rows = connection.execute(text(statement), {"start": "w" + start})
    return [(word[1:], number) for word, number in rows]

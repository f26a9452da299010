"""Questions as they were last read, and the identities that they have had."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from alerts.ledger.inserts import MAX_PARAMETERS, insert_once
from alerts.ledger.records import format_record, read_record, read_records
from alerts.ledger.schema import change, held_change, question, question_identity, topic
from alerts.questions import make_reference_key, make_thread_key, sort_thread
from crawler.records import Asker, Question

#: The order of lists. Without NULLS LAST, the two databases sort missing dates differently.
NEWEST_FIRST = (question.c.meeting_date.desc().nulls_last(), question.c.id.desc())
#: The statement of :func:`find`: built once, because a page waits for it.
_BY_IDENTITY = (
    select(question)
    .join(question_identity, question_identity.c.question_id == question.c.id)
    .where(question_identity.c.identity == bindparam("identity"))
)
#: Those of :func:`list_in_thread`, :func:`has_source` and :func:`list_records`, likewise.
_IN_THREAD = (
    select(question.c.id, question.c.record)
    .where(question.c.source == bindparam("source"), question.c.thread == bindparam("thread"))
    .order_by(question.c.id)
)
_OF_SOURCE = select(question.c.id).where(question.c.source == bindparam("source")).limit(1)
_BY_IDS = select(question.c.id, question.c.record).where(
    question.c.id.in_(bindparam("ids", expanding=True))
)


class StoredQuestion(msgspec.Struct, frozen=True):
    """A question with what is known of our visits to its page."""

    record: Question
    first_seen_at: datetime
    visited_at: datetime
    answered_at: datetime | None = None
    not_found_at: datetime | None = None
    capture: str | None = None
    doubted_at: datetime | None = None
    doubted_digest: str | None = None


def find(connection: Connection, identity: str) -> StoredQuestion | None:
    """Return the question with a present or former id; None without one that can be read."""
    row = connection.execute(_BY_IDENTITY, {"identity": identity}).one_or_none()
    record = read_record(row.record, f"question {row.id}") if row else None
    if row is None or record is None:
        return None
    return StoredQuestion(
        record=record,
        first_seen_at=row.first_seen_at,
        visited_at=row.visited_at,
        answered_at=row.answered_at,
        not_found_at=row.not_found_at,
        capture=row.capture,
        doubted_at=row.doubted_at,
        doubted_digest=row.doubted_digest,
    )


def save(
    connection: Connection, record: Question, now: datetime, thread: str | None = None
) -> None:
    """Store a question as read now, in place of an earlier reading.

    Args:
        connection: The ledger.
        record: The question.
        now: When its page was read.
        thread: The key that it shares with its supplementaries, or with its parent.
    """
    columns = build_columns(record) | {
        "url": record.url,
        "status": record.status,
        "meeting_date": record.meeting.date if record.meeting else None,
        "is_suspect": bool(record.suspect),
        "record": format_record(record),
        "thread": thread,
        "visited_at": now,
        "not_found_at": None,
        "doubted_at": None,
        "doubted_digest": None,
        "is_indexed": False,
    }
    insert_once(
        connection,
        question,
        id=record.id,
        source=record.source,
        first_seen_at=now,
        **columns,
    )
    answered = func.coalesce(question.c.answered_at, now if record.status == "answered" else None)
    connection.execute(
        update(question).where(question.c.id == record.id).values(**columns, answered_at=answered)
    )


def replace_record(connection: Connection, record: Question) -> None:
    """Replace the stored record of a question and nothing else."""
    connection.execute(
        update(question)
        .where(question.c.id == record.id)
        .values(**build_columns(record), record=format_record(record), is_indexed=False)
    )


def build_columns(record: Question) -> dict[str, Any]:
    """Return the values of the columns that a record is searched by."""
    asker, asked = record.asked_by, record.asked_of[0] if record.asked_of else None
    days = [answer.date for answer in record.answers if answer.date and not answer.holding]
    answered_on = min(days, default=None)
    return {
        "person": find_person_slug(asker) if asker else None,
        "asker": asker.name if asker else None,
        "party": asker.party if asker else None,
        "body": build_person_slug(asked.name) if asked else None,
        "body_name": asked.name if asked else None,
        "answered_on": answered_on,
        "days_to_answer": _count_days(record.meeting.date if record.meeting else None, answered_on),
        "reference_key": make_reference_key(record.reference),
    }


def find_person_slug(asker: Asker) -> str | None:
    """Return the slug of a member, the same for all spellings: ``ada-brook``."""
    return asker.person or build_person_slug(asker.name)


def _count_days(asked_on: date | None, answered_on: date | None) -> int | None:
    """Return the days from a question to its answer; None where they cannot be known.

    An answer before its question is a misprint of one of the two days.
    """
    if asked_on is None or answered_on is None or answered_on < asked_on:
        return None
    return (answered_on - asked_on).days


def build_person_slug(name: str) -> str | None:
    """Return the slug of a person known by name alone: ``ada-brook``. None if it is empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain)) or None


def save_validators(
    connection: Connection, question_id: str, etag: str | None, last_modified: str | None
) -> None:
    """Store the ETag and Last-Modified headers of the version that was read."""
    connection.execute(
        update(question)
        .where(question.c.id == question_id)
        .values(etag=etag, last_modified=last_modified)
    )


def list_in_thread(connection: Connection, source: str, thread: str) -> tuple[Question, ...]:
    """Return the questions of a source that share a thread key."""
    rows = connection.execute(_IN_THREAD, {"source": source, "thread": thread})
    return tuple(read_records(rows))


def save_capture(connection: Connection, question_id: str, capture: str) -> None:
    """Store where in the archive a question's page is: ``london-....warc.gz:512``."""
    connection.execute(update(question).where(question.c.id == question_id).values(capture=capture))


def load_thread(connection: Connection, record: Question) -> tuple[Question, ...]:
    """Return a question with its supplementaries, in reading order.

    ``record`` may be any of them.
    """
    key = make_thread_key(record)
    root = record.parent or record.id
    found = list_in_thread(connection, record.source, key) if key else (record,)
    thread = [one for one in found if root in (one.id, one.parent)]
    return sort_thread(thread) if any(one.id == record.id for one in thread) else (record,)


def list_similar(connection: Connection, record: Question) -> tuple[Question, ...]:
    """Return the questions of a source that may be the same as ``record``, or share its reference.

    Those with its reference come first. Where one of two pages prints no reference, asker and day
    of the meeting lead to the other. Of two, the one that has had fewer addresses comes first.
    """
    columns = build_columns(record)
    key, day = columns["reference_key"], record.meeting.date if record.meeting else None
    by_reference = question.c.reference_key == key if key else false()
    by_asker = and_(
        question.c.person == columns["person"],
        question.c.meeting_date == day,
        question.c.reference_key.is_(None) if key else true(),
    )
    addresses = (
        select(func.count())
        .where(question_identity.c.question_id == question.c.id)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(question.c.id, question.c.record)
        .where(question.c.source == record.source, or_(by_reference, by_asker))
        .order_by(question.c.reference_key.is_(None), addresses, question.c.id)
    )
    return tuple(read_records(rows))


def is_referenced(connection: Connection, question_id: str) -> bool:
    """Return whether a change was recorded for a question, or somebody follows it."""
    return any(
        connection.execute(
            select(table.c.question_id).where(table.c.question_id == question_id)
        ).first()
        for table in (change, held_change, topic)
    )


def replace_identities(connection: Connection, question_id: str, by: str) -> None:
    """Let all ids of one question be ids of another."""
    connection.execute(
        update(question_identity)
        .where(question_identity.c.question_id == question_id)
        .values(question_id=by)
    )


def delete_unreferenced(connection: Connection, question_id: str) -> None:
    """Delete a question that has neither ids nor changes, followers or words in the index."""
    connection.execute(delete(question).where(question.c.id == question_id))


def add_identity(connection: Connection, identity: str, question_id: str) -> None:
    """Record another id of a question."""
    insert_once(connection, question_identity, identity=identity, question_id=question_id)


def mark_visited(connection: Connection, question_id: str, now: datetime) -> None:
    """Record a visit that found the page as it was read."""
    connection.execute(
        update(question)
        .where(question.c.id == question_id)
        .values(visited_at=now, not_found_at=None, doubted_at=None, doubted_digest=None)
    )


def mark_doubted(connection: Connection, question_id: str, digest: str, now: datetime) -> None:
    """Record a visit whose reading is not believed.

    The time of the first such visit in a row with the same digest is kept.
    """
    same = and_(question.c.doubted_digest == digest, question.c.doubted_at.is_not(None))
    first = literal(now, question.c.doubted_at.type)
    connection.execute(
        update(question)
        .where(question.c.id == question_id)
        .values(
            visited_at=now,
            not_found_at=None,
            doubted_at=case((same, question.c.doubted_at), else_=first),
            doubted_digest=digest,
        )
    )


def mark_refused(connection: Connection, question_id: str, now: datetime) -> None:
    """Record a visit that the server refused, which says nothing about the question."""
    connection.execute(update(question).where(question.c.id == question_id).values(visited_at=now))


def mark_not_found(connection: Connection, question_id: str, now: datetime) -> None:
    """Record a visit that found no page. The first such time is kept."""
    connection.execute(
        update(question)
        .where(question.c.id == question_id)
        .values(visited_at=now, not_found_at=func.coalesce(question.c.not_found_at, now))
    )


def list_identities(
    connection: Connection, source: str, since: date, until: date
) -> tuple[str, ...]:
    """Return all ids of the questions whose meeting is in a period or has no date.

    Suspect questions are left out, so that a listing leads to them being read again.
    """
    rows = connection.execute(
        select(question_identity.c.identity)
        .join(question, question.c.id == question_identity.c.question_id)
        .where(
            question.c.source == source,
            ~question.c.is_suspect,
            or_(
                question.c.meeting_date.is_(None),
                and_(question.c.meeting_date >= since, question.c.meeting_date <= until),
            ),
        )
        .order_by(question_identity.c.identity)
    )
    return tuple(rows.scalars())


def list_listable(
    connection: Connection, source: str, since: date, until: date, seen_before: datetime
) -> set[str]:
    """Return the ids of the questions that a listing of some days should name.

    Those are the questions with a meeting on these days that were known before a moment, without
    suspect ones and without those that are known to be withdrawn.
    """
    is_withdrawn = and_(
        question.c.not_found_at.is_not(None),
        exists().where(change.c.question_id == question.c.id, change.c.kind == "withdrawn"),
    )
    rows = connection.execute(
        select(question.c.id).where(
            question.c.source == source,
            question.c.meeting_date >= since,
            question.c.meeting_date <= until,
            question.c.first_seen_at < seen_before,
            ~question.c.is_suspect,
            ~is_withdrawn,
        )
    )
    return set(rows.scalars())


def resolve_identities(connection: Connection, identities: Collection[str]) -> set[str]:
    """Return the ids of the questions that have or had one of some ids."""
    wanted, found = sorted(identities), set[str]()
    for start in range(0, len(wanted), MAX_PARAMETERS):
        some = question_identity.c.identity.in_(wanted[start : start + MAX_PARAMETERS])
        rows = connection.execute(select(question_identity.c.question_id).where(some))
        found |= set(rows.scalars())
    return found


def count_found(connection: Connection, identities: Collection[str]) -> int:
    """Return how many questions with one of some ids were found by their last visit."""
    ids, found = sorted(resolve_identities(connection, identities)), 0
    for start in range(0, len(ids), MAX_PARAMETERS):
        some = question.c.id.in_(ids[start : start + MAX_PARAMETERS])
        wanted = select(func.count()).select_from(question).where(some)
        found += connection.execute(wanted.where(question.c.not_found_at.is_(None))).scalar_one()
    return found


class MissingPages(msgspec.Struct, frozen=True):
    """How many pages of a source were visited in some time, and how many of them are missing."""

    visited: int
    missing: int


def count_missing_since(connection: Connection, source: str, since: datetime) -> MissingPages:
    """Count the pages of a source visited since a time, and those missing since then.

    Pages whose question is recorded as withdrawn are not counted: they are missing for good.
    """
    is_withdrawn = exists().where(
        change.c.question_id == question.c.id,
        change.c.kind == "withdrawn",
        change.c.recorded_at >= question.c.not_found_at,
    )
    row = connection.execute(
        select(
            func.count().label("visited"),
            func.count(case((question.c.not_found_at >= since, 1))).label("missing"),
        ).where(
            question.c.source == source,
            question.c.visited_at >= since,
            ~question.c.is_suspect,
            ~is_withdrawn,
        )
    ).one()
    return MissingPages(row.visited, row.missing)


class RevisitCandidate(msgspec.Struct, frozen=True):
    """What decides when a question is visited again."""

    url: str
    status: str
    meeting_date: date | None
    first_seen_at: datetime
    visited_at: datetime
    answered_at: datetime | None
    not_found_at: datetime | None = None
    doubted_at: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None


def list_revisit_candidates(
    connection: Connection, source: str, answered_since: datetime
) -> list[RevisitCandidate]:
    """Return the questions without an answer, and those answered after ``answered_since``."""
    columns = [question.c[name] for name in RevisitCandidate.__struct_fields__]
    rows = connection.execute(
        select(*columns).where(
            question.c.source == source,
            question.c.url.is_not(None),
            or_(question.c.status != "answered", question.c.answered_at >= answered_since),
        )
    )
    return [RevisitCandidate(**row._mapping) for row in rows]


def count_by_status(connection: Connection, source: str) -> dict[str, int]:
    """Return how many questions of a source have each status, and how many are ``suspect``."""
    rows = connection.execute(
        select(question.c.status, question.c.is_suspect, func.count())
        .where(question.c.source == source)
        .group_by(question.c.status, question.c.is_suspect)
    )
    found: Counter[str] = Counter()
    for status, suspect, number in rows:
        found["suspect" if suspect else status] += number
    return dict(sorted(found.items()))


def has_source(connection: Connection, source: str) -> bool:
    """Return whether any question is from a source."""
    return connection.execute(_OF_SOURCE, {"source": source}).first() is not None


def count(connection: Connection) -> int:
    """Return how many questions the ledger has."""
    return connection.execute(select(func.count()).select_from(question)).scalar_one()


def list_ids(connection: Connection, first: int, limit: int) -> list[str]:
    """Return the ids of questions that have a page, in the order of the ids.

    Args:
        connection: The ledger.
        first: How many to leave out before.
        limit: How many to return at most.
    """
    wanted = select(question.c.id).where(question.c.not_found_at.is_(None))
    wanted = wanted.order_by(question.c.id).offset(first).limit(limit)
    return list(connection.execute(wanted).scalars())


def list_records(connection: Connection, ids: Sequence[str]) -> list[Question]:
    """Return the questions with the given ids, in that order; without the unreadable."""
    rows = connection.execute(_BY_IDS, {"ids": list(ids)})
    found = {record.id: record for record in read_records(rows)}
    return [found[question_id] for question_id in ids if question_id in found]

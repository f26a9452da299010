"""Changes: append-only, numbered in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select, true

from alerts.ledger.base import insert_once
from alerts.ledger.schema import change, question
from alerts.model import Change, ChangeKind, NumberedChange, SilenceReason
from crawler.records import decode_question, encode_record


def append(
    connection: Connection, entry: Change, now: datetime, silence_reason: SilenceReason | None
) -> bool:
    """Record ``entry``; False when the very same change was recorded before."""
    added = insert_once(
        connection,
        change,
        question_id=entry.after.id,
        kind=entry.kind,
        content_hash=entry.content_hash,
        recorded_at=now,
        silence_reason=silence_reason,
        before=encode_record(entry.before).decode() if entry.before else None,
        after=encode_record(entry.after).decode(),
    )
    return added is not None


def get_newest_seq(connection: Connection) -> int:
    """The number of the newest change; 0 when there is none."""
    newest_yet = connection.execute(select(func.max(change.c.seq))).scalar()
    return newest_yet or 0


def list_between(
    connection: Connection, after: int, up_to: int, limit: int
) -> list[NumberedChange]:
    """Changes numbered above ``after`` and up to ``up_to``, in order, ``limit`` at most."""
    rows = connection.execute(
        select(change)
        .where(change.c.seq > after, change.c.seq <= up_to)
        .order_by(change.c.seq)
        .limit(limit)
    )
    return [_read_change(row) for row in rows]


def get(connection: Connection, seqs: Sequence[int]) -> dict[int, NumberedChange]:
    """The changes with the given numbers."""
    found: dict[int, NumberedChange] = {}
    for start in range(0, len(seqs), 500):  # a database takes only so many in one statement
        some = change.c.seq.in_(seqs[start : start + 500])
        found |= {
            row.seq: _read_change(row) for row in connection.execute(select(change).where(some))
        }
    return found


def _read_change(row: Row[tuple[object, ...]]) -> NumberedChange:
    fields = row._mapping
    before = fields["before"]
    return NumberedChange(
        fields["seq"],
        fields["recorded_at"],
        fields["silence_reason"],
        Change(
            ChangeKind(fields["kind"]),
            fields["content_hash"],
            decode_question(fields["after"]),
            decode_question(before) if before else None,
        ),
    )


def get_first_recorded_at(connection: Connection) -> datetime:
    """When the oldest change was recorded; the epoch where there is none."""
    oldest = select(change.c.recorded_at).order_by(change.c.seq).limit(1)
    return connection.execute(oldest).scalar() or datetime.fromtimestamp(0, UTC)


def is_in_feeds() -> ColumnElement[bool]:
    """Whether a change stands in feeds.

    Old questions that came to light late are left out: they would stand in a reader's list as if
    they had just happened. What the baseline found is in, so that a new feed is not empty.
    """
    return or_(change.c.silence_reason.is_(None), change.c.silence_reason == "baseline")


def has_kind(kinds: Sequence[str]) -> ColumnElement[bool]:
    """Whether a change is of one of some kinds; of any where none are given."""
    return change.c.kind.in_(kinds) if kinds else true()


def list_in_feeds(connection: Connection, limit: int, kinds: Sequence[str] = ()) -> list[int]:
    """Numbers of the newest changes that feeds show, newest first."""
    return _list_seqs(connection, _select_in_feeds(kinds).limit(limit))


def count_in_feeds(connection: Connection) -> int:
    """How many changes feeds show."""
    wanted = select(func.count()).select_from(change).where(is_in_feeds())
    return connection.execute(wanted).scalar_one()


def get_feed_page(connection: Connection, number: int, size: int) -> list[int]:
    """One page of them, counted from the oldest: the first is 1. Newest first within."""
    wanted = select(change.c.seq).where(is_in_feeds()).order_by(change.c.seq)
    wanted = wanted.offset((number - 1) * size).limit(size)
    return list(reversed(_list_seqs(connection, wanted)))


def list_by_person(
    connection: Connection, person: str, limit: int, kinds: Sequence[str] = ()
) -> list[int]:
    """Numbers of the newest shown changes of questions that somebody asked, newest first."""
    wanted = _select_by_person(person).where(has_kind(kinds)).order_by(change.c.seq.desc())
    return _list_seqs(connection, wanted.limit(limit))


def count_by_person(connection: Connection, person: str) -> int:
    """How many of them there are."""
    wanted = select(func.count()).select_from(_select_by_person(person).subquery())
    return connection.execute(wanted).scalar_one()


def get_person_page(connection: Connection, person: str, number: int, size: int) -> list[int]:
    """One page of them, counted from the oldest: the first is 1. Newest first within."""
    wanted = (
        _select_by_person(person).order_by(change.c.seq).offset((number - 1) * size).limit(size)
    )
    return list(reversed(_list_seqs(connection, wanted)))


def _select_by_person(person: str) -> Select[int]:
    asked = select(change.c.seq).join(question, question.c.id == change.c.question_id)
    return asked.where(is_in_feeds(), question.c.person == person)


def list_by_questions(
    connection: Connection, ids: Sequence[str], limit: int, kinds: Sequence[str] = ()
) -> list[int]:
    """Numbers of the newest changes of some questions, whether they alerted or not."""
    wanted = select(change.c.seq).where(change.c.question_id.in_(ids), has_kind(kinds))
    return _list_seqs(connection, wanted.order_by(change.c.seq.desc()).limit(limit))


def _select_in_feeds(kinds: Sequence[str]) -> Select[int]:
    return select(change.c.seq).where(is_in_feeds(), has_kind(kinds)).order_by(change.c.seq.desc())


def _list_seqs(connection: Connection, wanted: Select[int]) -> list[int]:
    return list(connection.execute(wanted).scalars())


def list_kinds(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """What has happened to questions, by their ids."""
    found: dict[str, list[str]] = {}
    wanted = select(change.c.question_id, change.c.kind).where(change.c.question_id.in_(ids))
    for row in connection.execute(wanted.distinct().order_by(change.c.kind)):
        found.setdefault(row.question_id, []).append(row.kind)
    return found

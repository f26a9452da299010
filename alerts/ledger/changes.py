"""Changes: append-only, numbered in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select, true

from alerts.ledger.base import insert_once
from alerts.ledger.records import format_record, read_record
from alerts.ledger.schema import change, question
from alerts.model import Change, ChangeKind, NumberedChange, SilenceReason

#: SQLite took at most 999 parameters in a statement before version 3.32.
_MAX_PARAMETERS = 500


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
        before=format_record(entry.before) if entry.before else None,
        after=format_record(entry.after),
    )
    return added is not None


def get_newest_seq(connection: Connection) -> int:
    """The number of the newest change; 0 when there is none."""
    newest_yet = connection.execute(select(func.max(change.c.seq))).scalar()
    return newest_yet or 0


def list_between(
    connection: Connection, after: int, up_to: int, limit: int
) -> list[NumberedChange]:
    """Return the readable changes numbered above ``after`` and up to ``up_to``, in order.

    Fewer than ``limit`` are returned only if there are no more.
    """
    found: list[NumberedChange] = []
    while len(found) < limit:
        rows = connection.execute(
            select(change)
            .where(change.c.seq > after, change.c.seq <= up_to)
            .order_by(change.c.seq)
            .limit(limit - len(found))
        ).all()
        if not rows:
            break
        found += _read_changes(rows)
        after = rows[-1].seq
    return found


def get(connection: Connection, seqs: Sequence[int]) -> dict[int, NumberedChange]:
    """Return the changes with the given numbers, by number; without those that cannot be read."""
    found: dict[int, NumberedChange] = {}
    for start in range(0, len(seqs), _MAX_PARAMETERS):
        wanted = select(change).where(change.c.seq.in_(seqs[start : start + _MAX_PARAMETERS]))
        found |= {numbered.seq: numbered for numbered in _read_changes(connection.execute(wanted))}
    return found


def list_by_seqs(connection: Connection, seqs: Sequence[int]) -> list[NumberedChange]:
    """Return the changes with the given numbers, in that order; without the unreadable."""
    found = get(connection, seqs)
    return [found[seq] for seq in seqs if seq in found]


def _read_changes(rows: Iterable[Row[Any]]) -> Iterator[NumberedChange]:
    for row in rows:
        name = f"change {row.seq} of {row.question_id}"
        after = read_record(row.after, name)
        before = read_record(row.before, name) if row.before else None
        if after is not None:
            entry = Change(ChangeKind(row.kind), row.content_hash, after, before)
            yield NumberedChange(row.seq, row.recorded_at, row.silence_reason, entry)


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

"""Changes: what happened to questions, numbered in the order of recording.

Changes are never edited. Their numbers (``seq``) grow, and in one ledger a number is used once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
)

from alerts.ledger.engine import Ledger
from alerts.ledger.inserts import MAX_PARAMETERS, insert_once, iter_parameters
from alerts.ledger.records import format_record, read_record
from alerts.ledger.schema import change, question
from alerts.model import Change, ChangeKind, NumberedChange, SilenceReason
from crawler.event_log import get_logger
from crawler.records import Question

log = get_logger("watchword.ledger")

_KINDS = frozenset(str(kind) for kind in ChangeKind)


def append(
    connection: Connection, entry: Change, now: datetime, silence_reason: SilenceReason | None
) -> bool:
    """Record a change; return False if the same change was recorded before."""
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
    if added is not None:
        for task in ("match", "publish"):  # of topics, and the feed of all changes
            Ledger.announce(connection, task)
    return added is not None


def get_newest_seq(connection: Connection) -> int:
    """Return the number of the newest change; 0 if there is none."""
    newest = connection.execute(select(func.max(change.c.seq))).scalar()
    return newest or 0


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
    for start in range(0, len(seqs), MAX_PARAMETERS):
        wanted = select(change).where(change.c.seq.in_(seqs[start : start + MAX_PARAMETERS]))
        found |= {numbered.seq: numbered for numbered in _read_changes(connection.execute(wanted))}
    return found


def list_question_ids(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """Return the ids of the questions of some changes, by the numbers of the changes."""
    found: dict[int, str] = {}
    for some in iter_parameters(sorted(numbers)):
        rows = connection.execute(
            select(change.c.seq, change.c.question_id).where(change.c.seq.in_(some))
        )
        found |= {row.seq: row.question_id for row in rows}
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
        if row.kind not in _KINDS:  # a later version's, or damaged
            log.error("the ledger holds a change of an unknown kind", change=name, kind=row.kind)
        elif after is not None:
            entry = Change(ChangeKind(row.kind), row.content_hash, after, before)
            yield NumberedChange(row.seq, row.recorded_at, row.silence_reason, entry)


class RecordedChange(msgspec.Struct, frozen=True):
    """A change as a history lists it, without the records where nothing was corrected."""

    seq: int
    kind: ChangeKind
    question_id: str
    recorded_at: datetime
    silence_reason: SilenceReason | None
    before: Question | None = None  #: of a correction: the question before
    after: Question | None = None  #: of a correction: the question after


def _build_history_statement() -> Select[Any]:
    """Return the statement of :func:`list_history`: built once, because a page waits for it."""
    is_corrected = change.c.kind == ChangeKind.CORRECTED
    columns = change.c.seq, change.c.kind, change.c.question_id, change.c.recorded_at
    return (
        select(
            *columns,
            change.c.silence_reason,
            case((is_corrected, change.c.before)).label("before"),
            case((is_corrected, change.c.after)).label("after"),
        )
        .where(change.c.question_id.in_(bindparam("ids", expanding=True)))
        .order_by(change.c.seq.desc())
        .limit(bindparam("limit", type_=Integer))
    )


_HISTORY = _build_history_statement()


def list_history(connection: Connection, ids: Sequence[str], limit: int) -> list[RecordedChange]:
    """Return the newest changes of some questions, newest first; without the unreadable."""
    rows = connection.execute(_HISTORY, {"ids": list(ids), "limit": limit})
    return [
        RecordedChange(
            row.seq,
            ChangeKind(row.kind),
            row.question_id,
            row.recorded_at,
            row.silence_reason,
            read_record(row.before, f"change {row.seq}") if row.before else None,
            read_record(row.after, f"change {row.seq}") if row.after else None,
        )
        for row in rows
        if row.kind in _KINDS
    ]


def count_unreadable(connection: Connection, newest: int) -> int:
    """Return how many of the ``newest`` changes cannot be read."""
    wanted = select(change).order_by(change.c.seq.desc()).limit(newest)
    rows = connection.execute(wanted).all()
    return len(rows) - sum(1 for _ in _read_changes(rows))


def get_first_recorded_at(connection: Connection) -> datetime:
    """Return when the oldest change was recorded; the epoch if there is none."""
    oldest = select(change.c.recorded_at).order_by(change.c.seq).limit(1)
    return connection.execute(oldest).scalar() or datetime.fromtimestamp(0, UTC)


class RecordedWithdrawal(msgspec.Struct, frozen=True):
    """A recorded withdrawal of a question that has not returned since."""

    content_hash: str
    silence_reason: SilenceReason | None


def find_withdrawal(connection: Connection, question_id: str) -> RecordedWithdrawal | None:
    """Return the withdrawal of a question; None if there is none or the question has returned."""
    kinds = (ChangeKind.WITHDRAWN, ChangeKind.RETURNED)
    row = connection.execute(
        select(change.c.kind, change.c.content_hash, change.c.silence_reason)
        .where(change.c.question_id == question_id, change.c.kind.in_(kinds))
        .order_by(change.c.seq.desc())
        .limit(1)
    ).first()
    if row is None or row.kind != ChangeKind.WITHDRAWN:
        return None
    return RecordedWithdrawal(row.content_hash, row.silence_reason)


def is_in_feeds() -> ColumnElement[bool]:
    """Return the condition that a change is shown in feeds.

    Old questions that were found late are not: a feed reader would show them as new. The changes of
    the first crawl are, so that a new feed is not empty. Those of a question that was taken down
    are, masked, so that feed readers replace what they have, and archive pages stay as they are.
    """
    shown = ("baseline", "taken_down")
    return or_(change.c.silence_reason.is_(None), change.c.silence_reason.in_(shown))


def has_kind(kinds: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a change has one of the kinds; any kind if none are given."""
    return change.c.kind.in_(kinds) if kinds else true()


def list_in_feeds(connection: Connection, limit: int, kinds: Sequence[str] = ()) -> list[int]:
    """Return the numbers of the newest changes that feeds show, newest first."""
    return _list_seqs(connection, _select_in_feeds(kinds).limit(limit))


def count_in_feeds(connection: Connection) -> int:
    """Return how many changes feeds show."""
    wanted = select(func.count()).select_from(change).where(is_in_feeds())
    return connection.execute(wanted).scalar_one()


def get_feed_page(connection: Connection, number: int, size: int) -> list[int]:
    """Return the numbers of one page of the changes that feeds show, newest first.

    Pages are counted from the oldest change: page 1 never changes once it is full.
    """
    wanted = select(change.c.seq).where(is_in_feeds()).order_by(change.c.seq)
    wanted = wanted.offset((number - 1) * size).limit(size)
    return list(reversed(_list_seqs(connection, wanted)))


def list_by_person(
    connection: Connection, person: str, limit: int, kinds: Sequence[str] = ()
) -> list[int]:
    """Return the numbers of the newest shown changes of one asker's questions, newest first."""
    wanted = _select_by_person(person).where(has_kind(kinds)).order_by(change.c.seq.desc())
    return _list_seqs(connection, wanted.limit(limit))


def count_by_person(connection: Connection, person: str) -> int:
    """Return how many shown changes one asker's questions have."""
    wanted = select(func.count()).select_from(_select_by_person(person).subquery())
    return connection.execute(wanted).scalar_one()


def get_person_page(connection: Connection, person: str, number: int, size: int) -> list[int]:
    """Return the numbers of one page of these changes, newest first; page 1 has the oldest."""
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
    """Return the numbers of the newest changes of some questions, shown in feeds or not."""
    wanted = select(change.c.seq).where(change.c.question_id.in_(ids), has_kind(kinds))
    return _list_seqs(connection, wanted.order_by(change.c.seq.desc()).limit(limit))


def _select_in_feeds(kinds: Sequence[str]) -> Select[int]:
    return select(change.c.seq).where(is_in_feeds(), has_kind(kinds)).order_by(change.c.seq.desc())


def _list_seqs(connection: Connection, wanted: Select[int]) -> list[int]:
    return list(connection.execute(wanted).scalars())


def list_kinds(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the kinds of change that some questions had, by question id."""
    found: dict[str, list[str]] = {}
    wanted = select(change.c.question_id, change.c.kind).where(change.c.question_id.in_(ids))
    for row in connection.execute(wanted.distinct().order_by(change.c.kind)):
        found.setdefault(row.question_id, []).append(row.kind)
    return found

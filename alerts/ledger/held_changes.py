"""Changes without a number: their crawl has no verdict yet, or a doubtful one.

Later steps do not read this table, so a crawl that misreads a new page design notifies nobody.
Promoted changes are numbered in the order in which they were found, those of a first crawl in the
order of their meetings: lists that show the newest change first then begin with the newest meeting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection, and_, case, delete, func, select, update

from alerts.ledger.inserts import MAX_PARAMETERS, insert_once
from alerts.ledger.records import format_record, read_record
from alerts.ledger.schema import change, held_change, question
from alerts.model import Change, ChangeKind, SilenceReason
from crawler.records import Question, name_question

#: ``crawl``: the crawl has no verdict yet. The others wait for the operator. ``drift``: the crawl
#: seems to have misread its pages. ``flood``: it brought too many. ``doubt``: a withdrawal that
#: other evidence speaks against. ``reference``: another question has the reference.
HoldReason = Literal["crawl", "flood", "drift", "doubt", "reference"]

#: The reasons for which changes wait for the operator, and not only for the end of their crawl.
APPROVAL_REASONS: tuple[HoldReason, ...] = ("flood", "drift", "doubt", "reference")

#: Columns that both tables of changes have.
_COMMON_COLUMNS = (
    "question_id",
    "kind",
    "content_hash",
    "recorded_at",
    "silence_reason",
    "before",
    "after",
)


def hold_change(
    connection: Connection,
    entry: Change,
    now: datetime,
    silence_reason: SilenceReason | None,
    reason: HoldReason = "crawl",
) -> bool:
    """Hold a change; return False if the same change is already recorded or held.

    If an earlier change of the question waits for approval, this one waits as well. Published
    first, it would make the earlier one look newer.
    """
    if _is_recorded(connection, entry):
        return False
    added = insert_once(
        connection,
        held_change,
        source=entry.after.source,
        hold_reason=_find_hold_reason(connection, entry.after.id) or reason,
        question_id=entry.after.id,
        kind=entry.kind,
        content_hash=entry.content_hash,
        recorded_at=now,
        silence_reason=silence_reason,
        before=format_record(entry.before) if entry.before else None,
        after=format_record(entry.after),
    )
    return added is not None


def drop_withdrawal(connection: Connection, question_id: str) -> None:
    """Drop the held withdrawal of a question whose page is there after all."""
    connection.execute(
        delete(held_change).where(
            held_change.c.question_id == question_id, held_change.c.kind == ChangeKind.WITHDRAWN
        )
    )


def _is_recorded(connection: Connection, entry: Change) -> bool:
    same = and_(
        change.c.question_id == entry.after.id,
        change.c.kind == entry.kind,
        change.c.content_hash == entry.content_hash,
    )
    return connection.execute(select(change.c.seq).where(same)).first() is not None


def _find_hold_reason(connection: Connection, question_id: str) -> str | None:
    """Return why a change of a question waits for approval; None if none does."""
    waits = and_(held_change.c.question_id == question_id, held_change.c.hold_reason != "crawl")
    return connection.execute(select(held_change.c.hold_reason).where(waits).limit(1)).scalar()


def count_by_kind(connection: Connection, source: str) -> dict[str, int]:
    """Return how many changes of each kind the current crawl of a source would alert."""
    rows = connection.execute(
        select(held_change.c.kind, func.count())
        .where(
            held_change.c.source == source,
            held_change.c.hold_reason == "crawl",
            held_change.c.silence_reason.is_(None),
        )
        .group_by(held_change.c.kind)
    )
    return {kind: number for kind, number in rows}  # noqa: C416  # rows are no pairs to dict()


def hold_for_approval(connection: Connection, source: str, reason: HoldReason) -> int:
    """Hold the changes of the current crawl for the operator; return how many."""
    return connection.execute(
        update(held_change)
        .where(held_change.c.source == source, held_change.c.hold_reason == "crawl")
        .values(hold_reason=reason)
    ).rowcount


def list_doubted_pages(connection: Connection, source: str, limit: int) -> list[str]:
    """Return the addresses of the pages that a doubtful crawl read, longest waiting first."""
    wanted = (
        select(question.c.url)
        .join(held_change, held_change.c.question_id == question.c.id)
        .where(
            held_change.c.source == source,
            held_change.c.hold_reason == "drift",
            held_change.c.kind != ChangeKind.WITHDRAWN,
            question.c.url.is_not(None),
        )
        .group_by(question.c.url)
        .order_by(func.min(held_change.c.id))
        .limit(limit)
    )
    return list(connection.execute(wanted).scalars())


def judge_again(
    connection: Connection, source: str, digests: Mapping[str, str], now: datetime
) -> int:
    """Judge the changes of doubtful crawls with the current one, which read the same.

    A question that was read in more than one way meanwhile is left to the operator.

    Args:
        connection: A connection that may write.
        source: The source: ``london``.
        digests: Of the questions that the current crawl read, by id.
        now: Their time of recording from now on: nobody could see them before.

    Returns:
        Of how many questions.
    """
    mine = and_(held_change.c.source == source, held_change.c.hold_reason == "drift")
    differing: set[str] = set()
    found: set[str] = set()
    columns = (held_change.c.id, held_change.c.question_id, held_change.c.after)
    for row in connection.execute(select(*columns).where(mine)):
        record = read_record(row.after, f"held change {row.id}")
        is_same = record is not None and record.digest == digests.get(row.question_id)
        (found if is_same else differing).add(row.question_id)
    again = sorted(found - differing)
    for start in range(0, len(again), MAX_PARAMETERS):
        some = held_change.c.question_id.in_(again[start : start + MAX_PARAMETERS])
        changed = update(held_change).where(mine, some)
        connection.execute(changed.values(hold_reason="crawl", recorded_at=now))
    return len(again)


def list_unjudged(connection: Connection, source: str, kind: ChangeKind) -> list[str]:
    """Return the ids of the questions with a change of a kind in the current crawl of a source."""
    wanted = select(held_change.c.question_id).where(
        held_change.c.source == source,
        held_change.c.hold_reason == "crawl",
        held_change.c.kind == kind,
    )
    return list(connection.execute(wanted).scalars())


def hold_unjudged(
    connection: Connection, source: str, kind: ChangeKind, ids: Sequence[str], reason: HoldReason
) -> int:
    """Hold the changes of a kind of some questions for the operator; return how many."""
    held = 0
    for start in range(0, len(ids), MAX_PARAMETERS):
        some = held_change.c.question_id.in_(ids[start : start + MAX_PARAMETERS])
        mine = and_(held_change.c.source == source, held_change.c.hold_reason == "crawl")
        changed = update(held_change).where(mine, held_change.c.kind == kind, some)
        held += connection.execute(changed.values(hold_reason=reason)).rowcount
    return held


def drop_unjudged(connection: Connection, source: str, kind: ChangeKind) -> int:
    """Forget the changes of a kind in the current crawl of a source; return how many."""
    mine = and_(held_change.c.source == source, held_change.c.hold_reason == "crawl")
    return connection.execute(delete(held_change).where(mine, held_change.c.kind == kind)).rowcount


def count_asked_before(connection: Connection, source: str, day: date) -> int:
    """Count the alerting new questions of the current crawl whose meeting was before a day."""
    wanted = (
        select(func.count())
        .select_from(held_change)
        .join(question, question.c.id == held_change.c.question_id)
        .where(
            held_change.c.source == source,
            held_change.c.hold_reason == "crawl",
            held_change.c.silence_reason.is_(None),
            held_change.c.kind == ChangeKind.ASKED,
            question.c.meeting_date < day,
        )
    )
    return connection.execute(wanted).scalar_one()


def promote(
    connection: Connection,
    source: str,
    reasons: Sequence[HoldReason] = ("crawl",),
    *,
    is_silent: bool = False,
    now: datetime | None = None,
) -> int:
    """Number the held changes of a source and return how many were numbered.

    Args:
        connection: The ledger.
        source: The source: ``london``.
        reasons: Promote changes held for these reasons.
        is_silent: Record them with the reason for which they were held, so that they never alert.
        now: The time of recording, if they waited for approval; None keeps the time of the crawl.
    """
    mine = and_(held_change.c.source == source, held_change.c.hold_reason.in_(reasons))
    # A first crawl reads pages in any order. Sorted here, once, no list has to sort them.
    is_baseline = held_change.c.silence_reason == "baseline"
    rows = connection.execute(
        select(held_change)
        .join(question, question.c.id == held_change.c.question_id)
        .where(mine)
        .order_by(
            case((is_baseline, 0), else_=1),
            case((is_baseline, question.c.meeting_date)).nulls_first(),
            held_change.c.id,
        )
    )
    promoted = 0
    for row in rows.mappings().all():
        values = {name: row[name] for name in _COMMON_COLUMNS}
        if is_silent:
            values["silence_reason"] = row["silence_reason"] or row["hold_reason"]
        if now is not None:
            values["recorded_at"] = now
        promoted += insert_once(connection, change, **values) is not None
    connection.execute(delete(held_change).where(mine))
    return promoted


class HeldChangeGroup(msgspec.Struct, frozen=True):
    """Changes of one kind that wait for approval, with the title of one of them."""

    source: str
    reason: HoldReason
    kind: str
    changes: int
    since: datetime
    example: str
    question_id: str  #: of the example


def list_awaiting_approval(connection: Connection) -> list[HeldChangeGroup]:
    """Return what waits for approval, by source, reason and kind."""
    columns = (held_change.c.source, held_change.c.hold_reason, held_change.c.kind)
    rows = connection.execute(
        select(
            *columns,
            func.count(),
            func.min(held_change.c.recorded_at).label("since"),
            func.min(held_change.c.id),
        )
        .where(held_change.c.hold_reason != "crawl")
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        HeldChangeGroup(source, because, kind, n, since, *_get_title(connection, first))
        for source, because, kind, n, since, first in rows
    ]


def _get_title(connection: Connection, key: int) -> tuple[str, str]:
    columns = (held_change.c.question_id, held_change.c.after)
    row = connection.execute(select(*columns).where(held_change.c.id == key)).one()
    record = read_record(row.after, f"held change {key}")
    return (name_question(record) if record else row.question_id), row.question_id


class HeldChange(msgspec.Struct, frozen=True):
    """One change that waits for approval, as a page lists it."""

    id: int
    source: str
    reason: HoldReason
    kind: str
    recorded_at: datetime
    question_id: str
    before: Question | None  #: None for a new question, and where it cannot be read
    after: Question | None  #: None where it cannot be read


def list_waiting(connection: Connection, limit: int, after: int = 0) -> list[HeldChange]:
    """Return changes that wait for approval, in the order in which they were found.

    Args:
        connection: The ledger.
        limit: How many to return at most.
        after: Only changes with a greater id.
    """
    wanted = select(held_change).where(
        held_change.c.hold_reason != "crawl", held_change.c.id > after
    )
    rows = connection.execute(wanted.order_by(held_change.c.id).limit(limit))
    return [
        HeldChange(
            id=row.id,
            source=row.source,
            reason=row.hold_reason,
            kind=row.kind,
            recorded_at=row.recorded_at,
            question_id=row.question_id,
            before=read_record(row.before, f"held change {row.id}") if row.before else None,
            after=read_record(row.after, f"held change {row.id}"),
        )
        for row in rows
    ]

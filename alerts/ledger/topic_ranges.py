"""Ranges of topics: how far each is matched, and which topics belong to it.

A range is a block of topic ids. Its topics that are caught up have been compared with every change
up to :attr:`TopicRange.matched_up_to`, and advance together. A new topic has its own progress until
it is caught up. Whoever matches topics of a range holds the lock of its row (:func:`lock`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
    update,
)

from alerts.ledger.changes import get_newest_seq
from alerts.ledger.inserts import insert_once, iter_parameters
from alerts.ledger.range_schema import topic_range, topic_range_ending
from alerts.ledger.schema import change, match, topic

#: Ids of one range. Each range reads the text of the changes for itself: 38 ms for 600 of them,
#: while comparing them with 100,000 topics takes 43 ms and with 200,000 about 70 ms. Smaller ranges
#: read more often; larger ones leave nothing for a second worker. A city has one.
TOPICS_PER_RANGE = 100_000

_IS_CAUGHT_UP_QUERY = and_(topic.c.is_caught_up, topic.c.kind == "query")
#: To be matched with earlier changes.
_IS_OUTSTANDING = and_(~topic.c.is_caught_up, ~topic.c.is_ended)


class TopicRange(msgspec.Struct, frozen=True):
    """How far a range is matched."""

    id: int
    matched_up_to: int  #: number of the change up to which its caught-up topics were matched
    joins: int  #: grows with each commit that catches topics up
    unreadable: tuple[int, ...]  #: topics that match nothing, because their forms are damaged


class OutstandingTopic(msgspec.Struct, frozen=True):
    """A query that must still be matched with earlier changes."""

    id: int
    canonical: str
    matched_up_to: int


def find_range(topic_id: int) -> int:
    """Return the id of the range that a topic belongs to."""
    return topic_id // TOPICS_PER_RANGE


def ensure(connection: Connection, topic_id: int) -> None:
    """Make sure that the range of a new topic exists.

    The connection must be of :meth:`alerts.ledger.Ledger.writing`, so that no change is numbered
    meanwhile: a new range has nothing to do up to the newest.
    """
    range_id = find_range(topic_id)
    newest = get_newest_seq(connection)
    insert_once(connection, topic_range, id=range_id, matched_up_to=newest)


def get_match_progress(connection: Connection) -> int:
    """Return the number of the change up to which every caught-up topic was matched."""
    reached: int = connection.execute(
        select(func.coalesce(func.min(topic_range.c.matched_up_to), 0))
    ).scalar_one()
    return reached


def list_waiting(connection: Connection) -> list[int]:
    """Return the ids of the ranges with something to match, in order.

    That is: their topics lack a change, or some are not caught up, or are damaged, which may have
    been mended since. It takes a look into an index for each range.
    """
    mine = and_(
        topic.c.id >= topic_range.c.id * TOPICS_PER_RANGE,
        topic.c.id < (topic_range.c.id + 1) * TOPICS_PER_RANGE,
    )
    newest = select(func.coalesce(func.max(change.c.seq), 0)).scalar_subquery()
    wanted = select(topic_range.c.id).where(
        or_(
            topic_range.c.matched_up_to != newest,
            topic_range.c.unreadable.is_not(None),
            exists().where(mine, _IS_OUTSTANDING),
        )
    )
    return list(connection.execute(wanted.order_by(topic_range.c.id)).scalars())


def get(connection: Connection, range_id: int) -> TopicRange | None:
    """Return a range; None if there is none of this id."""
    return _read_one(connection, select(topic_range).where(topic_range.c.id == range_id))


def lock(connection: Connection, range_id: int) -> TopicRange | None:
    """Lock a range until the end of the transaction, and return it.

    None if another transaction has it locked, or there is none of this id.
    """
    wanted = select(topic_range).where(topic_range.c.id == range_id)
    return _read_one(connection, wanted.with_for_update(skip_locked=True))


def _read_one(connection: Connection, wanted: Select[tuple[object, ...]]) -> TopicRange | None:
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    unreadable = msgspec.json.decode(row.unreadable, type=tuple[int, ...]) if row.unreadable else ()
    return TopicRange(row.id, row.matched_up_to, row.joins, unreadable)


def update_locked(connection: Connection, before: TopicRange, after: TopicRange) -> bool:
    """Write a range that is locked; return False if it is not any more as it was read."""
    unreadable = msgspec.json.encode(after.unreadable).decode() if after.unreadable else None
    values = {"matched_up_to": after.matched_up_to, "joins": after.joins, "unreadable": unreadable}
    changed = connection.execute(
        update(topic_range)
        .where(
            topic_range.c.id == before.id,
            topic_range.c.matched_up_to == before.matched_up_to,
            topic_range.c.joins == before.joins,
        )
        .values(**values)
    )
    return changed.rowcount == 1


def list_unreadable(connection: Connection) -> list[int]:
    """Return the topics of all ranges whose forms are damaged."""
    rows = connection.execute(
        select(topic_range.c.unreadable).where(topic_range.c.unreadable.is_not(None))
    )
    found = (msgspec.json.decode(text, type=list[int]) for text in rows.scalars())
    return sorted(topic_id for ids in found for topic_id in ids)


# ------------------------------------------------------------------ topics of a range


def count_endings(connection: Connection, range_id: int) -> int:
    """Return a number that grows whenever topics of a range end."""
    wanted = select(topic_range_ending.c.number).where(topic_range_ending.c.range_id == range_id)
    return connection.execute(wanted).scalar() or 0


def note_endings(connection: Connection, topic_ids: Iterable[int]) -> None:
    """Note that topics have ended, so that those who have them compiled leave them out."""
    for range_id in sorted({find_range(topic_id) for topic_id in topic_ids}):
        if insert_once(connection, topic_range_ending, range_id=range_id, number=1) is None:
            mine = topic_range_ending.c.range_id == range_id
            more = topic_range_ending.c.number + 1
            connection.execute(update(topic_range_ending).where(mine).values(number=more))


def list_caught_up(connection: Connection, range_id: int) -> dict[int, str]:
    """Return the canonical forms of a range's caught-up queries by topic id, in their order."""
    wanted = select(topic.c.id, topic.c.canonical).where(_is_in(range_id), _IS_CAUGHT_UP_QUERY)
    return {row.id: row.canonical for row in connection.execute(wanted.order_by(topic.c.id))}


def list_caught_up_ids(connection: Connection, range_id: int) -> set[int]:
    """Return the ids of a range's caught-up queries."""
    wanted = select(topic.c.id).where(_is_in(range_id), _IS_CAUGHT_UP_QUERY)
    return set(connection.execute(wanted).scalars())


def get_forms(connection: Connection, topic_ids: Collection[int]) -> dict[int, str]:
    """Return the canonical forms of those of some topics that are caught up, by topic id."""
    found: dict[int, str] = {}
    for some in iter_parameters(sorted(topic_ids)):
        wanted = select(topic.c.id, topic.c.canonical)
        rows = connection.execute(wanted.where(topic.c.id.in_(some), _IS_CAUGHT_UP_QUERY))
        found |= {row.id: row.canonical for row in rows}
    return found


def list_outstanding(connection: Connection, range_id: int) -> list[OutstandingTopic]:
    """Return those queries of a range that have the most to match, all with the same progress."""
    mine = and_(_is_in(range_id), _IS_OUTSTANDING)
    first = select(func.min(topic.c.matched_up_to)).where(mine).scalar_subquery()
    columns = [topic.c[name] for name in OutstandingTopic.__struct_fields__]
    rows = connection.execute(
        select(*columns).where(mine, topic.c.matched_up_to == first).order_by(topic.c.id)
    )
    return [OutstandingTopic(**row._mapping) for row in rows]


def set_matched_up_to(
    connection: Connection, topic_ids: Sequence[int], up_to: int, *, is_caught_up: bool
) -> set[int]:
    """Record how far outstanding topics were matched, and return those for which it was done.

    A topic whose row another transaction changes just now is left as it is, and so is one that has
    ended: waiting for it could be waiting for each other.

    Args:
        connection: One that holds the lock of their range.
        topic_ids: The topics.
        up_to: The number of the last change that they were compared with.
        is_caught_up: They have reached their range, and from now on advance with it.
    """
    done: set[int] = set()
    for some in iter_parameters(topic_ids):
        free = select(topic.c.id).where(topic.c.id.in_(some), _IS_OUTSTANDING)
        free = free.with_for_update(skip_locked=True, key_share=True)
        ids = connection.execute(free).scalars().all()
        values = {"matched_up_to": up_to, "is_caught_up": is_caught_up}
        connection.execute(update(topic).where(topic.c.id.in_(ids)).values(**values))
        done |= set(ids)
    return done


def find_last_match(connection: Connection, range_id: int) -> int:
    """Return the number of the newest change that a topic of a range matched; 0 without a match."""
    first = range_id * TOPICS_PER_RANGE
    mine = match.c.topic_id.between(first, first + TOPICS_PER_RANGE - 1)
    newest: int = connection.execute(
        select(func.coalesce(func.max(match.c.change_seq), 0)).where(mine)
    ).scalar_one()
    return newest


def list_followed(
    connection: Connection, range_id: int, after: int, to: int
) -> list[tuple[int, int]]:
    """Return the changes of followed questions: pairs of a topic and the number of a change.

    Args:
        connection: The ledger.
        range_id: The range of the topics.
        after: Changes above this number, and above what a topic was matched with when it was made.
        to: Changes up to this number.
    """
    rows = connection.execute(
        select(topic.c.id, change.c.seq)
        .join(change, change.c.question_id == topic.c.question_id)
        .where(
            change.c.seq > after,
            change.c.seq <= to,
            change.c.seq > topic.c.matched_up_to,
            _is_in(range_id),
            ~topic.c.is_ended,
        )
    )
    return [(row.id, row.seq) for row in rows]


def lock_all(connection: Connection, topic_ids: Iterable[int]) -> set[int]:
    """Lock the ranges of some topics, those that nobody matches now; return their topics."""
    ids = set(topic_ids)
    free = {
        range_id
        for range_id in sorted({find_range(topic_id) for topic_id in ids})
        if lock(connection, range_id) is not None
    }
    return {topic_id for topic_id in ids if find_range(topic_id) in free}


def _is_in(range_id: int) -> ColumnElement[bool]:
    first = range_id * TOPICS_PER_RANGE
    return and_(topic.c.id >= first, topic.c.id < first + TOPICS_PER_RANGE)

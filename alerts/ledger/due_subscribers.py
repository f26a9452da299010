"""When to look next at what a subscriber is to be sent.

A row is a hint. Whoever looks finds out exactly what is due, and then sets when to look again, or
deletes the row. So a row too many costs one look, and a row too few would lose a digest: whatever
makes something due adds the row in the same transaction. Matches do by :func:`note_matches`; what
changes a subscription or a subscriber does by :func:`changing`. What comes with the time alone (a
followed question that becomes overdue, a notice) is found by :mod:`alerts.ledger.due_sweep`.

Rows are always locked in the order of their subscribers, so that no two transactions wait for each
other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    column,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from alerts.ledger import digest_rounds
from alerts.ledger.clock_readings import TOLERANCE
from alerts.ledger.digest_rounds import DigestRound
from alerts.ledger.due_calendar import DueCalendar
from alerts.ledger.due_schema import due_subscriber
from alerts.ledger.due_subscriptions import (
    DigestGroup,
    SubscriptionState,
    list_states,
    mark_empty_handled,
    may_be_sent,
)
from alerts.ledger.engine import Ledger
from alerts.ledger.inserts import iter_parameters
from alerts.ledger.schema import change, subscriber, subscription
from alerts.ledger.utc_datetime import UtcDateTime
from alerts.model import Frequency
from alerts.schedule import find_next_due

#: The time of who is to be looked at in the next round, whatever the clock shows.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
#: Subscribers of one range, which one process composes at a time: 10 s of work where all are due.
RANGE_SIZE = 1000


def note_matches(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Note when the subscribers whom new matches concern are to be looked at.

    A change that the last round knew was matched late: in a cluster, rounds do not wait for
    matching. It may be in time for the last due time, so the next round looks.

    Args:
        connection: Of the ledger, in a transaction that writes.
        pairs: Topic id and number of the change of each match.
    """
    last = digest_rounds.find_newest(connection)
    known = last.newest_seq if last else 0
    if late := _find_newest_alerting(connection, [pair for pair in pairs if pair[1] <= known]):
        _note_at_once(connection, late)
    if fresh := _find_newest_alerting(connection, [pair for pair in pairs if pair[1] > known]):
        _note_due(connection, fresh, last)


def _note_at_once(connection: Connection, newest: Mapping[int, int]) -> None:
    """Let the next round look at whom some changes concern, given by topic."""
    concerned = _select_concerned(connection, newest)
    at_once = literal(AT_ONCE, UtcDateTime())
    rows = concerned.with_only_columns(subscription.c.subscriber_id, at_once).distinct()
    _upsert(connection, rows.order_by(subscription.c.subscriber_id))


def _note_due(connection: Connection, newest: Mapping[int, int], last: DigestRound | None) -> None:
    """Note whom some changes concern, given by topic, for their first due time after a round."""
    concerned = _select_concerned(connection, newest)
    times = _build_times(connection, concerned, last)
    at_once = literal(AT_ONCE, UtcDateTime())
    is_new = subscription.c.last_due_at.is_(None)
    # A subscription whose frequency was changed since the groups were read has no time.
    due = case((is_new, at_once), else_=func.coalesce(times.c.due, at_once, type_=UtcDateTime()))
    is_theirs = and_(
        times.c.frequency == subscription.c.frequency,
        times.c.zone == subscriber.c.zone,
        times.c.hour == subscriber.c.hour,
    )
    rows = (
        concerned.outerjoin(times, is_theirs)
        .with_only_columns(subscription.c.subscriber_id, func.min(due, type_=UtcDateTime()))
        .group_by(subscription.c.subscriber_id)
        .order_by(subscription.c.subscriber_id)
    )
    _upsert(connection, rows)


def _build_times(
    connection: Connection, concerned: Select[tuple[int]], last: DigestRound | None
) -> FromClause:
    """Return the first due time after a round of each group of subscriptions, as a table."""
    wanted = concerned.with_only_columns(
        subscription.c.frequency, subscriber.c.zone, subscriber.c.hour
    )
    rows = [
        {
            "frequency": row.frequency,
            "zone": row.zone,
            "hour": row.hour,
            "due": _format_moment(
                connection, _find_due(Frequency(row.frequency), row.zone, row.hour, last)
            ),
        }
        for row in connection.execute(wanted.distinct())
    ]
    types: dict[str, TypeEngine[Any]] = {
        "frequency": Text(),
        "zone": Text(),
        "hour": Integer(),
        "due": UtcDateTime(),
    }
    return _build_rows(connection, "times", rows, types)


def _find_newest_alerting(
    connection: Connection, pairs: Sequence[tuple[int, int]]
) -> dict[int, int]:
    """Return the newest change of each topic that alerts somebody who was not sent it.

    There is none for a topic that is caught up with the past: its subscribers are sent nothing of
    that.
    """
    reached: dict[int, int] = {}
    for some in iter_parameters(sorted({topic_id for topic_id, _ in pairs})):
        mine = subscription.c.topic_id.in_(some), subscription.c.ended_at.is_(None)
        low = select(subscription.c.topic_id, func.min(subscription.c.sent_up_to).label("low"))
        rows = connection.execute(low.where(*mine).group_by(subscription.c.topic_id))
        reached |= {row.topic_id: row.low for row in rows}
    unsent = [(key, seq) for key, seq in pairs if key in reached and seq > reached[key]]
    loud = _list_loud(connection, sorted({seq for _, seq in unsent}))
    newest: dict[int, int] = {}
    for key, seq in unsent:
        if seq in loud:
            newest[key] = max(seq, newest.get(key, 0))
    return newest


def _list_loud(connection: Connection, numbers: Sequence[int]) -> set[int]:
    """Return those of some changes that are not silent."""
    loud: set[int] = set()
    for some in iter_parameters(numbers):
        wanted = select(change.c.seq).where(
            change.c.seq.in_(some), change.c.silence_reason.is_(None)
        )
        loud |= set(connection.execute(wanted).scalars())
    return loud


def _select_concerned(connection: Connection, newest: Mapping[int, int]) -> Select[tuple[int]]:
    """Select the subscriptions that were not sent all changes of their topics."""
    rows = [{"topic_id": key, "seq": seq} for key, seq in newest.items()]
    matched = _build_rows(connection, "matched", rows, {"topic_id": Integer(), "seq": Integer()})
    return (
        select(subscription.c.subscriber_id)
        .select_from(matched)
        .join(subscription, subscription.c.topic_id == matched.c.topic_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(may_be_sent(), subscription.c.sent_up_to < matched.c.seq)
    )


def _build_rows(
    connection: Connection,
    name: str,
    rows: Sequence[Mapping[str, object]],
    types: Mapping[str, TypeEngine[Any]],
) -> FromClause:
    """Return rows as a table of a query: one parameter, however many they are."""
    value = literal(json.dumps(rows))
    if connection.dialect.name == "sqlite":
        each = func.json_each(value).table_valued("value", name=f"{name}_json")
        columns = (
            func.json_extract(each.c.value, f"$.{key}", type_=kind).label(key)
            for key, kind in types.items()
        )
        return select(*columns).subquery(name)
    columns_of = (column(key, kind) for key, kind in types.items())
    found = func.jsonb_to_recordset(value.cast(postgresql.JSONB)).table_valued(*columns_of)
    return found.render_derived(name=name, with_types=True)


def _format_moment(connection: Connection, moment: datetime) -> str:
    """Return a moment as the database stores it, so that it can be compared."""
    is_sqlite = connection.dialect.name == "sqlite"
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite else moment.isoformat()


def _find_due(frequency: Frequency, zone: str, hour: int, last: DigestRound | None) -> datetime:
    """Return the first due time after a round; the next round looks where none can be named."""
    if last is None:
        return AT_ONCE
    return find_next_due(frequency, last.moment, zone, hour) or AT_ONCE


def _upsert(connection: Connection, rows: Select[tuple[int, datetime]]) -> None:
    """Add subscribers with when to look at them, or look earlier at those that are there.

    Workers are woken, who look whether it is time.
    """
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    adding = make(due_subscriber).from_select(["subscriber_id", "due_at"], rows)
    earlier = adding.excluded.due_at
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=[due_subscriber.c.subscriber_id],
            set_={"due_at": earlier},
            where=earlier < due_subscriber.c.due_at,
        )
    )
    Ledger.announce(connection, "compose")


def add(connection: Connection, subscriber_ids: Sequence[int], due_at: datetime = AT_ONCE) -> None:
    """Look at some subscribers at ``due_at``, or earlier where that is known."""
    for some in iter_parameters(sorted(subscriber_ids)):
        mine = select(subscriber.c.id, literal(due_at, UtcDateTime()))
        _upsert(connection, mine.where(subscriber.c.id.in_(some)).order_by(subscriber.c.id))


@contextmanager
def changing(connection: Connection, subscriber_ids: Sequence[int]) -> Iterator[None]:
    """Change subscribers or their subscriptions in the block; look at them in the next round.

    Whatever can make something due is done in such a block. No digest is composed for these
    subscribers meanwhile. Which due times their subscriptions were handled for is recorded before:
    afterwards, it does not follow from the rounds any more.

    Args:
        connection: Of the ledger, in a transaction that writes.
        subscriber_ids: The subscribers.
    """
    keys = sorted(set(subscriber_ids))
    for some in iter_parameters(keys):
        mine = select(subscriber.c.id).where(subscriber.c.id.in_(some)).order_by(subscriber.c.id)
        connection.execute(mine.with_for_update(key_share=True))
        _settle(connection, some)
    yield
    add(connection, keys)
    for some in iter_parameters(keys):
        mine_due = due_subscriber.c.subscriber_id.in_(some)
        connection.execute(update(due_subscriber).where(mine_due).values(is_settled=True))


def _settle(connection: Connection, subscriber_ids: Sequence[int]) -> None:
    """Record the newest due times that the subscriptions of some subscribers are handled for."""
    last = digest_rounds.find_newest(connection)
    if last is None:
        return
    states: dict[DigestGroup, list[SubscriptionState]] = {}
    for state in list_states(connection, subscriber_ids, is_sent=False):
        if not (
            state.is_settled or state.last_due_at is None or state.group.frequency.is_immediate
        ):
            states.setdefault(state.group, []).append(state)
    calendar = DueCalendar(last.moment)
    for group, some in states.items():
        found = calendar.get_due(connection, group)
        if found.round is not None:
            up_to = found.round.newest_seq
            mark_handled_until(connection, some, found.due, last.moment, up_to)


def mark_handled_until(
    connection: Connection,
    states: Sequence[SubscriptionState],
    due: datetime,
    now: datetime,
    up_to: int | None = None,
) -> None:
    """Record a due time as handled for those of some subscriptions that have nothing pending.

    Args:
        connection: The ledger.
        states: The subscriptions, all of one group. Those never sent a digest are left out: the
            first is sent as soon as there is a match, whatever the hour.
        due: The due time.
        now: The time; a due time after it is not believed.
        up_to: Only changes up to this number can be pending; None for all.
    """
    wanted = [
        state.subscription_id
        for state in states
        if state.last_due_at is not None
        and (state.last_due_at < due or state.last_due_at > now + TOLERANCE)
    ]
    for some in iter_parameters(wanted):
        mark_empty_handled(connection, some, due, up_to)


def list_waiting_ranges(connection: Connection, now: datetime) -> list[int]:
    """Return the ranges with subscribers to look at: the ids from 1,000 times their number on."""
    number = due_subscriber.c.subscriber_id // RANGE_SIZE
    wanted = select(number).where(due_subscriber.c.due_at <= now).distinct().order_by(number)
    return list(connection.execute(wanted).scalars())


def count_waiting(connection: Connection, now: datetime, numbers: Sequence[int]) -> int:
    """Return how many subscribers of some ranges are to be looked at."""
    number = due_subscriber.c.subscriber_id // RANGE_SIZE
    total = 0
    for some in iter_parameters(numbers):
        wanted = select(func.count()).where(due_subscriber.c.due_at <= now, number.in_(some))
        total += connection.execute(wanted).scalar_one()
    return total


def list_waiting(
    connection: Connection, now: datetime, number: int | None = None, *, after: int = -1, limit: int
) -> list[int]:
    """Return the ids of subscribers to look at, in order.

    Args:
        connection: The ledger.
        now: The time.
        number: Only those of this range; None for all.
        after: Only ids above this one.
        limit: How many at most.
    """
    key = due_subscriber.c.subscriber_id
    wanted = select(key).where(due_subscriber.c.due_at <= now, key > after)
    if number is not None:
        start = number * RANGE_SIZE
        wanted = wanted.where(key.between(start, start + RANGE_SIZE - 1))
    return list(connection.execute(wanted.order_by(key).limit(limit)).scalars())


class ClaimedSubscriber(msgspec.Struct, frozen=True):
    """A subscriber to look at, locked until the transaction ends."""

    id: int
    is_settled: bool  #: whether the due times that were handled are recorded exactly


def claim(
    connection: Connection, subscriber_ids: Sequence[int], now: datetime
) -> list[ClaimedSubscriber]:
    """Lock those of some subscribers who are to be looked at until the transaction ends.

    Those whom another transaction composes for or changes are left out.
    """
    found: dict[int, ClaimedSubscriber] = {}
    free: set[int] = set()
    for some in iter_parameters(sorted(subscriber_ids)):
        waiting = due_subscriber.c.subscriber_id.in_(some), due_subscriber.c.due_at <= now
        rows = select(due_subscriber.c.subscriber_id, due_subscriber.c.is_settled).where(*waiting)
        rows = rows.order_by(due_subscriber.c.subscriber_id).with_for_update(skip_locked=True)
        found |= {row[0]: ClaimedSubscriber(*row) for row in connection.execute(rows)}
        mine = select(subscriber.c.id).where(subscriber.c.id.in_(some)).order_by(subscriber.c.id)
        locking = mine.with_for_update(key_share=True, skip_locked=True)
        free |= set(connection.execute(locking).scalars())
    return [one for key, one in found.items() if key in free]


def set_next(connection: Connection, times: Mapping[int, datetime | None]) -> None:
    """Set when to look next at subscribers who were looked at.

    Args:
        connection: The ledger.
        times: By the subscriber's id; None where nothing is pending.
    """
    done = [key for key, due_at in times.items() if due_at is None]
    for some in iter_parameters(done):
        mine = due_subscriber.c.subscriber_id.in_(some)
        connection.execute(delete(due_subscriber).where(mine))
    later = [{"key": key, "due": due} for key, due in times.items() if due is not None]
    if later:
        connection.execute(
            update(due_subscriber)
            .where(due_subscriber.c.subscriber_id == bindparam("key"))
            .values(due_at=bindparam("due"), is_settled=False, has_failed=False),
            later,
        )


def put_off(connection: Connection, subscriber_ids: Sequence[int], due_at: datetime) -> None:
    """Look at subscribers later, whom it was too early to look at; change nothing else."""
    for some in iter_parameters(subscriber_ids):
        mine = due_subscriber.c.subscriber_id.in_(some)
        connection.execute(update(due_subscriber).where(mine).values(due_at=due_at))


def mark_failed(connection: Connection, subscriber_ids: Sequence[int]) -> None:
    """Record that the digests of some subscribers could not be composed."""
    for some in iter_parameters(subscriber_ids):
        mine = due_subscriber.c.subscriber_id.in_(some)
        connection.execute(update(due_subscriber).where(mine).values(has_failed=True))


def count_failed(connection: Connection) -> int:
    """Return how many digests could not be composed at the last look."""
    wanted = select(func.count()).select_from(due_subscriber)
    return connection.execute(wanted.where(due_subscriber.c.has_failed)).scalar_one()


def hold_composing(connection: Connection) -> None:
    """Let no digest be composed until the transaction ends. On SQLite, none ever is meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE due_subscriber IN EXCLUSIVE MODE")

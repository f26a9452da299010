"""Claims of messages, so that any number of processes deliver at once.

A message is claimed by one *delivery*, its holder, until its lease ends. Each claim makes the
message's epoch one higher. Whatever the holder writes afterwards names holder and epoch. A holder
that was stopped for longer than its lease, and whose message another delivery has claimed since,
finds that it is not the holder any more, and can write nothing.

The rows are locked before anything is decided by them, and rows that another delivery has locked
are passed over, so that deliveries do not wait for each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from alerts.ledger.clock_readings import TOLERANCE
from alerts.ledger.database_clock import build_after, read_after
from alerts.ledger.messages import RELEASED, MessagePhase
from alerts.ledger.processes import describe_process, has_ended
from alerts.ledger.schema import message

#: Written as in the conditions of the indexes: SQLite does not see through parameters.
_IS_QUEUED = message.c.phase == literal_column("'queued'")
_IS_CLAIMED = message.c.phase.in_([literal_column("'sending'"), literal_column("'handing_over'")])
#: A lease that ends later was dated by a clock that was ahead: the longest timeout of a channel,
#: and as much again.
_MAX_LEASE = timedelta(hours=2)


class LeasePeriods(msgspec.Struct, frozen=True):
    """How long a claim lasts unless it is renewed, which a delivery does all the time."""

    #: Before the message is handed over. Another delivery may take it then without harm, so this
    #: only has to outlast a database that is restarted.
    sending: timedelta = timedelta(minutes=2)
    #: While it is handed over: the wait for the reply to the final dot (ten minutes: RFC 5321,
    #: section 4.5.3.2.6), a minute to record it, and `last_byte`.
    handing_over: timedelta = timedelta(minutes=15)
    #: The last byte is not sent later than this after the handover was recorded: a process that
    #: was stopped in between does not know whether its lease has ended.
    last_byte: timedelta = timedelta(minutes=3)

    @property
    def renewal(self) -> timedelta:
        """How often to renew: two renewals may fail."""
        return self.sending / 4


class DueFilter(msgspec.Struct, frozen=True):
    """Which messages of the outbox a delivery is about."""

    now: datetime  #: those that are due then
    schemes: frozenset[str]  #: of recipients; ``mailto`` for email addresses
    other_than: frozenset[str] | None = None  #: also URLs whose scheme is none of these
    recipient: str | None = None  #: only messages to this address

    def is_due(self, connection: Connection) -> list[ColumnElement[bool]]:
        """Return the conditions, but for the phase."""
        conditions = [message.c.due_at <= self.now, self._is_carried()]
        if connection.dialect.name == "sqlite":  # which keeps damaged bytes in any column
            conditions.append(func.typeof(message.c.recipient) == "text")
        if self.recipient is not None:
            conditions.append(message.c.recipient == self.recipient)
        return conditions

    def _is_carried(self) -> ColumnElement[bool]:
        # A recipient that is damaged is passed over: see alerts.ledger.damaged_rows.
        is_url = message.c.recipient.contains("://")
        is_email = and_(~is_url, func.trim(message.c.recipient) != "")
        some = [is_email if scheme == "mailto" else _has_scheme(scheme) for scheme in self.schemes]
        if self.other_than is not None:
            some.append(and_(is_url, *(~_has_scheme(scheme) for scheme in self.other_than)))
        return or_(false(), *some)


def _has_scheme(scheme: str) -> ColumnElement[bool]:
    return message.c.recipient.startswith(f"{scheme}://", autoescape=True)


class DueMessage(msgspec.Struct, frozen=True):
    """A message that waits to be sent."""

    id: int
    recipient: str
    due_at: datetime

    @property
    def position(self) -> tuple[datetime, int]:
        """Its place in the order of a lane."""
        return self.due_at, self.id


_DUE_COLUMNS = [message.c[name] for name in DueMessage.__struct_fields__]


def name_delivery() -> str:
    """Return a name for a delivery of this process, as the holder of what it claims."""
    return f"{describe_process()}, delivery {secrets.token_hex(4)}"


def has_holder_ended(holder: str) -> bool:
    """Return whether the process of a delivery is known to have ended."""
    return has_ended(holder.partition(", delivery ")[0])


def has_due(connection: Connection, now: datetime) -> bool:
    """Return whether a delivery at this time has anything to do."""
    return count_due_up_to(connection, now, 1) > 0


def count_due_up_to(connection: Connection, now: datetime, most: int) -> int:
    """Return how many messages a delivery at this time may send; it counts no further than most."""
    queued = select(message.c.id).where(message.c.phase == "queued", message.c.due_at <= now)
    found = _count(connection, queued.limit(most))
    if found >= most:
        return found
    taken = select(message.c.id).where(_IS_CLAIMED, message.c.due_at <= now, _is_free(connection))
    return found + _count(connection, taken.limit(most - found))


def _count(connection: Connection, some: Select[int]) -> int:
    return connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()


def count_due(connection: Connection, wanted: DueFilter, lane: int | None = None) -> int:
    """Return how many messages may be claimed; only those of a lane, if one is given."""
    is_due = (
        wanted.is_due(connection)
        if lane is None
        else [*wanted.is_due(connection), message.c.lane == lane]
    )
    number = select(func.count()).select_from(message)
    queued = connection.execute(number.where(_IS_QUEUED, *is_due)).scalar_one()
    free = connection.execute(number.where(_IS_CLAIMED, *is_due, _is_free(connection)))
    return int(queued + free.scalar_one())


def _is_free(connection: Connection) -> ColumnElement[bool]:
    """Whether a message that was claimed may be claimed by another delivery.

    It may when its lease has ended, also one that ends too late to be true, or when the process of
    its holder is known to have ended.
    """
    holders = connection.execute(select(message.c.holder).where(_IS_CLAIMED).distinct()).scalars()
    ended = [holder for holder in holders if holder is not None and has_holder_ended(holder)]
    return is_lease_over(connection, message.c.holder, message.c.lease_until, ended)


def is_lease_over(
    connection: Connection,
    holder: ColumnElement[Any],
    lease_until: ColumnElement[Any],
    ended: Collection[str],
) -> ColumnElement[bool]:
    """Whether what is held until a moment may be taken.

    Args:
        connection: The ledger.
        holder: The column with the holder.
        lease_until: The column with the end of its lease.
        ended: Holders whose process is known to have ended.
    """
    return or_(
        holder.is_(None),
        lease_until < read_after(connection),
        lease_until > read_after(connection, _MAX_LEASE + TOLERANCE),
        holder.in_(ended),
    )


def lock_waiting(
    connection: Connection,
    wanted: DueFilter,
    lane: int,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[DueMessage]:
    """Lock queued messages of a lane that are due, oldest first; return them.

    Those that another delivery has locked are passed over.

    Args:
        connection: In a transaction that writes.
        wanted: Which messages.
        lane: Their lane.
        after: Only messages after this :attr:`DueMessage.position`; None for all.
        limit: How many at most.
    """
    is_next = [] if after is None else [tuple_(message.c.due_at, message.c.id) > after]
    some = (
        select(*_DUE_COLUMNS)
        .where(_IS_QUEUED, message.c.lane == lane, *wanted.is_due(connection), *is_next)
        .order_by(message.c.due_at, message.c.id)
        .limit(limit)
    )
    return _lock(connection, some)


def lock_these(connection: Connection, wanted: DueFilter, keys: Sequence[int]) -> list[DueMessage]:
    """Lock those of some messages that are queued and due; return them in order."""
    some = select(*_DUE_COLUMNS).where(
        _IS_QUEUED, message.c.id.in_(keys), *wanted.is_due(connection)
    )
    return _lock(connection, some.order_by(message.c.due_at, message.c.id))


def lock_abandoned(connection: Connection, wanted: DueFilter, limit: int) -> list[DueMessage]:
    """Lock messages whose holder has ended, or has let its lease end, and those in doubt."""
    some = (
        select(*_DUE_COLUMNS)
        .where(_IS_CLAIMED, *wanted.is_due(connection), _is_free(connection))
        .order_by(message.c.lane, message.c.due_at, message.c.id)
        .limit(limit)
    )
    return _lock(connection, some)


def _lock(connection: Connection, some: Select[Any]) -> list[DueMessage]:
    # On SQLite, a transaction that writes is alone.
    rows = connection.execute(some.with_for_update(skip_locked=True))
    return [DueMessage(*row) for row in rows]


def list_ends(
    connection: Connection, wanted: DueFilter, lane: int, oldest: int, newest: int
) -> list[DueMessage]:
    """Return the oldest and the newest messages of a lane that are queued and due, in order."""
    some = select(*_DUE_COLUMNS).where(
        _IS_QUEUED, message.c.lane == lane, *wanted.is_due(connection)
    )
    order = (message.c.due_at, message.c.id)
    found = [DueMessage(*row) for row in connection.execute(some.order_by(*order).limit(oldest))]
    if len(found) == oldest:
        backwards = some.order_by(*(column.desc() for column in order)).limit(newest)
        known = {one.id for one in found}
        late = [DueMessage(*row) for row in connection.execute(backwards)]
        found += [one for one in reversed(late) if one.id not in known]
    return found


def claim(connection: Connection, keys: Sequence[int], holder: str, periods: LeasePeriods) -> None:
    """Claim messages that were locked in this transaction. Their epochs become one higher."""
    if keys:
        connection.execute(
            update(message)
            .where(message.c.id.in_(keys))
            .values(
                phase="sending",
                holder=holder,
                claim_epoch=message.c.claim_epoch + 1,
                lease_until=read_after(connection, periods.sending),
            )
        )


class HeldMessage(msgspec.Struct, frozen=True):
    """A message that a delivery holds."""

    claim_epoch: int
    phase: MessagePhase


#: Built once, because it is executed for each message several times.
_HELD = (
    select(message.c.id, message.c.claim_epoch, message.c.phase)
    .where(
        message.c.id.in_(bindparam("keys", expanding=True)),
        message.c.holder == bindparam("of_holder"),
        _IS_CLAIMED,
    )
    .order_by(message.c.id)
    .with_for_update()
)


def lock_held(connection: Connection, keys: Sequence[int], holder: str) -> dict[int, HeldMessage]:
    """Lock those of some messages that a delivery still holds; return them by id.

    It waits for a delivery that is just taking them over. A message that was deleted with its
    subscriber is held by nobody.
    """
    held = connection.execute(_HELD, {"keys": list(keys), "of_holder": holder})
    return {row.id: HeldMessage(row.claim_epoch, row.phase) for row in held}


def mark_handing_over(
    connection: Connection, keys: Sequence[int], periods: LeasePeriods | None = None
) -> None:
    """Mark that messages are about to be handed over, and count this as an attempt.

    It is counted now, so that an attempt during which the process is killed counts as well.
    """
    if keys:
        period = (periods or LeasePeriods()).handing_over
        statement = _build_handing_over(connection.dialect.name, period)
        connection.execute(statement, {"keys": list(keys)})


@cache
def _build_handing_over(dialect: str, period: timedelta) -> Update:
    """Build the statement, once: for each message that is sent that took a fifth of a millisecond.

    A process has one or two dialects, and the periods of its configuration.
    """
    return (
        update(message)
        .where(message.c.id.in_(bindparam("keys", expanding=True)))
        .values(
            phase="handing_over",
            attempts=message.c.attempts + 1,
            lease_until=build_after(dialect, period),
        )
    )


def mark_untried(connection: Connection, keys: Sequence[int]) -> None:
    """Queue messages again that were claimed for sending, and do not count the attempt."""
    if keys:
        waiting = update(message).where(message.c.id.in_(keys), _IS_CLAIMED)
        counted = case((message.c.phase == "handing_over", 1), else_=0)
        connection.execute(
            waiting.values(phase="queued", attempts=message.c.attempts - counted, **RELEASED)
        )


def renew(connection: Connection, holder: str, periods: LeasePeriods) -> None:
    """Renew the leases of all messages that a delivery holds."""
    connection.execute(
        update(message)
        .where(_IS_CLAIMED, message.c.holder == holder)
        .values(
            lease_until=case(
                (
                    message.c.phase == "handing_over",
                    read_after(connection, periods.handing_over),
                ),
                else_=read_after(connection, periods.sending),
            )
        )
    )


def release(connection: Connection, holder: str) -> None:
    """Queue the messages again that a delivery holds and has not begun to hand over."""
    waiting = update(message).where(
        _IS_CLAIMED, message.c.phase == "sending", message.c.holder == holder
    )
    connection.execute(waiting.values(phase="queued", **RELEASED))

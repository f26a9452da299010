"""What limits deliveries, over all processes together: connections, pace, digests in a day.

Also that a channel is shut: what one delivery has found out, the others respect.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, Float, case, func, literal, or_, select, update

from alerts.ledger.claims import has_holder_ended, is_lease_over
from alerts.ledger.database_clock import read_after, read_seconds
from alerts.ledger.delivery_schema import channel_licence, channel_state, digest_limit
from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import message

#: A turn that is so many turns away was dated by a clock that was ahead: more than a channel has
#: connections (100), over several processes that have just lost theirs.
_MAX_TURNS = 1000
_DAY = timedelta(days=1)
_ONLY_ROW = 1


# --------------------------------------------------------------------------------- connections


def acquire_licences(
    connection: Connection,
    channel: str,
    most: int,
    wanted: int,
    holder: str,
    period: timedelta,
) -> int:
    """Take licences to open connections of a channel.

    Args:
        connection: In a transaction that writes.
        channel: Its name.
        most: How many connections of it may be open at once, over all processes.
        wanted: How many to take, if that number is free.
        holder: The delivery that takes them.
        period: Until they are free again unless renewed.

    Returns:
        How many were taken.
    """
    mine = channel_licence.c.channel == channel
    _add_licences(connection, channel, most)
    numbers = (
        select(channel_licence.c.number)
        .where(mine, channel_licence.c.number <= most, _is_free(connection, mine))
        .order_by(channel_licence.c.number)
        .limit(wanted)
        .with_for_update(skip_locked=True)
    )
    free = connection.execute(numbers).scalars().all()
    taken = update(channel_licence).where(mine, channel_licence.c.number.in_(free))
    until = read_after(connection, period)
    connection.execute(taken.values(holder=holder, lease_until=until))
    return len(free)


def _add_licences(connection: Connection, channel: str, most: int) -> None:
    there = select(channel_licence.c.number).where(channel_licence.c.channel == channel)
    known = set(connection.execute(there).scalars())
    for number in range(1, most + 1):
        if number not in known:
            insert_once(connection, channel_licence, channel=channel, number=number)


def _is_free(connection: Connection, mine: ColumnElement[bool]) -> ColumnElement[bool]:
    holders = connection.execute(select(channel_licence.c.holder).where(mine).distinct()).scalars()
    ended = [holder for holder in holders if holder is not None and has_holder_ended(holder)]
    columns = channel_licence.c
    return is_lease_over(connection, columns.holder, columns.lease_until, ended)


def renew_licences(connection: Connection, holder: str, period: timedelta) -> None:
    """Renew the licences that a delivery holds."""
    held = update(channel_licence).where(channel_licence.c.holder == holder)
    connection.execute(held.values(lease_until=read_after(connection, period)))


def release_licences(connection: Connection, holder: str) -> None:
    """Give back the licences that a delivery holds."""
    held = update(channel_licence).where(channel_licence.c.holder == holder)
    connection.execute(held.values(holder=None, lease_until=None))


# ---------------------------------------------------------------------------------------- pace


def take_turn(connection: Connection, channel: str, interval: float) -> float:
    """Take the next turn to send a message.

    Turns are reckoned by the database's clock, because the processes that share them may be on
    machines whose clocks differ by more than a turn.

    Args:
        connection: In a transaction that writes, which is to end before the turn comes.
        channel: The name of the channel.
        interval: Seconds between two turns.

    Returns:
        Seconds until the turn.
    """
    insert_once(connection, channel_state, channel=channel)
    now = read_seconds(connection)
    planned = channel_state.c.next_turn
    is_true = planned < now + literal(_MAX_TURNS * interval, Float)
    turn = case((is_true & (planned > now), planned), else_=now)
    taken = (
        update(channel_state)
        .where(channel_state.c.channel == channel)
        .values(next_turn=turn + literal(interval, Float))
        .returning(channel_state.c.next_turn - literal(interval, Float) - now)
    )
    return max(0.0, float(connection.execute(taken).scalar_one()))


# ------------------------------------------------------------------------------- digests in a day


def lock_room(
    connection: Connection, per_day: int, lane: int, now: datetime, *, counts: bool
) -> int:
    """Return how many more digests may be claimed; nobody else claims any until the commit.

    Args:
        connection: In a transaction that writes.
        per_day: How many may be sent in 24 hours.
        lane: The lane of digests.
        now: The time.
        counts: Whether to count what was sent, and not to rely on the number in the ledger. That
            number is never too low, unless digests were claimed by somebody without a limit.
    """
    insert_once(connection, digest_limit, id=_ONLY_ROW, taken=per_day)
    taken = connection.execute(select(digest_limit.c.taken).with_for_update()).scalar_one()
    if counts or taken >= per_day:
        taken = _count_taken(connection, lane, now)
        connection.execute(update(digest_limit).values(taken=taken))
    return max(0, per_day - int(taken))


def _count_taken(connection: Connection, lane: int, now: datetime) -> int:
    """Return how many digests were sent in the last 24 hours or are being sent."""
    number = select(func.count()).select_from(message).where(message.c.lane == lane)
    sent = number.where(message.c.sent_at > now - _DAY).scalar_subquery()
    busy = number.where(message.c.phase.in_(("sending", "handing_over"))).scalar_subquery()
    # One statement: a digest that is recorded as sent at this moment is counted once.
    return int(connection.execute(select(sent + busy)).scalar_one())


def take_room(connection: Connection, number: int) -> None:
    """Note that digests were claimed, in the transaction of :func:`lock_room`."""
    connection.execute(update(digest_limit).values(taken=digest_limit.c.taken + number))


# ------------------------------------------------------------------------------- shut channels


class ShutChannel(msgspec.Struct, frozen=True):
    """Why nothing more is to be sent over a channel for now."""

    reason: str
    is_refusal: bool  #: whether the other side refuses us


def shut(
    connection: Connection, channel: str, why: ShutChannel, holder: str, period: timedelta
) -> None:
    """Note that a delivery has found that nothing more should be sent over a channel.

    Args:
        connection: In a transaction that writes.
        channel: Its name.
        why: What the delivery found.
        holder: The delivery.
        period: For how long others send nothing.
    """
    insert_once(connection, channel_state, channel=channel)
    connection.execute(
        update(channel_state)
        .where(channel_state.c.channel == channel)
        .values(
            shut_at=read_after(connection),
            shut_until=read_after(connection, period),
            shut_by=holder,
            shut_reason=why.reason,
            is_refusal=why.is_refusal,
        )
    )


def find_shut(
    connection: Connection, channel: str, holder: str, began: datetime
) -> ShutChannel | None:
    """Return why another delivery has shut a channel; None if that does not hold for this one.

    It holds for the deliveries that were under way then, and for a while for those of other
    processes, until the one that shut it ends.

    Args:
        connection: The ledger.
        channel: The name of the channel.
        holder: The delivery that asks.
        began: When it began, by the database's clock.
    """
    columns = channel_state.c
    is_lasting = (columns.shut_until > read_after(connection)) & (
        columns.shut_at <= read_after(connection)
    )
    row = connection.execute(
        select(columns.shut_by, columns.shut_at, columns.shut_reason, columns.is_refusal).where(
            columns.channel == channel,
            columns.shut_by != holder,
            or_(columns.shut_at >= began, is_lasting),
        )
    ).one_or_none()
    if row is None or (row.shut_at < began and _is_void(row.shut_by, holder)):
        return None
    return ShutChannel(row.shut_reason, row.is_refusal)


def _is_void(shut_by: str, holder: str) -> bool:
    """Whether the process that shut a channel is the one that asks, or has ended."""
    return _get_process(shut_by) == _get_process(holder) or has_holder_ended(shut_by)


def _get_process(holder: str) -> str:
    return holder.rpartition(", ")[0]


def read_clock(connection: Connection) -> datetime:
    """Return the time by the database's clock."""
    found: datetime = connection.execute(select(read_after(connection))).scalar_one()
    return found

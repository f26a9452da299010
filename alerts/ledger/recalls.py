"""Digests in the outbox that are taken back, to be composed again without a change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, and_, delete, exists, func, select, update

from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.due_subscribers import changing
from alerts.ledger.inserts import iter_parameters
from alerts.ledger.messages import MessagePhase
from alerts.ledger.schema import (
    digest_item,
    digest_notice,
    message,
    subscription,
)


class ShownIn(msgspec.Struct, frozen=True):
    """The digests that show some changes."""

    waiting: frozenset[int]  #: not sent, and not being sent
    being_sent: frozenset[int]
    finished: frozenset[int]  #: sent, failed, dropped, or in doubt


def find_digests(connection: Connection, numbers: Sequence[int]) -> ShownIn:
    """Return the digests that show any of the changes with the given numbers."""
    phases: dict[int, MessagePhase] = {}
    for some in iter_parameters(numbers):
        wanted = (
            select(message.c.id, message.c.phase)
            .join(digest_item, digest_item.c.message_id == message.c.id)
            .where(digest_item.c.change_seq.in_(some))
        )
        phases |= {row.id: row.phase for row in connection.execute(wanted)}
    busy = ("sending", "handing_over")
    return ShownIn(
        frozenset(key for key, phase in phases.items() if phase == "queued"),
        frozenset(key for key, phase in phases.items() if phase in busy),
        frozenset(key for key, phase in phases.items() if phase not in ("queued", *busy)),
    )


def recall(connection: Connection, keys: Collection[int]) -> int:
    """Delete waiting digests and let all that they show be composed again; return how many.

    The later digests of the same subscriptions are recalled with them, if they are waiting: a
    subscription is handled up to one change, and is sent nothing before it again. Where a later one
    was sent already, what the earlier one shows cannot be composed again, and is not sent.
    """
    recalled = _lock_waiting(connection, _add_later(connection, set(keys)))
    for key in sorted(recalled):
        _reopen_subscriptions(connection, key, recalled)
    tables: tuple[tuple[Table, Any], ...] = (
        (delivery_attempt, delivery_attempt.c.message_id),
        (digest_item, digest_item.c.message_id),
        (digest_notice, digest_notice.c.message_id),
        (message, message.c.id),
    )
    for some in iter_parameters(sorted(recalled)):
        for table, column in tables:
            connection.execute(delete(table).where(column.in_(some)))
    return len(recalled)


def _lock_waiting(connection: Connection, keys: Collection[int]) -> set[int]:
    """Return those of some digests that no delivery has claimed meanwhile; none can any more."""
    found: set[int] = set()
    for some in iter_parameters(sorted(keys)):
        waiting = select(message.c.id).where(message.c.id.in_(some), message.c.phase == "queued")
        rows = connection.execute(waiting.order_by(message.c.id).with_for_update())
        found |= set(rows.scalars())
    return found


def _add_later(connection: Connection, keys: set[int]) -> set[int]:
    """Return ``keys`` with the waiting digests of the same subscriptions that came after them."""
    found, fresh = set(keys), set(keys)
    while fresh:
        later: set[int] = set()
        for some in iter_parameters(sorted(fresh)):
            touched = select(digest_item.c.subscription_id)
            wanted = (
                select(message.c.id)
                .join(digest_item, digest_item.c.message_id == message.c.id)
                .where(
                    message.c.phase == "queued",
                    message.c.id > min(some),
                    digest_item.c.subscription_id.in_(
                        touched.where(digest_item.c.message_id.in_(some))
                    ),
                )
            )
            later |= set(connection.execute(wanted).scalars())
        fresh = later - found
        found |= fresh
    return found


def _reopen_subscriptions(connection: Connection, key: int, recalled: Collection[int]) -> None:
    """Let the subscriptions of one digest be due again, from before its first change on."""
    firsts = connection.execute(
        select(digest_item.c.subscription_id, func.min(digest_item.c.change_seq))
        .where(digest_item.c.message_id == key)
        .group_by(digest_item.c.subscription_id)
    ).all()
    mine = subscription.c.id.in_([subscription_id for subscription_id, _ in firsts])
    owners = connection.execute(select(subscription.c.subscriber_id).where(mine)).scalars().all()
    with changing(connection, owners):
        for subscription_id, first in firsts:
            sent_later = exists().where(
                digest_item.c.subscription_id == subscription_id,
                digest_item.c.change_seq >= first,
                digest_item.c.message_id.not_in(sorted(recalled)),
            )
            connection.execute(
                update(subscription)
                .where(
                    and_(
                        subscription.c.id == subscription_id,
                        subscription.c.sent_up_to >= first,
                        ~sent_later,
                    )
                )
                .values(sent_up_to=first - 1, last_due_at=None)
            )

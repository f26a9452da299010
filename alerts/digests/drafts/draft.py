"""A draft: one subscriber's digest, and what it was written from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection

from alerts.delivery import split_keys
from alerts.digests.drafts.run import DigestRun
from alerts.digests.pending_items import PendingItems, look_at
from alerts.digests.subscriber_digest import ComposedDigest, compose_digest


class Draft(msgspec.Struct, frozen=True):
    """A digest that was written without regard to the sent log."""

    pending: PendingItems  #: all that it depends on, beside settings and takedowns
    composed: ComposedDigest


class DraftBatch(msgspec.Struct, frozen=True):
    """The drafts for some subscribers, as far as any could be written."""

    taken_down: int  #: the number of takedowns that they take account of
    drafts: tuple[Draft, ...]


def write_drafts(
    connection: Connection, subscriber_ids: Sequence[int], run: DigestRun
) -> DraftBatch:
    """Write the digests of those of some subscribers to whom something is due.

    One that cannot be written is left out: whoever composes it says why.

    Args:
        connection: The ledger, for reading.
        subscriber_ids: The subscribers.
        run: The run, without a sent log.
    """
    run.heed_takedowns(connection)  # first: what is taken down later makes the drafts invalid
    return DraftBatch(run.taken_down, tuple(_iter_drafts(connection, subscriber_ids, run)))


def _iter_drafts(
    connection: Connection, subscriber_ids: Sequence[int], run: DigestRun
) -> Iterator[Draft]:
    pending = look_at(connection, subscriber_ids, run.calendar).pending
    numbers = {item.match.change_seq for items in pending for item in items.matches}
    found = run.context.entry_cache.get_changes(connection, numbers)
    for items in pending:
        try:
            composed = compose_digest(items, found, run.context, lambda _id, _numbers: set())
        except Exception:  # noqa: BLE001, S112  # the boundary around one digest; see above
            continue
        yield Draft(items, composed)


def still_holds(draft: Draft, pending: PendingItems, run: DigestRun) -> bool:
    """Return whether a draft is what would be composed now.

    It is so where the subscriber is to be sent the same as when it was drafted, and the sent log
    has nothing of it. Takedowns are not looked at here.

    Args:
        draft: The draft.
        pending: What the subscriber is to be sent, read in the transaction that marks it.
        run: The run, with the sent log.
    """
    message = draft.composed.message
    keys = set(split_keys(message.sent_log_data)) if message is not None else set()
    return draft.pending == pending and not run.context.sent_log.find(keys, run.now)

"""The digests of some subscribers, composed and put into the outbox in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alerts.delivery import SentLogError
from alerts.digests.drafts import DigestRun, DraftBatch, still_holds
from alerts.digests.pending_items import PendingItems, look_at
from alerts.digests.subscriber_digest import Changes, ComposedDigest, compose_digest
from alerts.ledger import (
    due_subscribers,
    due_subscriptions,
    followed_questions,
    messages,
    topic_ranges,
)
from alerts.ledger.due_calendar import DueCalendar
from alerts.ledger.due_subscriptions import DigestGroup, SubscriptionState
from alerts.mail import OutgoingMessage
from alerts.rendering import TemplatesError
from crawler.event_log import get_logger

log = get_logger("watchword.compose")

#: After which it is looked again at subscribers some of whose topics are not matched yet: a range
#: is matched with the changes of a crawl in some seconds.
_MATCHING_PAUSE = timedelta(seconds=10)


def compose_batch(
    connection: Connection,
    subscriber_ids: Sequence[int],
    run: DigestRun,
    drafted: DraftBatch | None = None,
) -> int:
    """Compose what is due to some subscribers, and note when to look at them again.

    Those whom another transaction composes for or changes are left out.

    Args:
        connection: Of the ledger, in a transaction of a task.
        subscriber_ids: The subscribers.
        run: The run.
        drafted: What another process has written ahead; what holds no more is written again.

    Returns:
        How many messages are new in the outbox.
    """
    now = run.now
    claimed = due_subscribers.claim(connection, subscriber_ids, now)
    run.heed_takedowns(connection)  # after claiming: on PostgreSQL, that waits for a takedown
    # One range of topics may be matched with a change before another: a question that matches
    # topics of both must not come in two digests.
    up_to = topic_ranges.get_match_progress(connection)
    look = look_at(connection, [one.id for one in claimed], run.calendar, up_to)
    due_subscribers.put_off(connection, sorted(look.early), now + _MATCHING_PAUSE)
    composer = _Composer(connection, look.pending, run, drafted)
    queued, failed, again = _queue_digests(connection, look.pending, now, composer)
    settled = [one.id for one in claimed if one.is_settled and one.id not in look.early]
    _mark_empty_handled(connection, settled, run.calendar)
    due_subscribers.mark_failed(connection, failed)
    next_looks = {key: moment for key, moment in look.next_looks.items() if key not in failed}
    due_subscribers.set_next(connection, next_looks | dict.fromkeys(again, now))
    return queued


def _queue_digests(
    connection: Connection, pending: Sequence[PendingItems], now: datetime, composer: _Composer
) -> tuple[int, list[int], list[int]]:
    """Put the digests that are due into the outbox.

    Returns:
        How many messages are new in it, the subscribers whose digest could not be composed, and
        those who are to be looked at again in the next round.
    """
    queued, failed, again = 0, [], []
    for items in pending:
        composed = composer.compose(items)
        if composed is not None and not _queue_digest(connection, composed, now):
            composed = composer.write(items, now)
            if composed is not None:
                _queue_digest(connection, composed, now)
        if composed is None:
            failed.append(items.subscriber.id)
            continue
        queued += composed.message is not None
        if composed.handled.put_off:
            again.append(items.subscriber.id)
    return queued, failed, again


def list_messages(
    connection: Connection, subscriber_ids: Sequence[int], run: DigestRun
) -> Iterator[OutgoingMessage]:
    """Yield the digests that are due to some subscribers; write nothing."""
    pending = look_at(connection, subscriber_ids, run.calendar).pending
    composer = _Composer(connection, pending, run, None)
    for items in pending:
        composed = composer.write(items)
        if composed is not None and composed.message is not None:
            yield composed.message


class _Composer:
    """Composes the digests of one batch."""

    def __init__(
        self,
        connection: Connection,
        pending: Sequence[PendingItems],
        run: DigestRun,
        drafted: DraftBatch | None,
    ) -> None:
        self._connection, self._pending, self._run = connection, pending, run
        is_current = drafted is not None and drafted.taken_down == run.taken_down
        drafts = drafted.drafts if drafted is not None and is_current else ()
        self._drafts = {draft.pending.subscriber.id: draft for draft in drafts}

    def compose(self, pending: PendingItems) -> ComposedDigest | None:
        """Return a digest, drafted or written now; None after logging why it cannot be."""
        draft = self._drafts.get(pending.subscriber.id)
        if draft is not None and still_holds(draft, pending, self._run):
            self._run.drafts_used += 1
            return draft.composed
        return self.write(pending)

    def write(
        self, pending: PendingItems, repeated_at: datetime | None = None
    ) -> ComposedDigest | None:
        """Return a digest that is written now; None after logging why it cannot be.

        ``repeated_at`` is None but for a second digest for the same due time.
        """
        found, context = self._changes, self._run.context
        try:
            list_digested = partial(messages.list_digested_changes, self._connection)
            return compose_digest(pending, found, context, list_digested, repeated_at)
        except (TemplatesError, SentLogError, DBAPIError):
            raise  # it concerns every digest: what it names must be mended
        except Exception:  # the boundary around one digest: a record that nobody foresaw
            log.exception("cannot compose a digest", subscriber=pending.subscriber.id)
            return None

    @cached_property
    def _changes(self) -> Changes:
        """The changes of the batch; they are not read where all its drafts hold."""
        numbers = {item.match.change_seq for items in self._pending for item in items.matches}
        return self._run.context.entry_cache.get_changes(self._connection, numbers)


def _mark_empty_handled(
    connection: Connection, subscriber_ids: Sequence[int], calendar: DueCalendar
) -> None:
    """Record the due times at which subscribers who were changed since had nothing pending.

    From now on, the rounds tell which later ones are handled.
    """
    states: dict[DigestGroup, list[SubscriptionState]] = {}
    for state in due_subscriptions.list_states(connection, subscriber_ids, is_sent=False):
        if not state.group.frequency.is_immediate:
            states.setdefault(state.group, []).append(state)
    for group, some in states.items():
        due = calendar.get_due(connection, group).due
        due_subscribers.mark_handled_until(connection, some, due, calendar.now)


def _queue_digest(connection: Connection, composed: ComposedDigest, now: datetime) -> bool:
    """Put a digest into the outbox, unless it is there already, and mark what it handles.

    Returns:
        False where its subscriber has had another digest for the same due time: the clock was set
        back since, or an alert was changed. Then nothing is marked.
    """
    if composed.message is not None and not messages.queue(connection, composed.message, now):
        return False
    handled = composed.handled
    due_subscriptions.mark_handled(connection, handled.subscriptions)
    due_subscriptions.mark_passed(connection, handled.put_off)
    followed_questions.mark_handled(
        connection, handled.overdue_subscriptions, handled.answered_subscriptions, now
    )
    return True

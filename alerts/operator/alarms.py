"""The alarms about the service itself: mail that cannot be delivered, and jobs that fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.bounces import list_waiting
from alerts.ledger import alarms, bounces, damaged_rows, deliveries
from alerts.refusals import strip_addresses

_MAIL_ALARMS = (
    *("queue", "content_rejected", "daily_limit", "failures", "in_doubt", "suspensions"),
    "damaged",
)
#: A message is tried within seconds and retried within minutes; an hour without a first attempt
#: means that the mail server cannot be used.
_MAX_QUEUE_DELAY = timedelta(hours=1)
#: Greylisting takes minutes, seldom an hour. Mail servers warn of a delay after four hours.
_MAX_DEFERRAL = timedelta(hours=4)
#: One rejection a day can be a single mailbox's filter; five in a day concern what we send.
_MIN_CONTENT_REJECTIONS = 5
_REJECTION_PERIOD = timedelta(hours=24)
#: Failures are counted in a short time, which one bad round fills, and in a long one.
_FAILURE_PERIODS = (timedelta(hours=1), timedelta(hours=24))
#: A few in a hundred addresses of a list go bad in a month, not in a day. Two failures can be
#: chance in a small round.
_MAX_FAILURE_SHARE = 0.03
_MIN_FAILURES = 3
#: Messages in doubt that an alarm names; the others are counted.
_NAMED_MESSAGES = 3
#: One count for so many times as long as it takes: a fiftieth of a percent of the time. Rows are
#: damaged by disks and by hand, and each costs itself only. With a thousand subscriptions a count
#: takes 5 ms, and is made in every round; with a million it takes half a second, and is made every
#: hour.
_REST = 5000


class DamageSurvey:
    """The number of damaged rows, as last counted. Threads may share it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Prepare; ``monotonic`` returns seconds."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._counted: Mapping[str, int] = {}
        self._next_at = float("-inf")

    def count(self, connection: Connection) -> Mapping[str, int]:
        """Return how many rows of each kind are damaged, counted anew if it is time."""
        with self._lock:
            began = self._monotonic()
            if began >= self._next_at:
                self._counted = damaged_rows.count_all(connection)
                ended = self._monotonic()
                self._next_at = ended + (ended - began) * _REST
            return self._counted


def update_mail_alarms(
    connection: Connection,
    over_daily_limit: int,
    problem: str | None,
    now: datetime,
    *,
    refusal: str | None = None,
    has_sent: bool = False,
    count_damaged: Callable[[Connection], Mapping[str, int]] = damaged_rows.count_all,
) -> None:
    """Raise and clear the alarms about delivery.

    Args:
        connection: A connection that may write.
        over_daily_limit: Digests that wait because ``[mail] per_day`` is used up.
        problem: Why the channel could not be used, None if it could.
        now: Aware, in UTC.
        refusal: How a mail server refuses us whatever the message, None if it did not.
        has_sent: Whether anything was accepted in this round: only that ends a refusal.
        count_damaged: Returns how many rows of each kind are damaged.
    """
    reasons = {
        **_find_queue_alarm(connection, over_daily_limit, problem, now),
        **_find_failure_alarms(connection, now),
        **_find_doubt_alarm(connection),
        **_find_suspension_alarm(connection, now),
        **_describe_damage(count_damaged(connection)),
    }
    checked: tuple[str, ...] = _MAIL_ALARMS
    if refusal is not None:
        reasons["refused"] = f"{refusal}; everything stays in the outbox"
    elif report := _describe_refusals(connection, now):
        reasons["refused"] = report
    elif has_sent:
        checked = (*_MAIL_ALARMS, "refused")
    alarms.update_open(connection, None, reasons, checked, now)


def update_report_alarm(connection: Connection, set_aside: Sequence[str], now: datetime) -> None:
    """Raise the alarm about returned emails that were set aside, and clear it a day later.

    Args:
        connection: A connection that may write.
        set_aside: The Message-IDs of those that were set aside now.
        now: Aware, in UTC.
    """
    if set_aside:
        more = f" and {len(set_aside) - _NAMED_MESSAGES} more" * (len(set_aside) > _NAMED_MESSAGES)
        reason = (
            "returned emails could not be read, or do not prove which message they are about, so "
            "nothing follows from them; they are flagged in the mailbox: "
            f"{', '.join(set_aside[:_NAMED_MESSAGES])}{more}"
        )
        alarms.update_open(connection, None, {"reports": reason}, (), now)
        return
    raised = [a.raised_at for a in alarms.list_open(connection) if a.kind == "reports"]
    if raised and now - raised[0] > _REJECTION_PERIOD:
        alarms.update_open(connection, None, {}, ("reports",), now)


def _describe_damage(damaged: Mapping[str, int]) -> dict[str, str]:
    if not damaged:
        return {}
    named = ", ".join(f"{number} {kind}" for kind, number in damaged.items())
    return {"damaged": f"the ledger holds damaged rows, which are passed over: {named}"}


def _find_queue_alarm(
    connection: Connection, over_daily_limit: int, problem: str | None, now: datetime
) -> dict[str, str]:
    if over_daily_limit:  # which also explains a queue
        wait = "digest waits" if over_daily_limit == 1 else "digests wait"
        return {"daily_limit": f"{over_daily_limit:,} {wait} because mail.per_day is used up"}
    oldest = deliveries.find_oldest_queued(connection, now)
    if oldest is None or now - oldest <= _MAX_QUEUE_DELAY:
        return _find_deferral_alarm(connection, now)
    why = f": {problem}" if problem else ""
    return {"queue": f"messages have waited since {oldest:%Y-%m-%d %H:%M} UTC{why}"}


def _find_deferral_alarm(connection: Connection, now: datetime) -> dict[str, str]:
    """Return the alarm about messages that servers put off again and again: all, or many."""
    deferred, sent, reply = deliveries.count_deferred(connection, now - _MAX_DEFERRAL)
    if not deferred or (sent and deferred < max(_MIN_FAILURES, _MAX_FAILURE_SHARE * sent)):
        return {}
    hours = _MAX_DEFERRAL // timedelta(hours=1)
    said = f": {strip_addresses(reply)}" if reply else ""
    put_off = "message was" if deferred == 1 else "messages were"
    accepted = "was" if sent == 1 else "were"
    return {
        "queue": f"{deferred:,} {put_off} put off for more than {hours} h, and {sent:,} {accepted} "
        f"accepted meanwhile{said}"
    }


def _find_failure_alarms(connection: Connection, now: datetime) -> dict[str, str]:
    reasons: dict[str, str] = {}
    rejected = deliveries.count_outcomes_since(
        connection, "content_rejected", now - _REJECTION_PERIOD
    )
    if rejected >= _MIN_CONTENT_REJECTIONS:
        reasons["content_rejected"] = (
            f"{rejected} messages in 24 hours were rejected for their content, not their "
            "recipient: see `watchword deliveries --phase failed`"
        )
    for period in _FAILURE_PERIODS:
        failed = deliveries.count_outcomes_since(connection, "failed", now - period) + (
            deliveries.count_outcomes_since(connection, "content_rejected", now - period)
        )
        if failed < _MIN_FAILURES:
            continue  # what was sent need not be counted: that can be a million messages
        total = failed + deliveries.count_outcomes_since(connection, "sent", now - period)
        if failed >= _MAX_FAILURE_SHARE * total:
            hours = period // timedelta(hours=1)
            reasons["failures"] = (
                f"{failed} of {total} messages failed within {hours} h: "
                "see `watchword deliveries --phase failed`"
            )
    return reasons


def _find_doubt_alarm(connection: Connection) -> dict[str, str]:
    held = deliveries.list_held(connection)
    if not held:
        return {}
    names = ", ".join(f"{number} {name}" for number, name in held[:_NAMED_MESSAGES])
    more = f" and {len(held) - _NAMED_MESSAGES} more" if len(held) > _NAMED_MESSAGES else ""
    return {
        "in_doubt": f"it is not known whether messages arrived, so they are held: {names}{more}; "
        "see `watchword deliveries --phase in_doubt`"
    }


def _find_suspension_alarm(connection: Connection, now: datetime) -> dict[str, str]:
    waiting = list_waiting(connection, now)
    if not waiting:
        return {}
    return {
        "suspensions": f"addresses that bounce or complain ({len(waiting):,}) are suspended only "
        "with your approval, because they are many or nothing proves it: see "
        "`watchword suspended --waiting`"
    }


def _describe_refusals(connection: Connection, now: datetime) -> str | None:
    """Return how often receivers refused us over an open channel; None if it was seldom."""
    since = now - _REJECTION_PERIOD
    replies = deliveries.count_outcomes_since(connection, "refused", since)
    reports = bounces.count_kind_since(connection, "refused", since)
    if replies + reports < _MIN_FAILURES:
        return None
    return (
        f"receivers refused us {replies + reports} times in 24 hours, whoever the recipient was: "
        "see `watchword deliveries`"
    )

"""How long it takes from the publication of a change on the source's site to an email about it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import quantiles

import msgspec
from sqlalchemy import Connection, func, select

from alerts.ledger.schema import change, crawl_run, digest_item, message, question, subscription
from alerts.model import Frequency

#: The newest 5,000 changes suffice for a median and a 95th percentile.
_MAX_CHANGES = 5000
#: A change that was found by the first complete crawl for so long has no delay that says anything.
_MAX_GAP = timedelta(days=30)


class PublicationDelay(msgspec.Struct, frozen=True):
    """The delay from publication to email, or to our reading, in minutes; an upper bound.

    Sources do not say when a page was published. The delay is counted from the start of the last
    complete crawl that did not find the change.
    """

    median: float
    p95: float
    changes: int  #: how many changes it was measured on


class MeasuredDelay(msgspec.Struct, frozen=True):
    """The delay of one change, an upper bound as in `PublicationDelay`."""

    arrived_at: datetime  #: when it was sent, or read
    minutes: float


def measure_delay(connection: Connection, source: str, since: datetime) -> PublicationDelay | None:
    """Return the delay of the changes of a source that were sent in immediate emails since a time.

    None if there were none.
    """
    return _summarise(list_delays(connection, source, since))


def list_delays(connection: Connection, source: str, since: datetime) -> list[MeasuredDelay]:
    """Return the delays of the changes since a time that were sent in immediate emails.

    The newest change comes first.
    """
    return _measure(connection, source, _list_first_emails(connection, source, since))


def measure_reading_delay(
    connection: Connection, source: str, since: datetime
) -> PublicationDelay | None:
    """Return the delay until the changes of a source since a time were read; None without one.

    Unlike the delay until they were sent, it does not depend on what anybody is subscribed to.
    """
    rows = connection.execute(
        select(change.c.recorded_at)
        .join(question, question.c.id == change.c.question_id)
        .where(
            question.c.source == source,
            change.c.recorded_at > since,
            change.c.silence_reason.is_(None),
        )
        .order_by(change.c.seq.desc())
        .limit(_MAX_CHANGES)
    )
    return _summarise(_measure(connection, source, [(at, at) for at in rows.scalars()]))


def _measure(
    connection: Connection, source: str, changes: Sequence[tuple[datetime, datetime]]
) -> list[MeasuredDelay]:
    """Return the delay of changes, each with when it was recorded and when it arrived."""
    if not changes:
        return []
    first = min(recorded_at for recorded_at, _ in changes)
    starts = _list_crawl_starts(connection, source, first - _MAX_GAP)
    return [
        MeasuredDelay(arrived_at, (arrived_at - starts[at - 1]).total_seconds() / 60)
        for recorded_at, arrived_at in changes
        if (at := bisect_right(starts, recorded_at) - 1) > 0
    ]


def _summarise(delays: Sequence[MeasuredDelay]) -> PublicationDelay | None:
    minutes = [one.minutes for one in delays]
    if not minutes:
        return None
    cuts = quantiles(minutes, n=20, method="inclusive") if len(minutes) > 1 else minutes * 19
    return PublicationDelay(round(cuts[9], 1), round(cuts[18], 1), len(minutes))


def _list_first_emails(
    connection: Connection, source: str, since: datetime
) -> Sequence[tuple[datetime, datetime]]:
    """Return, for each change, when it was recorded and first sent in an immediate email."""
    first = func.min(message.c.sent_at)
    rows = connection.execute(
        select(change.c.recorded_at, first.label("sent_at"))
        .join(question, question.c.id == change.c.question_id)
        .join(digest_item, digest_item.c.change_seq == change.c.seq)
        .join(subscription, subscription.c.id == digest_item.c.subscription_id)
        .join(message, message.c.id == digest_item.c.message_id)
        .where(
            question.c.source == source,
            change.c.recorded_at > since,
            subscription.c.frequency == Frequency.IMMEDIATE,
            message.c.sent_at.is_not(None),
        )
        .group_by(change.c.seq, change.c.recorded_at)
        .order_by(change.c.seq.desc())
        .limit(_MAX_CHANGES)
    )
    return [(row.recorded_at, row.sent_at) for row in rows]


def _list_crawl_starts(connection: Connection, source: str, since: datetime) -> list[datetime]:
    """Return when each complete crawl since a moment started, in order."""
    rows = connection.execute(
        select(crawl_run.c.started_at)
        .where(
            crawl_run.c.source == source, crawl_run.c.is_complete, crawl_run.c.started_at >= since
        )
        .order_by(crawl_run.c.started_at)
    )
    return list(rows.scalars())

"""Notices to subscribers: that a source is unavailable, or restored. Each is sent once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Exists, ScalarSelect, Select, exists, func, insert, select

from alerts.ledger.schema import digest_notice, notice, subscriber, subscription
from alerts.model import Notice, NoticeKind


def find_latest(connection: Connection, source: str) -> Notice | None:
    """Return the newest notice about a source; None if there is none."""
    row = connection.execute(
        select(notice).where(notice.c.source == source).order_by(notice.c.id.desc()).limit(1)
    ).one_or_none()
    return Notice(**row._mapping) if row else None


def get_newest_id(connection: Connection) -> int:
    """Return the id of the newest notice; 0 if there is none."""
    return connection.execute(select(func.max(notice.c.id))).scalar() or 0


def list_since(connection: Connection, moment: datetime | None, limit: int) -> list[Notice]:
    """Return the newest notices created at or after ``moment``, newest first; None for all."""
    wanted = select(notice).order_by(notice.c.id.desc()).limit(limit)
    if moment is not None:
        wanted = wanted.where(notice.c.created_at >= moment)
    return [Notice(**row._mapping) for row in connection.execute(wanted)]


def add(
    connection: Connection,
    source: str,
    site_name: str,
    kind: NoticeKind,
    since: datetime,
    now: datetime,
) -> None:
    """Create a notice.

    Args:
        connection: The ledger.
        source: The source: ``london``.
        site_name: The host, as people know it: ``www.london.gov.uk``.
        kind: What the notice says.
        since: The last complete crawl before the failure.
        now: The time.
    """
    connection.execute(
        insert(notice).values(
            source=source, site_name=site_name, kind=kind, since=since, created_at=now
        )
    )


def list_unsent(connection: Connection, subscriber_ids: Sequence[int]) -> dict[int, list[Notice]]:
    """Return the notices to send, by id of some subscribers: the newest notice of each source.

    Subscribers who were not sent that a source is unavailable are not sent that it is restored, and
    subscribers who signed up after a notice are not sent it.
    """
    found: dict[int, list[Notice]] = {}
    for source in connection.execute(select(notice.c.source).distinct()).scalars().all():
        newest = find_latest(connection, source)
        assert newest is not None
        mine = subscriber.c.id.in_(subscriber_ids)
        wanted = _select_unnotified(newest).where(mine)
        for subscriber_id in connection.execute(wanted).scalars().all():
            found.setdefault(subscriber_id, []).append(newest)
    return found


def _select_unnotified(entry: Notice) -> Select[int]:
    """Select the ids of the subscribers to whom a notice must be sent."""

    def was_sent(notice_id: int | ScalarSelect[int]) -> Exists:
        return exists().where(
            digest_notice.c.subscriber_id == subscriber.c.id,
            digest_notice.c.notice_id == notice_id,
        )

    wanted = (
        select(subscriber.c.id)
        .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
        .where(
            subscription.c.ended_at.is_(None),
            subscriber.c.created_at <= entry.created_at,
            ~was_sent(entry.id),
        )
        .distinct()
    )
    if entry.kind == "unavailable":
        return wanted
    silence = select(func.max(notice.c.id)).where(
        notice.c.source == entry.source, notice.c.kind == "unavailable", notice.c.id < entry.id
    )
    return wanted.where(was_sent(silence.scalar_subquery()))

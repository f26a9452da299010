"""Subscribers and their subscriptions."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, true, update

from alerts.ledger import publication
from alerts.ledger.bounces import find_suppression, suspend_subscriber
from alerts.ledger.due_subscribers import changing
from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import change, subscriber, subscription, topic
from alerts.model import Detail, Frequency, Origin, Subscriber, TopicKind, Updates

_SUBSCRIBER_COLUMNS = [subscriber.c[name] for name in Subscriber.__struct_fields__]


class Subscription(msgspec.Struct, frozen=True):
    """One subscriber's subscription to a topic."""

    id: int
    subscriber_id: int
    topic_id: int
    email: str
    query: str
    kind: TopicKind  #: of its topic
    canonical: str | None  #: None for a followed question
    question_id: str | None  #: of the question that is followed
    frequency: Frequency
    updates: Updates
    origin: Origin
    detail: Detail
    note: str | None
    overdue_days: int | None
    paused_at: datetime | None
    resume_at: datetime | None  #: the end of the pause; None if it has none
    last_due_at: datetime | None
    ended_at: datetime | None
    publishes: bool  #: its topic is public while it lasts, unless the operator hides it
    feed_key: str | None  #: in the address of the subscriber's own feed


def ensure_subscriber(
    connection: Connection, email: str, zone: str, hour: int, now: datetime
) -> Subscriber:
    """Return the subscriber with an address, creating one if there is none.

    A new subscriber whose address is suppressed is suspended at once.

    Args:
        connection: The ledger.
        email: The address in its normal form.
        zone: Time zone of a new subscriber's digests: ``Europe/London``.
        hour: Local hour of a new subscriber's digests.
        now: The time.
    """
    made = insert_once(
        connection,
        subscriber,
        email=email,
        token=_make_token(),
        zone=zone,
        hour=hour,
        created_at=now,
    )
    found = get_subscriber(connection, subscriber.c.email == email)
    assert found is not None
    if made and (suppression := find_suppression(connection, email)):
        suspend_subscriber(connection, found.id, suppression.reason, suppression.since)
    return found


def _make_token() -> str:
    """Return 128 random bits; no hyphen, which marks an option on the command line."""
    return secrets.token_urlsafe(16).replace("-", "_")


def set_digest_time(connection: Connection, subscriber_id: int, zone: str, hour: int) -> None:
    """Set the time zone and hour of a subscriber's digests."""
    with changing(connection, [subscriber_id]):
        connection.execute(
            update(subscriber).where(subscriber.c.id == subscriber_id).values(zone=zone, hour=hour)
        )


def find_subscriber_by_token(connection: Connection, token: str) -> Subscriber | None:
    """Return the subscriber with a token; None if there is none."""
    return get_subscriber(connection, subscriber.c.token == token)


def find_subscriber_by_link(connection: Connection, subject: str) -> Subscriber | None:
    """Return whose link to their alerts was issued for a subject; None if it is not valid now.

    Args:
        connection: The ledger.
        subject: `Subscriber.link_subject` at the time when the link was made.
    """
    found = find_subscriber_by_token(connection, subject.partition("~")[0])
    return found if found is not None and found.link_subject == subject else None


def renew_token(connection: Connection, subscriber_id: int) -> None:
    """Make every link that a subscriber was ever sent invalid, also those to unsubscribe."""
    connection.execute(
        update(subscriber).where(subscriber.c.id == subscriber_id).values(token=_make_token())
    )


def _begin_new_generation(connection: Connection, subscriber_id: int, *, was_there: bool) -> None:
    """Make older links to a subscriber's alerts invalid if they have just come back.

    Links to unsubscribe stay valid: whoever finds an old email must be able to leave.
    """
    former = select(func.count()).where(
        subscription.c.subscriber_id == subscriber_id, subscription.c.ended_at.is_not(None)
    )
    is_back = was_there or connection.execute(former).scalar_one() > 0
    if is_back and count_active(connection, subscriber_id) == 1:
        connection.execute(
            update(subscriber)
            .where(subscriber.c.id == subscriber_id)
            .values(link_generation=subscriber.c.link_generation + 1)
        )


def find_subscriber_by_email(connection: Connection, email: str) -> Subscriber | None:
    """Return the subscriber with an address in normal form; None if there is none."""
    return get_subscriber(connection, subscriber.c.email == email)


def get_subscriber(connection: Connection, where: ColumnElement[bool]) -> Subscriber | None:
    """Return the one subscriber for whom a condition holds; None if there is none."""
    row = connection.execute(select(*_SUBSCRIBER_COLUMNS).where(where)).one_or_none()
    return Subscriber(**row._mapping) if row else None


def get_subscribers(connection: Connection, keys: Sequence[int]) -> list[Subscriber]:
    """Return the subscribers with the given ids, in no order."""
    rows = connection.execute(select(*_SUBSCRIBER_COLUMNS).where(subscriber.c.id.in_(keys)))
    return [Subscriber(**row._mapping) for row in rows]


class SubscriptionRequest(msgspec.Struct, frozen=True):
    """A subscription that is asked for."""

    query: str
    frequency: Frequency
    updates: Updates
    origin: Origin
    detail: Detail = "full"
    note: str | None = None
    overdue_days: int | None = None  #: for a followed question
    question_id: str | None = None  #: of the followed question; ``query`` is its title
    #: the operator makes it, and the topic is to be public; of no effect with another origin than
    #: ``command``
    publishes: bool = False


def subscribe(
    connection: Connection,
    subscriber_id: int,
    topic_id: int,
    request: SubscriptionRequest,
    newest_seq: int,
    now: datetime,
) -> bool:
    """Subscribe to a topic; return False if the same subscription exists already.

    An active subscription is edited and keeps its progress. An ended one starts again, so that
    nothing from the time between is sent. What the operator subscribes somebody to by command is
    published, or made private, as the request says; what anybody else asks for changes neither.

    Args:
        connection: The ledger.
        subscriber_id: The subscriber.
        topic_id: The topic.
        request: Frequency and options.
        newest_seq: Changes above this number are sent.
        now: The time.
    """
    names = ("query", "frequency", "updates", "detail", "note", "overdue_days")
    options = {name: getattr(request, name) for name in names}
    is_by_command = request.origin == "command"
    publishes = {"publishes": is_by_command and request.publishes}
    start = {"origin": request.origin, "sent_up_to": newest_seq, "feed_key": _make_feed_key()}
    with changing(connection, [subscriber_id]):
        is_changed = _insert_or_edit(
            connection,
            {"subscriber_id": subscriber_id, "topic_id": topic_id},
            {**options, **start, **publishes},
            options | publishes if is_by_command else options,
            now,
        )
    if is_by_command:
        publication.publish_named(connection, topic_id, request.query, now)
        publication.release(connection, [topic_id])
    return is_changed


def _insert_or_edit(
    connection: Connection,
    mine: dict[str, int],
    fresh: dict[str, Any],
    edited: dict[str, Any],
    now: datetime,
) -> bool:
    """Insert a subscription, start it again or edit it; return False if it is as wanted.

    Args:
        connection: The ledger.
        mine: Its key.
        fresh: The values of a new one, or of one that starts again.
        edited: The values of an active one.
        now: The time.
    """
    made = insert_once(connection, subscription, **mine, **fresh, created_at=now)
    if made is not None:
        _begin_new_generation(connection, mine["subscriber_id"], was_there=False)
        return True
    is_mine = and_(*(subscription.c[name] == value for name, value in mine.items()))
    is_restarted = _restart(connection, is_mine, fresh)
    is_changed = _edit_options(connection, is_mine, edited) or is_restarted
    if is_restarted:
        _begin_new_generation(connection, mine["subscriber_id"], was_there=True)
    return is_changed


def _make_feed_key() -> str:
    """Return 96 random bits, which the signature of the address stands beside."""
    return secrets.token_urlsafe(12)


def _restart(connection: Connection, is_mine: ColumnElement[bool], values: dict[str, Any]) -> bool:
    """Start an ended subscription again; return False if it has not ended."""
    fresh = {
        "ended_at": None,
        "is_finished": False,
        "paused_at": None,
        "resume_at": None,
        "is_rewound": False,
        "overdue_notified_at": None,
        "last_due_at": None,
    }
    restarting = update(subscription).where(is_mine, subscription.c.ended_at.is_not(None))
    return connection.execute(restarting.values(**values, **fresh)).rowcount > 0


def _edit_options(
    connection: Connection, is_mine: ColumnElement[bool], options: dict[str, Any]
) -> bool:
    """Set the options of a subscription; return False if it has them already."""
    differs = or_(*(subscription.c[name].is_distinct_from(v) for name, v in options.items()))
    editing = update(subscription).where(is_mine, differs)
    return connection.execute(editing.values(**options)).rowcount > 0


def unsubscribe(
    connection: Connection, subscriber_id: int, now: datetime, topic_id: int | None = None
) -> int:
    """End one subscription, or all of a subscriber, and return how many ended.

    The pending last answer of a followed question is not sent any more either. A topic that nobody
    is subscribed to any more ends, unless the operator publishes it.
    """
    mine = subscription.c.subscriber_id == subscriber_id
    if topic_id is not None:
        mine = and_(mine, subscription.c.topic_id == topic_id)
    active = and_(mine, subscription.c.ended_at.is_(None))
    with changing(connection, [subscriber_id]):
        connection.execute(
            update(subscription).where(mine, subscription.c.is_finished).values(is_finished=False)
        )
        topic_ids = (
            connection.execute(select(subscription.c.topic_id).where(active)).scalars().all()
        )
        ended = connection.execute(update(subscription).where(active).values(ended_at=now)).rowcount
    publication.release(connection, topic_ids)
    return ended


class SubscriptionEdit(msgspec.Struct, frozen=True):
    """What can be changed of a subscription that keeps its progress."""

    frequency: Frequency
    updates: Updates
    detail: Detail
    note: str | None


def edit(
    connection: Connection, subscriber_id: int, topic_id: int, values: SubscriptionEdit
) -> None:
    """Change an active subscription."""
    with changing(connection, [subscriber_id]):
        connection.execute(
            update(subscription)
            .where(*_active_conditions(subscriber_id, topic_id))
            .values(**msgspec.structs.asdict(values))
        )


def pause(
    connection: Connection,
    subscriber_id: int,
    topic_id: int | None,
    now: datetime,
    resume_at: datetime | None = None,
) -> int:
    """Pause one subscription, or all of a subscriber; return how many were paused.

    Args:
        connection: The ledger.
        subscriber_id: The subscriber.
        topic_id: None for all.
        now: The time.
        resume_at: When the pause ends by itself; None if it does not.
    """
    pausing = update(subscription).where(
        *_active_conditions(subscriber_id, topic_id), subscription.c.paused_at.is_(None)
    )
    with changing(connection, [subscriber_id]):
        return connection.execute(pausing.values(paused_at=now, resume_at=resume_at)).rowcount


def resume(
    connection: Connection, subscriber_id: int, topic_id: int | None, newest_seq: int
) -> int:
    """Resume one subscription, or all of a subscriber; return how many were resumed.

    Changes above ``newest_seq`` are sent. ``topic_id`` is None for all.
    """
    resuming = update(subscription).where(
        *_active_conditions(subscriber_id, topic_id), subscription.c.paused_at.is_not(None)
    )
    values = {"paused_at": None, "resume_at": None, "sent_up_to": newest_seq, "is_rewound": False}
    with changing(connection, [subscriber_id]):
        return connection.execute(resuming.values(values)).rowcount


def resume_due(connection: Connection, now: datetime) -> int:
    """Resume the subscriptions whose pause has ended, and return how many they are.

    Changes that were recorded before the end of the pause are not sent, however late this is.
    """
    is_over = (
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_not(None),
        subscription.c.resume_at <= now,
    )
    reached = (
        select(func.coalesce(func.max(change.c.seq), 0))
        .where(change.c.recorded_at <= subscription.c.resume_at)
        .scalar_subquery()
    )
    concerned = select(subscription.c.subscriber_id).where(*is_over).distinct()
    resuming = update(subscription).where(*is_over)
    with changing(connection, connection.execute(concerned).scalars().all()):
        return connection.execute(
            resuming.values(paused_at=None, resume_at=None, sent_up_to=reached, is_rewound=False)
        ).rowcount


def has_due_resumption(connection: Connection, now: datetime) -> bool:
    """Return whether :func:`resume_due` has anything to do."""
    wanted = select(subscription.c.id).where(
        subscription.c.ended_at.is_(None), subscription.c.resume_at <= now
    )
    return connection.execute(wanted.limit(1)).first() is not None


def skip_unsent(connection: Connection, subscriber_id: int, newest_seq: int) -> None:
    """Skip what a subscriber was not sent: only changes above ``newest_seq`` are sent."""
    with changing(connection, [subscriber_id]):
        connection.execute(
            update(subscription)
            .where(*_active_conditions(subscriber_id, None))
            .values(sent_up_to=newest_seq)
        )


def _active_conditions(subscriber_id: int, topic_id: int | None) -> list[ColumnElement[bool]]:
    mine = [subscription.c.subscriber_id == subscriber_id, subscription.c.ended_at.is_(None)]
    return mine if topic_id is None else [*mine, subscription.c.topic_id == topic_id]


def count_active(connection: Connection, subscriber_id: int) -> int:
    """Return how many of a subscriber's subscriptions are active."""
    wanted = select(func.count()).where(*_active_conditions(subscriber_id, None))
    return connection.execute(wanted.select_from(subscription)).scalar_one()


def get_sent_up_to(connection: Connection, subscriber_id: int, topic_id: int) -> int:
    """Return the number of the change up to which a subscription is handled."""
    mine = _active_conditions(subscriber_id, topic_id)
    reached: int = connection.execute(select(subscription.c.sent_up_to).where(*mine)).scalar_one()
    return reached


def change_feed_key(connection: Connection, subscriber_id: int, topic_id: int) -> bool:
    """Give the subscriber's own feed of a topic another address; return False without one."""
    changing = update(subscription).where(*_active_conditions(subscriber_id, topic_id))
    return connection.execute(changing.values(feed_key=_make_feed_key())).rowcount > 0


def find_by_feed_key(connection: Connection, key: str) -> Subscription | None:
    """Return the active subscription whose own feed has this key; None if there is none."""
    mine = subscription.c.ended_at.is_(None), subscription.c.feed_key == key
    return next(iter(_list(connection, *mine)), None)


def set_query(connection: Connection, subscriber_id: int, topic_id: int, query: str) -> None:
    """Replace the subscriber's own words for a topic that stays the same."""
    connection.execute(
        update(subscription).where(*_active_conditions(subscriber_id, topic_id)).values(query=query)
    )


def list_active(connection: Connection, subscriber_id: int | None = None) -> list[Subscription]:
    """Return the active subscriptions by address and topic; all, or those of one subscriber."""
    mine = subscription.c.subscriber_id == subscriber_id if subscriber_id is not None else true()
    return _list(connection, subscription.c.ended_at.is_(None), mine)


def list_from_config(connection: Connection) -> list[Subscription]:
    """Return the active subscriptions that came from the config, by address and topic."""
    return _list(connection, subscription.c.ended_at.is_(None), subscription.c.origin == "config")


def find_own(connection: Connection, subscriber_id: int, key: int) -> Subscription | None:
    """Return a subscriber's subscription with an id, active or ended; None for another's."""
    mine = subscription.c.subscriber_id == subscriber_id, subscription.c.id == key
    return next(iter(_list(connection, *mine)), None)


def list_ended_last(connection: Connection, subscriber_id: int) -> list[Subscription]:
    """Return the subscriptions of a subscriber that ended at the last moment at which any ended.

    Followed questions that ended with their answer are left out.
    """
    mine = [subscription.c.subscriber_id == subscriber_id, subscription.c.is_finished.is_(False)]
    last = select(func.max(subscription.c.ended_at)).where(*mine).scalar_subquery()
    return _list(connection, *mine, subscription.c.ended_at == last)


def restore(connection: Connection, subscription_id: int) -> None:
    """Let an ended subscription go on from what it was sent up to."""
    mine = subscription.c.id == subscription_id
    owners = connection.execute(select(subscription.c.subscriber_id).where(mine)).scalars().all()
    with changing(connection, owners):
        connection.execute(update(subscription).where(mine).values(ended_at=None))


def _list(connection: Connection, *where: ColumnElement[bool]) -> list[Subscription]:
    columns = {
        "email": subscriber.c.email,
        "kind": topic.c.kind,
        "canonical": topic.c.canonical,
        "question_id": topic.c.question_id,
    } | {c.name: c for c in subscription.c if c.name in Subscription.__struct_fields__}
    rows = connection.execute(
        select(*(columns[name].label(name) for name in Subscription.__struct_fields__))
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(*where)
        .order_by(subscriber.c.email, topic.c.kind, topic.c.canonical, topic.c.question_id)
    )
    return [Subscription(**row._mapping) for row in rows]

"""Which topics are public, and which nobody needs any more.

A topic is private unless the operator publishes it. What does so: ``[[topics]]`` and
``[[subscriptions]]`` of the config, a subscription that was made by command, or the operator's own
decision, each unless it is marked private. The decision comes before the others: a topic that the
operator hides stays private whatever names it.

A topic without an active subscription that nothing publishes has ended: nothing is matched with it,
and no function of :mod:`alerts.ledger.topics` finds it. Its matches are deleted in pieces, because
a broad topic has a million, and its row goes with the last row that refers to it. Subscribing to
the same query again revives it.

The address of a topic that was public stays known as a keyed hash, so that it is answered as gone.
It says nothing about whether anybody is subscribed to the topic now.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from alerts.ledger import feeds, secrets, topic_ranges
from alerts.ledger.inserts import insert_once, iter_parameters
from alerts.ledger.messages import UNSENT_PHASES
from alerts.ledger.publication_schema import feed, retired_address, withdrawn_feed
from alerts.ledger.schema import digest_item, match, message, subscription, topic
from alerts.ledger.topics import build_slug
from alerts.model import TopicKind, build_topic_key

#: What the operator decided about a topic.
PublicationDecision = Literal["published", "hidden"]
#: How the config names a topic.
ConfigEntry = Literal["public", "private"]
#: What keeps a topic public, the strongest first.
Publisher = Literal["operator", "config", "subscription"]

#: Matches of ended topics to delete in one transaction: 20,000 take about 50 ms.
_MAX_DELETED_MATCHES = 20_000

_HAS_ACTIVE = exists().where(
    subscription.c.topic_id == topic.c.id, subscription.c.ended_at.is_(None)
)
_HAS_PUBLISHING = exists().where(
    subscription.c.topic_id == topic.c.id,
    subscription.c.ended_at.is_(None),
    subscription.c.publishes,
)
#: Something publishes a topic.
_IS_WANTED = or_(
    topic.c.decision.is_not_distinct_from("published"),
    and_(
        topic.c.decision.is_(None),
        or_(topic.c.in_config.is_not_distinct_from("public"), _HAS_PUBLISHING),
    ),
)
#: Somebody subscribes to a topic, the config names it, or the operator publishes it.
_IS_NEEDED = or_(
    _HAS_ACTIVE, topic.c.in_config.is_not(None), topic.c.decision.is_not_distinct_from("published")
)


def publish_named(connection: Connection, topic_id: int, title: str, now: datetime) -> bool:
    """Publish a topic that the operator names, unless nothing publishes it or it is public.

    One that was never public gets its title, its address and its day from the operator: what it has
    of them was typed by whoever was first to subscribe. One that was public keeps its address.

    Args:
        connection: The ledger.
        topic_id: The topic.
        title: The query as the operator wrote it, or the title of the question.
        now: The time.

    Returns:
        Whether it became public.
    """
    wanted = select(topic).where(topic.c.id == topic_id, topic.c.publication.is_(None), _IS_WANTED)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return False
    slug, created_at = row.slug, row.created_at
    if not is_retired(connection, slug):
        slug, created_at = build_slug(build_topic_key(row.canonical, row.question_id), title), now
    newest = connection.execute(
        select(func.coalesce(func.max(topic.c.publication), 0))
    ).scalar_one()
    values = {"slug": slug, "title": title, "created_at": created_at, "publication": newest + 1}
    connection.execute(update(topic).where(topic.c.id == topic_id).values(**values))
    key = _get_key(connection)
    was_here = retired_address.c.slug_hash == _hash_slug(key, slug)
    connection.execute(delete(retired_address).where(was_here))
    connection.execute(delete(withdrawn_feed).where(withdrawn_feed.c.name == slug))
    feeds.mark_outdated(connection, [slug])
    return True


def decide(connection: Connection, topic_id: int, decision: PublicationDecision) -> None:
    """Record what the operator decides about a topic; follow with the function that does it."""
    connection.execute(update(topic).where(topic.c.id == topic_id).values(decision=decision))


def set_in_config(connection: Connection, entries: Mapping[int, ConfigEntry]) -> None:
    """Record which topics the config names, by their ids; no other is in it any more."""
    rows = connection.execute(
        select(topic.c.id, topic.c.in_config).where(topic.c.in_config.is_not(None))
    )
    known = {row.id: row.in_config for row in rows}
    for topic_id in known.keys() | entries.keys():
        if known.get(topic_id) != entries.get(topic_id):
            mine = update(topic).where(topic.c.id == topic_id)
            connection.execute(mine.values(in_config=entries.get(topic_id)))


def release(connection: Connection, topic_ids: Sequence[int] | None = None) -> None:
    """Make private what nothing publishes any more, and end what nobody needs any more.

    Args:
        connection: The ledger.
        topic_ids: Topics that may have lost a subscription or a publisher; None for all.
    """
    if topic_ids is None:
        _release_where(connection, topic.c.id.is_not(None))
        return
    for some in iter_parameters(list(topic_ids)):
        _release_where(connection, topic.c.id.in_(some))


def release_free(connection: Connection, topic_ids: Sequence[int]) -> None:
    """Do as :func:`release` in a transaction of :meth:`alerts.ledger.Ledger.writing_shard`.

    The topics are locked before anything is decided, and whoever subscribes locks them too. So none
    ends to which somebody is just subscribing. Those that others use at this moment are left as
    they are, until the next call of :func:`release` for all.
    """
    for some in iter_parameters(sorted(topic_ids)):
        mine = select(topic.c.id).where(topic.c.id.in_(some)).order_by(topic.c.id)
        free = connection.execute(mine.with_for_update(skip_locked=True)).scalars().all()
        _release_where(connection, topic.c.id.in_(free))


def _release_where(connection: Connection, condition: ColumnElement[bool]) -> None:
    is_over = or_(~_IS_NEEDED, and_(topic.c.publication.is_not(None), ~_IS_WANTED))
    columns = (topic.c.id, topic.c.slug, topic.c.publication, _IS_NEEDED.label("is_needed"))
    wanted = select(*columns).where(condition, ~topic.c.is_ended, is_over).order_by(topic.c.id)
    rows = connection.execute(wanted).all()
    for row in rows:
        values: dict[str, Any] = {"publication": None}
        if not row.is_needed:
            values |= {"is_ended": True, "is_caught_up": False, "decision": None}
        connection.execute(update(topic).where(topic.c.id == row.id).values(**values))
        if row.publication is not None:
            _withdraw(connection, row.slug)
    topic_ranges.note_endings(connection, [row.id for row in rows if not row.is_needed])


def _withdraw(connection: Connection, slug: str) -> None:
    """Let the files of a topic's feed be deleted, and answer its addresses as gone."""
    hashed = _hash_slug(_get_key(connection), slug)
    insert_once(connection, retired_address, slug_hash=hashed)
    connection.execute(delete(feed).where(feed.c.name == slug))
    withdraw_files(connection, slug)


def withdraw_files(connection: Connection, name: str) -> None:
    """Let the files of a feed be deleted. If it is public then, they are written again."""
    insert_once(connection, withdrawn_feed, name=name)


def list_withdrawn(connection: Connection) -> list[str]:
    """Return the names of the feeds whose files are to be deleted."""
    wanted = select(withdrawn_feed.c.name).order_by(withdrawn_feed.c.name)
    return list(connection.execute(wanted).scalars())


def mark_deleted(connection: Connection, names: Sequence[str]) -> None:
    """Record that the files of some withdrawn feeds are deleted."""
    for some in iter_parameters(names):
        connection.execute(delete(withdrawn_feed).where(withdrawn_feed.c.name.in_(some)))


def is_retired(connection: Connection, slug: str) -> bool:
    """Return whether a topic of this address was public, and is not any more."""
    key = secrets.find_secret(connection, "retired addresses")
    if key is None:
        return False
    known = exists().where(retired_address.c.slug_hash == _hash_slug(key, slug))
    return bool(connection.execute(select(known)).scalar())


def _get_key(connection: Connection) -> bytes:
    return secrets.get_or_create(connection, "retired addresses")


def _hash_slug(key: bytes, slug: str) -> str:
    return hmac.new(key, slug.encode(), hashlib.sha256).hexdigest()


def clear_ended(connection: Connection, limit: int = _MAX_DELETED_MATCHES) -> int:
    """Delete matches of ended topics, and the topics that nothing refers to any more.

    Those that a message in the outbox is about wait until it is sent.

    Args:
        connection: The ledger.
        limit: How many matches to delete at most.

    Returns:
        How many matches were deleted; ``limit`` where there may be more.
    """
    is_clear = and_(topic.c.is_ended, ~_has_unsent_message())
    waiting = select(topic.c.id).where(is_clear, exists().where(match.c.topic_id == topic.c.id))
    left = limit
    for topic_id in connection.execute(waiting.order_by(topic.c.id).limit(limit)).scalars().all():
        left -= _delete_matches(connection, topic_id, left)
        if left <= 0:
            return limit
    _delete_unused(connection, is_clear)
    return limit - left


def has_matches_to_clear(connection: Connection) -> bool:
    """Return whether :func:`clear_ended` would delete a match."""
    has_match = exists().where(match.c.topic_id == topic.c.id)
    waiting = select(topic.c.id).where(topic.c.is_ended, has_match, ~_has_unsent_message())
    return connection.execute(waiting.limit(1)).first() is not None


def _delete_unused(connection: Connection, is_clear: ColumnElement[bool]) -> None:
    """Delete ended topics that nothing refers to.

    Whoever matches their range may have them compiled still, and add a match until its commit: the
    topics of a range that is being matched wait for the next time.
    """
    is_unused = and_(
        is_clear,
        ~exists().where(match.c.topic_id == topic.c.id),
        ~exists().where(subscription.c.topic_id == topic.c.id),
    )
    unused = connection.execute(select(topic.c.id).where(is_unused)).scalars().all()
    free = topic_ranges.lock_all(connection, unused)
    for some in iter_parameters(sorted(free)):
        # Asked again: before the lock was ours, a match may have come.
        connection.execute(delete(topic).where(topic.c.id.in_(some), is_unused))


def _has_unsent_message() -> ColumnElement[bool]:
    return exists().where(
        subscription.c.topic_id == topic.c.id,
        digest_item.c.subscription_id == subscription.c.id,
        message.c.id == digest_item.c.message_id,
        message.c.phase.in_(UNSENT_PHASES),
    )


def _delete_matches(connection: Connection, topic_id: int, limit: int) -> int:
    mine = match.c.topic_id == topic_id
    first = select(match.c.change_seq).where(mine).order_by(match.c.change_seq).limit(limit)
    last = select(func.max(first.subquery().c.change_seq)).scalar_subquery()
    return connection.execute(delete(match).where(mine, match.c.change_seq <= last)).rowcount


class TopicState(msgspec.Struct, frozen=True):
    """A topic as the operator is shown it."""

    id: int
    kind: TopicKind
    slug: str
    title: str
    canonical: str | None  #: None for a followed question
    question_id: str | None  #: None for a query
    is_published: bool
    publisher: Publisher | None  #: what publishes it; None where nothing does
    is_hidden: bool  #: the operator decided that it stays private
    subscribers: int  #: active subscriptions


#: Which topics a list shows.
TopicFilter = Literal["all", "public", "private", "hidden"]

_ACTIVE_NUMBER = (
    select(func.count())
    .select_from(subscription)
    .where(subscription.c.topic_id == topic.c.id, subscription.c.ended_at.is_(None))
    .scalar_subquery()
)
_SHOWN: Mapping[TopicFilter, ColumnElement[bool] | None] = {
    "all": None,
    "public": topic.c.publication.is_not(None),
    "private": topic.c.publication.is_(None),
    "hidden": topic.c.decision.is_not_distinct_from("hidden"),
}


def list_states(
    connection: Connection,
    shown: TopicFilter = "all",
    text: str = "",
    limit: int | None = None,
    offset: int = 0,
) -> list[TopicState]:
    """Return topics that have not ended, by title.

    Args:
        connection: The ledger.
        shown: Which topics.
        text: Only topics with this text in their title, in any case; empty for all.
        limit: How many to return at most; None for all.
        offset: How many to leave out at the beginning.
    """
    keys = select(topic.c.id).where(~topic.c.is_ended)
    if (condition := _SHOWN[shown]) is not None:
        keys = keys.where(condition)
    if text:
        keys = keys.where(func.lower(topic.c.title).contains(text.lower(), autoescape=True))
    keys = keys.order_by(topic.c.title, topic.c.id).limit(limit).offset(offset)
    # Subscriptions are counted for those topics alone.
    wanted = _select_states().where(topic.c.id.in_(keys))
    rows = connection.execute(wanted.order_by(topic.c.title, topic.c.id))
    return [_build_state(row) for row in rows]


def rank_states(connection: Connection, limit: int) -> list[TopicState]:
    """Return the topics with the most active subscriptions, the largest first."""
    number = func.count().label("number")
    ranked = (
        select(subscription.c.topic_id, number)
        .where(subscription.c.ended_at.is_(None))
        .group_by(subscription.c.topic_id)
        .order_by(number.desc(), subscription.c.topic_id)
        .limit(limit)
        .subquery()
    )
    wanted = _select_states().join(ranked, ranked.c.topic_id == topic.c.id)
    wanted = wanted.order_by(ranked.c.number.desc(), topic.c.title)
    return [_build_state(row) for row in connection.execute(wanted)]


def count_topics(connection: Connection) -> tuple[int, int]:
    """Return how many topics there are that have not ended, and how many of them are public."""
    number, public = connection.execute(
        select(func.count(), func.count(topic.c.publication)).where(~topic.c.is_ended)
    ).one()
    return number, public


def _select_states() -> Select[Any]:
    columns = (_ACTIVE_NUMBER.label("subscribers"), _HAS_PUBLISHING.label("has_publishing"))
    return select(topic, *columns).where(~topic.c.is_ended)


def _build_state(row: Any) -> TopicState:
    return TopicState(
        id=row.id,
        kind=row.kind,
        slug=row.slug,
        title=row.title,
        canonical=row.canonical,
        question_id=row.question_id,
        is_published=row.publication is not None,
        publisher=_name_publisher(row.decision, row.in_config, row.has_publishing),
        is_hidden=row.decision == "hidden",
        subscribers=row.subscribers,
    )


def _name_publisher(
    decision: PublicationDecision | None, in_config: ConfigEntry | None, has_publishing: bool
) -> Publisher | None:
    if decision == "published":
        return "operator"
    if decision == "hidden":
        return None
    return "config" if in_config == "public" else "subscription" if has_publishing else None

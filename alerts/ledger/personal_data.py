"""Personal data of a subscriber: exported to them, and deleted.

:data:`PERSONAL_TABLES` names every table that knows a subscriber, and :data:`OTHER_TABLES` every
other table, also beside the ledger, with what it holds instead. Export and deletion both walk the
first, so that what is exported is what is deleted. A table that is in neither fails a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, delete, exists, func, or_, select

from alerts.language import gettext_noop
from alerts.ledger import publication
from alerts.ledger.address_hashes import find_hash
from alerts.ledger.confirmation_schema import confirmation_history
from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.due_schema import due_subscriber
from alerts.ledger.messages import decompress_body
from alerts.ledger.operator_actions import name_address
from alerts.ledger.schema import (
    bounce,
    change,
    digest_item,
    digest_notice,
    message,
    notice,
    pending_subscription,
    subscriber,
    subscription,
    suppression,
    topic,
)
from alerts.ledger.secrets import hash_address
from alerts.ledger.service_schema import operator_action
from alerts.ledger.undo_schema import undo_record

_HIDDEN_LINK = "it opens their page, for whoever reads the export"
_OPERATOR_ACTIONS = "operator_actions"
_HIDDEN_ID = "a row number, which says nothing"


class Owner(msgspec.Struct, frozen=True):
    """Whose data it is: somebody with an address, who is a subscriber or was one."""

    connection: Connection
    email: str  #: in its normal form
    subscriber_id: int | None  #: None where only the address is known: nobody with it is subscribed


@dataclass(frozen=True)
class PersonalTable:
    """A table with rows about subscribers."""

    table: Table
    name: str  #: in the export, and where it is said what was deleted
    is_theirs: Callable[[Owner], ColumnElement[bool]]
    #: Columns that are not exported, each with the reason.
    hidden: Mapping[str, str]
    #: Columns of a table that this one refers to, which say what a row is about.
    explained_by: tuple[Column[Any], ...] = ()
    #: Why the rows outlive their subscriber; empty where they do not.
    kept_because: str = ""


def _has_subscriber(table: Table) -> Callable[[Owner], ColumnElement[bool]]:
    return lambda owner: table.c.subscriber_id == owner.subscriber_id


def _is_about_message(table: Table) -> Callable[[Owner], ColumnElement[bool]]:
    return lambda owner: table.c.message_id.in_(
        select(message.c.id).where(message.c.subscriber_id == owner.subscriber_id)
    )


#: In the order in which rows can be deleted: what refers to others comes first.
PERSONAL_TABLES = (
    PersonalTable(
        delivery_attempt,
        "delivery_attempts",
        _is_about_message(delivery_attempt),
        {"id": _HIDDEN_ID},
    ),
    PersonalTable(
        digest_item,
        "digest_items",
        lambda owner: or_(
            _is_about_message(digest_item)(owner),
            digest_item.c.subscription_id.in_(
                select(subscription.c.id).where(subscription.c.subscriber_id == owner.subscriber_id)
            ),
        ),
        {},
        (change.c.question_id, change.c.kind),
    ),
    PersonalTable(
        digest_notice,
        "digest_notices",
        _has_subscriber(digest_notice),
        {"subscriber_id": _HIDDEN_ID},
        (notice.c.source, notice.c.kind),
    ),
    PersonalTable(
        message,
        "messages",
        _has_subscriber(message),
        {
            "subscriber_id": _HIDDEN_ID,
            "sent_log_data": "hashes of what is exported: the address, the topics and the changes",
            "claim_epoch": "how often the service began to send it",
            "holder": "which process of the service sends it",
            "lease_until": "until when this process may send it",
        },
    ),
    PersonalTable(bounce, "bounces", _has_subscriber(bounce), {"subscriber_id": _HIDDEN_ID}),
    PersonalTable(
        pending_subscription,
        "pending_subscriptions",
        _has_subscriber(pending_subscription),
        {"id": _HIDDEN_ID, "subscriber_id": _HIDDEN_ID, "token": _HIDDEN_LINK},
    ),
    PersonalTable(
        undo_record,
        "undo_records",
        _has_subscriber(undo_record),
        {"id": _HIDDEN_ID, "subscriber_id": _HIDDEN_ID},
    ),
    PersonalTable(
        subscription,
        "subscriptions",
        _has_subscriber(subscription),
        {"subscriber_id": _HIDDEN_ID, "topic_id": _HIDDEN_ID, "feed_key": _HIDDEN_LINK},
        (topic.c.canonical, topic.c.question_id),
    ),
    PersonalTable(
        due_subscriber,
        "next_looks",
        _has_subscriber(due_subscriber),
        {"subscriber_id": _HIDDEN_ID, "is_settled": "how the next digest is found"},
    ),
    PersonalTable(
        subscriber,
        "subscriber",
        lambda owner: subscriber.c.id == owner.subscriber_id,
        {"id": _HIDDEN_ID, "token": _HIDDEN_LINK},
    ),
    PersonalTable(
        operator_action,
        _OPERATOR_ACTIONS,
        lambda owner: operator_action.c.subject == name_address(owner.connection, owner.email),
        {"id": _HIDDEN_ID},
        kept_because=gettext_noop(
            "what the operator did, with a hash of the address, for 400 days"
        ),
    ),
    PersonalTable(
        suppression,
        "suppressions",
        lambda owner: suppression.c.address_hash == hash_address(owner.connection, owner.email),
        {},
        kept_because=gettext_noop(
            "a hash of the address, because emails to it came back, were reported as spam "
            "or were stopped by the operator, so that nothing is sent to it again"
        ),
    ),
    PersonalTable(
        confirmation_history,
        "confirmation_emails",
        lambda owner: (
            confirmation_history.c.address_hash == find_hash(owner.connection, owner.email)
        ),
        {},
        kept_because=gettext_noop(
            "how many emails asked to confirm an alert, with a hash of the address, for "
            "some weeks, or for as long as such emails are refused"
        ),
    ),
)

#: The other tables, and what they hold instead of personal data.
OTHER_TABLES: Mapping[str, str] = {
    "acronym": "short forms in questions",
    "alarm": "what the operator must act on; addresses are taken out of its reasons",
    "backfill_month": "months that were read",
    "change": "what happened to questions",
    "channel_licence": "which process has a connection to a mail server",
    "channel_state": "whether a mail server takes messages now",
    "clock_reading": "the clock",
    "crawl_run": "crawls",
    "digest_round": "when digests were composed",
    "due_sweep": "how far subscribers were gone through",
    "digest_limit": "how many digests were sent",
    "failed_shard": "which parts of jobs fail; addresses are taken out of its reasons",
    "feed": "how far feeds are written",
    "held_change": "what happened to questions",
    "indexed_question": "the word index",
    "job": "how jobs ended; addresses are taken out of its reasons",
    "match": "changes and topics",
    "notice": "when a source could not be read",
    "operator_session": "browsers that the operator is signed in with",
    "pause": "what the operator has paused",
    "process": "processes of a cluster",
    "question": "public questions",
    "question_identity": "public questions",
    "rate_count": "networks, and mailboxes as keyed hashes, for a day at most: deleting data must "
    "not begin a limit anew",
    "refused_page": "pages of a source",
    "retired_secret": "the service's own keys",
    "retired_address": "hashes of the addresses of topics that were public",
    "secret": "the service's own keys",
    "takedown": "questions that were taken down",
    "topic": "queries, without whose they are",
    "topic_range": "how far topics are matched",
    "topic_range_ending": "how often topics have ended",
    "vocabulary": "words of questions",
    "withdrawn_feed": "feeds of topics that were public, until their files are deleted",
    "writer": "the process that works on the ledger",
}


def collect_data(connection: Connection, email: str) -> dict[str, Any] | None:
    """Return everything that is stored about an address, as values for JSON.

    Args:
        connection: The ledger.
        email: The address in its normal form.

    Returns:
        ``subscriber``, which is None where nobody with the address is subscribed, and a list for
        each other table that knows subscribers; None where nothing is stored but what the operator
        did, which begins with asking for this.
    """
    owner = _find_owner(connection, email)
    data: dict[str, Any] = {
        personal.name: _list_rows(owner, personal) for personal in reversed(PERSONAL_TABLES)
    }
    if not any(rows for name, rows in data.items() if name != _OPERATOR_ACTIONS):
        return None
    return data | {"subscriber": data["subscriber"][0] if data["subscriber"] else None}


def _find_owner(connection: Connection, email: str) -> Owner:
    wanted = select(subscriber.c.id).where(subscriber.c.email == email)
    return Owner(connection, email, connection.execute(wanted).scalar())


def _list_rows(owner: Owner, personal: PersonalTable) -> list[dict[str, Any]]:
    """Return someone's rows of one table, without its hidden columns."""
    table = personal.table
    own = [column for column in table.columns if column.name not in personal.hidden]
    wanted = select(*own, *personal.explained_by).where(personal.is_theirs(owner))
    if personal.explained_by:
        wanted = wanted.join_from(table, personal.explained_by[0].table)
    rows = owner.connection.execute(wanted.order_by(*table.primary_key.columns))
    return [{name: _show(value) for name, value in row._mapping.items()} for row in rows]


def _show(value: object) -> object:
    """Return a stored value for JSON: the body of a message as its text."""
    if not isinstance(value, bytes):
        return value
    try:
        return decompress_body(value).decode(errors="replace")
    except ValueError:  # damaged, or deleted after its time
        return None


class DeletedData(msgspec.Struct, frozen=True):
    """What was deleted of a subscriber, or would be."""

    rows: dict[str, int]  #: how many, by the name of their table; tables without any are left out
    kept: dict[str, str]  #: why other rows stay, by the name of their table
    message_ids: tuple[str, ...]  #: Message-IDs of the messages that went, for copies elsewhere
    sent_log_data: bytes  #: their keys in the sent log, one after another


def find_data(connection: Connection, email: str) -> DeletedData:
    """Return what :func:`delete_data` would delete of an address in its normal form."""
    owner = _find_owner(connection, email)
    counts = [(personal, _count_rows(owner, personal)) for personal in PERSONAL_TABLES]
    found = connection.execute(
        select(message.c.message_id, message.c.sent_log_data).where(
            message.c.subscriber_id == owner.subscriber_id
        )
    ).all()
    return DeletedData(
        {p.name: number for p, number in counts if number and not p.kept_because},
        {p.name: p.kept_because for p, number in counts if number and p.kept_because},
        tuple(row.message_id for row in found),
        b"".join(row.sent_log_data for row in found),
    )


def _count_rows(owner: Owner, personal: PersonalTable) -> int:
    wanted = select(func.count()).select_from(personal.table).where(personal.is_theirs(owner))
    return owner.connection.execute(wanted).scalar_one()


def delete_data(connection: Connection, email: str) -> DeletedData:
    """Delete a subscriber and everything of theirs, also what waits in the outbox.

    That includes the topics that only they were subscribed to, unless the operator publishes them.
    A topic with very many matches is deleted by the next rounds.

    A message that is being handed over at this moment may still arrive. How that ended is not
    recorded.

    Args:
        connection: A connection that may write.
        email: The address in its normal form.

    Returns:
        What was deleted, also the topics that nobody else needed.
    """
    found = find_data(connection, email)
    owner = _find_owner(connection, email)
    mine = subscription.c.subscriber_id == owner.subscriber_id
    topics = connection.execute(select(subscription.c.topic_id).where(mine)).scalars().all()
    for personal in PERSONAL_TABLES:
        if not personal.kept_because:
            connection.execute(delete(personal.table).where(personal.is_theirs(owner)))
    publication.release(connection, topics)
    publication.clear_ended(connection)
    left = connection.execute(select(func.count()).where(topic.c.id.in_(topics))).scalar_one()
    ended = {"topics": len(topics) - left} if len(topics) > left else {}
    return msgspec.structs.replace(found, rows=found.rows | ended)


def list_forgettable(connection: Connection, moment: datetime, limit: int) -> list[str]:
    """Return the addresses of those who left before ``moment``, or never confirmed a sign-up.

    Nobody is listed who has an active subscription or a sign-up to confirm, who was sent a message
    after ``moment``, or to whom the operator's emails go.

    Args:
        connection: The ledger.
        moment: Until when they must have left.
        limit: How many to return at most.
    """
    kept = (
        exists().where(
            subscription.c.subscriber_id == subscriber.c.id,
            or_(subscription.c.ended_at.is_(None), subscription.c.ended_at >= moment),
        ),
        exists().where(pending_subscription.c.subscriber_id == subscriber.c.id),
        exists().where(
            message.c.subscriber_id == subscriber.c.id,
            or_(message.c.kind == "operator", message.c.composed_at >= moment),
        ),
    )
    wanted = select(subscriber.c.email).where(
        subscriber.c.created_at < moment, *(~reason for reason in kept)
    )
    return list(connection.execute(wanted.order_by(subscriber.c.id).limit(limit)).scalars())

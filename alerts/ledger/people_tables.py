"""The tables about people: who watches for what, and what was sent to them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from alerts.ledger.base import Moment, metadata

subscriber = Table(
    "subscriber",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("token", Text, nullable=False, unique=True),  # 128 random bits, revocable
    Column("zone", Text, nullable=False),
    Column("hour", Integer, nullable=False),  # local hour of daily and rarer digests
    Column("created_at", Moment, nullable=False),
    Column("suspended_at", Moment),  # nothing is sent to them any more
    Column("suspended_because", Text),
    Column("rests_until", Moment),  # their mailbox had trouble: nothing new before then
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False),
    Column("topic_id", Integer, ForeignKey("topic.id"), nullable=False, index=True),
    Column("query", Text, nullable=False),  # in the subscriber's own words
    Column("frequency", Text, nullable=False),
    Column("wants", Text, nullable=False),
    Column("origin", Text, nullable=False),  # config, command, page
    Column("created_at", Moment, nullable=False),
    Column("sent_to", Integer, nullable=False),  # changes up to this one are settled for it
    Column("served_at", Moment),  # the last due time that was served, with or without a digest
    Column("ended_at", Moment),
    Column("finished", Boolean, nullable=False, server_default=false()),  # ended with its last news
    Column("paused_at", Moment),
    Column("length", Text, nullable=False, server_default="full"),  # full, short
    Column("note", Text),  # a subscriber's own words, shown to them beside the topic
    Column("overdue_days", Integer),  # a followed question that waits longer is called overdue
    Column("overdue_told_at", Moment),
    UniqueConstraint("subscriber_id", "topic_id"),
)

digest = Table(
    "digest",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False),
    Column("period", Text, nullable=False),
    Column("composed_at", Moment, nullable=False),
    UniqueConstraint("subscriber_id", "period"),
)

digest_item = Table(
    # A change goes to a subscription once, whatever happens: the key says so.
    "digest_item",
    metadata,
    Column("subscription_id", Integer, ForeignKey("subscription.id"), primary_key=True),
    Column("change_seq", Integer, ForeignKey("change.seq"), primary_key=True),
    Column("digest_id", Integer, ForeignKey("digest.id"), nullable=False, index=True),
)

digest_notice = Table(
    # A notice goes to a subscriber once.
    "digest_notice",
    metadata,
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), primary_key=True),
    Column("notice_id", Integer, ForeignKey("notice.id"), primary_key=True),
    Column("digest_id", Integer, ForeignKey("digest.id"), nullable=False, index=True),
)

message = Table(
    "message",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest_id", Integer, ForeignKey("digest.id"), nullable=False, unique=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the bytes that go out, fixed once and for all
    Column(
        "marks", LargeBinary, nullable=False, server_default=text("''")
    ),  # see alerts.delivery.sent_log
    Column("phase", Text, nullable=False),  # queued, sending, dot, sent, failed, held, dropped
    Column(
        "lane", Integer, nullable=False, server_default="1"
    ),  # 0 goes ahead: confirmations, letters
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("composed_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Index("ix_message_phase_due_at", "phase", "due_at"),
    Index("ix_message_sent_at", "sent_at"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("message.id"), nullable=False, index=True),
    Column("attempted_at", Moment, nullable=False),
    Column("outcome", Text, nullable=False),  # sent, retry, failed, content, doubt
    Column("detail", Text),
    Index("ix_delivery_outcome_attempted_at", "outcome", "attempted_at"),
)

bounce = Table(
    # What came back: the same report, read twice, is one row.
    "bounce",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("report", Text, nullable=False, unique=True),  # digest of the report
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # hard, soft, complaint
    Column("detail", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
)

suppression = Table(
    # Addresses that nothing is sent to, by a fingerprint that outlives the address itself.
    "suppression",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("because", Text, nullable=False),
    Column("since", Moment, nullable=False),
)

wish = Table(
    # What somebody asked for and has not confirmed: it is no subscription until they do.
    "wish",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("token", Text, nullable=False, index=True),  # of the letter that asks to confirm it
    Column("wish", Text, nullable=False),  # alerts.ledger.subscriptions.Wish as JSON
    Column("asked_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
)

secret = Table(
    # Drawn once, kept with everything else: what return paths and webhooks are signed with.
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

"""The tables of the ledger.

Every step of the pipeline hands its result to the next step as rows with a unique key. Because of
that key, a step that is killed and run again neither loses nor duplicates anything.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)

from alerts.ledger.utc_datetime import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

#: The condition that a question waits for an answer, as a few in a hundred do. SQLite uses their
#: indexes only for a statement that has it word for word, without parameters.
IS_WAITING = text("status <> 'answered' AND not_found_at IS NULL")


def _index_waiting(name: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=IS_WAITING, postgresql_where=IS_WAITING)


crawl_run = Table(
    "crawl_run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("verdict", Text),  # null while the crawl runs, and for ever if its process died
    Column("reason", Text),
    Column("report", Text),  # the crawler's report as JSON
    Column("is_complete", Boolean, nullable=False),  # every listing was read to its end
    Column("purpose", Text, nullable=False),  # regular, backfill
    Column("change_counts", Text),  # alerting changes by kind, as JSON: {"asked": 3}
    Index("ix_crawl_run_source_started_at", "source", "started_at"),
)

question = Table(
    "question",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("url", Text),
    Column("status", Text, nullable=False),
    Column("meeting_date", Date),
    Column("is_suspect", Boolean, nullable=False),
    Column("record", Text, nullable=False),  # the canonical record as JSON
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("visited_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),  # when we first saw an answer that is not a holding reply
    Column("not_found_at", UtcDateTime),  # when the server first answered 404 or 410
    Column("doubted_at", UtcDateTime),  # when a page that says less was first read
    Column("doubted_digest", Text),  # the content digest of that reading
    Column("etag", Text),  # the ETag and Last-Modified headers of the version that we read
    Column("last_modified", Text),
    Column("thread", Text),  # key that a question shares with its supplementaries
    Column("is_indexed", Boolean, nullable=False, server_default=false()),  # is in the word index
    Column("person", Text),  # who asked, whatever the spelling: joanne-mccartney
    Column("asker", Text),  # the name to show for that person
    Column("answered_on", Date),  # printed date of the first answer; null if the page has none
    Column("capture", Text),  # archive file and offset of the page: london-....warc.gz:512
    Column("reference_key", Text),  # alerts.questions.make_reference_key: 1234/2018
    Column("party", Text),  # of who asked, as printed; null if the page has none
    Column("body", Text),  # who was asked, the first of several, whatever the spelling: the-mayor
    Column("body_name", Text),  # the name to show for it
    Column("days_to_answer", Integer),  # from the meeting to the first answer; null if not known
    Index("ix_question_reference_key", "reference_key", "source"),
    Index("ix_question_source_status", "source", "status"),
    Index("ix_question_source_meeting_date", "source", "meeting_date"),
    Index("ix_question_source_thread", "source", "thread"),
    Index("ix_question_is_indexed", "is_indexed"),
    Index("ix_question_person", "person", "meeting_date", "status", "days_to_answer", "body"),
    Index("ix_question_body", "body", "meeting_date", "status", "days_to_answer", "person"),
    Index("ix_question_status", "status", "meeting_date", "body", "person", "not_found_at"),
    # In the order in which they are listed, for each body and for all.
    _index_waiting("ix_question_waiting_for_body", "body", "meeting_date", "id", "person"),
    _index_waiting("ix_question_waiting", "meeting_date", "id", "person", "body"),
    Index("ix_question_id", "id", "meeting_date", "status", "person", "body", "days_to_answer"),
)

question_identity = Table(
    # Every identity that a question has had: the source renames its pages.
    "question_identity",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False, index=True),
)

change = Table(
    "change",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False, index=True),
    Column("silence_reason", Text),  # null if it alerts; otherwise alerts.model.SilenceReason
    Column("before", Text),  # the record before the change, as JSON; null if there was none
    Column("after", Text, nullable=False),
    # Named after the column's former name: on SQLite, renaming a constraint copies the table.
    UniqueConstraint(
        "question_id", "kind", "content_hash", name="uq_change_question_id_kind_digest"
    ),
    # Lets the counts on topic pages be read from the index, without the long records.
    Index("ix_change_seq_question_id", "seq", "question_id"),
    sqlite_autoincrement=True,  # a number is never used twice
)

held_change = Table(
    # A change that has no number yet, because its crawl has no verdict or a doubtful one. Later
    # steps read numbered changes only, so a held change cannot reach a digest or a feed.
    "held_change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("hold_reason", Text, nullable=False),  # alerts.ledger.held_changes.HoldReason
    Column("question_id", Text, ForeignKey("question.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("silence_reason", Text),
    Column("before", Text),
    Column("after", Text, nullable=False),
    UniqueConstraint(
        "question_id", "kind", "content_hash", name="uq_held_change_question_id_kind_digest"
    ),
    Index("ix_held_change_source_hold_reason", "source", "hold_reason"),
    sqlite_autoincrement=True,
)

takedown = Table(
    # A question that the operator took down. What the other tables said of it is masked.
    "takedown",
    metadata,
    Column("question_id", Text, ForeignKey("question.id"), primary_key=True),
    Column("taken_down_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    # Of what it said, so that it is known again at another address.
    Column("content_digest", Text, nullable=False, index=True),
)

refused_page = Table(
    # A page that the server refuses to serve while it serves others.
    "refused_page",
    metadata,
    Column("identity", Text, primary_key=True),  # of the question that was asked for
    Column("source", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("first_refused_at", UtcDateTime, nullable=False),
    Column("last_refused_at", UtcDateTime, nullable=False),
)

backfill_month = Table(
    # A past month of a source that a backfill has read completely.
    "backfill_month",
    metadata,
    Column("source", Text, primary_key=True),
    Column("first_day", Date, primary_key=True),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("questions", Integer, nullable=False),  # found in the listings of that month
    Column("seconds", Float, nullable=False),
)

alarm = Table(
    # Something that the operator must act on. At most one open row for each source and kind.
    "alarm",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text),  # null for an alarm about the whole service
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("notified_at", UtcDateTime),  # when the operator email about it was queued
    Column("cleared_at", UtcDateTime),
    Column("clear_notified_at", UtcDateTime),  # when the operator email about its end was queued
    Index("ix_alarm_source_kind", "source", "kind"),
    Index(
        "uq_alarm_open",
        text("coalesce(source, '')"),
        "kind",
        unique=True,
        sqlite_where=text("cleared_at IS NULL"),
        postgresql_where=text("cleared_at IS NULL"),
    ),
)

notice = Table(
    # A message to subscribers: a source cannot be read, or can be read again.
    "notice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("site_name", Text, nullable=False),  # shown to subscribers: www.london.gov.uk
    Column("kind", Text, nullable=False),  # unavailable, restored
    Column("since", UtcDateTime, nullable=False),  # the last complete crawl before the failure
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_notice_source_created_at", "source", "created_at"),
)

topic = Table(
    "topic",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),  # query, question
    Column("canonical", Text, unique=True),  # set on a query
    Column("question_id", Text, ForeignKey("question.id"), unique=True),  # set on a question
    Column("language_version", Integer, nullable=False),  # that the canonical form is written in
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),  # as first typed, or the question's title
    Column("created_at", UtcDateTime, nullable=False),
    Column("matched_up_to", Integer, nullable=False),  # its own progress, until it is caught up
    # Matched with every change up to the number of its range; they advance together.
    Column("is_caught_up", Boolean, nullable=False, server_default=false()),
    Column("publication", Integer),  # place among the published topics; null: it is private
    Column("decision", Text),  # of the operator, by command: published, hidden
    Column("in_config", Text),  # public or private, if the config names it
    Column("is_ended", Boolean, nullable=False, server_default=false()),  # nobody needs it
    Index("ix_topic_publication", "publication", unique=True),
    Index(
        "ix_topic_is_ended",
        "id",
        sqlite_where=text("is_ended = 1"),
        postgresql_where=text("is_ended"),
    ),
    Index(  # those that are to be matched with earlier changes
        "ix_topic_is_outstanding",
        "id",
        sqlite_where=text("is_caught_up = 0 AND is_ended = 0"),
        postgresql_where=text("NOT is_caught_up AND NOT is_ended"),
    ),
    CheckConstraint(
        "(kind = 'query' AND canonical IS NOT NULL AND question_id IS NULL)"
        " OR (kind = 'question' AND question_id IS NOT NULL AND canonical IS NULL)",
        name="kind",
    ),
    sqlite_autoincrement=True,  # the matcher knows topics by their ids, also those that ended
)

pause = Table(
    # What the operator has paused.
    "pause",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("activity", Text, nullable=False),  # crawl, delivery
    Column("source", Text),  # whose crawls are paused; null for delivery
    Column("since", UtcDateTime, nullable=False),
    Index("ix_pause_source", "source", unique=True),
)

match = Table(
    "match",
    metadata,
    Column("topic_id", Integer, ForeignKey("topic.id"), primary_key=True),
    Column("change_seq", Integer, ForeignKey("change.seq"), primary_key=True),
    Index("ix_match_change_seq", "change_seq"),
)

subscriber = Table(
    "subscriber",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("token", Text, nullable=False, unique=True),  # 128 random bits, in their links
    # How often they came back; a link to their alerts from before that is not valid any more.
    Column("link_generation", Integer, nullable=False, server_default="0"),
    Column("zone", Text, nullable=False),
    Column("hour", Integer, nullable=False),  # local hour of digests that are daily or rarer
    Column("created_at", UtcDateTime, nullable=False),
    Column("suspended_at", UtcDateTime),  # from then on nothing is sent
    Column("suspension_reason", Text),  # bounces, complaint, operator
    Column(
        "paused_until", UtcDateTime, info={"ahead": timedelta(days=8)}
    ),  # after soft bounces: no new digest before then
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False),
    Column("topic_id", Integer, ForeignKey("topic.id"), nullable=False, index=True),
    Column("query", Text, nullable=False),  # as the subscriber typed it
    Column("frequency", Text, nullable=False),
    Column("updates", Text, nullable=False),  # all, asked, answered
    Column("origin", Text, nullable=False),  # config, command, page
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_up_to", Integer, nullable=False),  # changes up to this one are handled
    Column("last_due_at", UtcDateTime),  # the last due time handled, with or without a digest
    Column("ended_at", UtcDateTime),
    Column("is_finished", Boolean, nullable=False, server_default=false()),  # ended by its answer
    Column("paused_at", UtcDateTime),
    # The end of a pause; null if it has none.
    Column("resume_at", UtcDateTime, info={"ahead": timedelta(days=32)}),
    # sent_up_to was set back by an undo: changes in its digests are not sent again.
    Column("is_rewound", Boolean, nullable=False, server_default=false()),
    Column("detail", Text, nullable=False, server_default="full"),  # full, titles
    Column("note", Text),  # the subscriber's own, shown beside the topic
    Column("overdue_days", Integer),  # a followed question unanswered for longer is overdue
    Column("overdue_notified_at", UtcDateTime),
    Column("publishes", Boolean, nullable=False, server_default=false()),  # its topic, by command
    Column("feed_key", Text),  # random, in the address of the subscriber's own feed of the topic
    Index("ix_subscription_feed_key", "feed_key", unique=True),
    Index(
        "ix_subscription_resume_at",
        "resume_at",
        sqlite_where=text("resume_at IS NOT NULL"),
        postgresql_where=text("resume_at IS NOT NULL"),
    ),
    Index(  # lets the operator's overview count them without their rows
        "ix_subscription_active",
        "topic_id",
        "subscriber_id",
        "paused_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    UniqueConstraint("subscriber_id", "topic_id"),
)

message = Table(
    # The outbox. The key, with subscriber and kind, stands for what the message is about, so a
    # step that is killed and run again queues it once.
    "message",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False),
    Column("kind", Text, nullable=False),  # alerts.model.MessageKind
    Column("key", Text, nullable=False),
    Column("message_id", Text, nullable=False, unique=True),  # the Message-ID header
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the bytes to send, compressed
    Column("sent_log_data", LargeBinary, nullable=False, server_default=text("''")),
    Column("phase", Text, nullable=False),  # alerts.ledger.messages.MessagePhase
    Column("lane", Integer, nullable=False, server_default="1"),  # 0 is sent before 1
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, info={"ahead": timedelta(days=1)}),
    Column("composed_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("claim_epoch", Integer, nullable=False, server_default="0"),  # one more at each claim
    Column("holder", Text),  # the delivery that has claimed it: alerts.ledger.claims
    Column("lease_until", UtcDateTime, info={"ahead": timedelta(hours=2)}),  # of its claim
    UniqueConstraint("subscriber_id", "kind", "key"),
    Index("ix_message_phase_due_at", "phase", "due_at"),
    Index("ix_message_sent_at", "sent_at"),
    sqlite_autoincrement=True,  # return paths are signed for the number of a message
)

digest_item = Table(
    # A change in a digest. The primary key lets a subscription be sent a change only once.
    "digest_item",
    metadata,
    Column("subscription_id", Integer, ForeignKey("subscription.id"), primary_key=True),
    Column("change_seq", Integer, ForeignKey("change.seq"), primary_key=True),
    Column("message_id", Integer, ForeignKey("message.id"), nullable=False, index=True),
)

digest_notice = Table(
    # A notice in a digest. The primary key lets a subscriber be sent a notice only once.
    "digest_notice",
    metadata,
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), primary_key=True),
    Column("notice_id", Integer, ForeignKey("notice.id"), primary_key=True),
    Column("message_id", Integer, ForeignKey("message.id"), nullable=False, index=True),
)

bounce = Table(
    # A bounce or complaint. All reports of one kind about one message are one row.
    "bounce",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("report_hash", Text, nullable=False, unique=True),  # its kind and message: "hard 7"
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # alerts.ledger.bounces.BounceKind
    Column("detail", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)

suppression = Table(
    # An address that nothing may be sent to. The hash stays when the subscriber is deleted.
    "suppression",
    metadata,
    Column("address_hash", Text, primary_key=True),
    Column("reason", Text, nullable=False),  # bounces, complaint, operator
    Column("since", UtcDateTime, nullable=False),
)

pending_subscription = Table(
    # A subscription that somebody has asked for and not confirmed yet.
    "pending_subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("token", Text, nullable=False, index=True),  # in the link of the confirmation email
    Column(
        "request", Text, nullable=False
    ),  # alerts.ledger.subscriptions.SubscriptionRequest, JSON
    Column("requested_at", UtcDateTime, nullable=False),
    Column("emailed_at", UtcDateTime),  # when its confirmation email was queued; null if none was
    Column("confirmed_at", UtcDateTime),
)

secret = Table(
    # Random keys that the service makes for itself, for example to sign return paths.
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

clock_reading = Table(
    # The clock at the last round, and at each round that was the last one before a gap of more
    # than a day. See alerts.ledger.clock_readings.
    "clock_reading",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("moment", UtcDateTime, nullable=False),
    Column("boot", Text),  # which start of the machine; null where it cannot be told
    Column("uptime", Float),  # seconds since that start
    Column("set_back_at", UtcDateTime),  # when a round found that the clock had gone back
    Column("is_doubted", Boolean, nullable=False, server_default=false()),  # a later one was
)

indexed_question = Table(
    # The row number of a question in "word", the full-text index, which is not described here: it
    # is an FTS5 table on SQLite and a tsvector table on PostgreSQL.
    "indexed_question",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False, unique=True),
    Column("day", Date, nullable=False),  # of its meeting, or when we first saw it
    # What results are counted by; null for a row that was written before these columns were added.
    Column("year", Integer),  # of its meeting
    Column("status", Text),
    Column("source", Text),
    *(Column("askers", Text), Column("addressees", Text)),  # lists of facets.Person, as JSON
    Column("party", Text),
    Index("ix_indexed_question_day", "day"),
)

vocabulary = Table(
    # Every word key of the index, in lower case and in capitals, to find similar spellings in.
    "vocabulary",
    metadata,
    Column("key", Text, primary_key=True),
)

acronym = Table(
    "acronym",
    metadata,
    Column("question_id", Text, ForeignKey("question.id"), primary_key=True),
    Column("short_form", Text, primary_key=True),
    Column("long_form", Text, primary_key=True),
)

# Acronyms are looked up in any case.
Index("ix_acronym_short_form", func.lower(acronym.c.short_form))
Index("ix_acronym_long_form", func.lower(acronym.c.long_form))

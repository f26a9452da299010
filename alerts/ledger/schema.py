"""The ledger's tables. Every hand-off between two steps is a row with a unique key.

That key, not care, is why a step that is killed and run again loses nothing and doubles nothing.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)

from alerts.ledger.base import UtcDateTime, metadata

crawl_run = Table(
    "crawl_run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("verdict", Text),  # null while it runs, and for good when the process died
    Column("reason", Text),
    Column("report", Text),  # crawler.report.CrawlReport as JSON
    Column("whole", Boolean, nullable=False),  # its listings came to an end
    Column("purpose", Text, nullable=False, server_default="watch"),  # watch, backfill
    Column("news", Text),  # how many changes of each kind it brought that alert, as JSON
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
    Column("suspect", Boolean, nullable=False),
    Column("record", Text, nullable=False),  # the canonical record as JSON
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("visited_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),  # when we first saw a real answer
    Column("gone_at", UtcDateTime),  # when the server first said that the page is not there
    Column("etag", Text),  # what the server called the version that we read
    Column("last_modified", Text),
    Column("thread", Text),  # what a question shares with its supplementaries
    Column("worded", Boolean, nullable=False, server_default=false()),  # its words are written
    Column("person", Text),  # who asked, over all spellings
    Column("asker", Text),  # the name that they are shown by
    Column("answered_on", Date),  # as the page has it; null where it does not say
    Column("capture", Text),  # file and offset of the page in the archive: london-....warc.gz:512
    Index("ix_question_source_status", "source", "status"),
    Index("ix_question_source_meeting_date", "source", "meeting_date"),
    Index("ix_question_source_thread", "source", "thread"),
    Index("ix_question_worded", "worded"),
    Index("ix_question_person", "person", "meeting_date"),
    Index("ix_question_status_meeting_date", "status", "meeting_date"),
    Index("ix_question_id_meeting_date", "id", "meeting_date"),
)

question_identity = Table(
    # Every identity that a question has been seen under: the source renames its pages.
    "address",
    metadata,
    Column("id", Text, primary_key=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False, index=True),
)

change = Table(
    "change",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False, index=True),
    Column("silent_because", Text),  # null: it alerts; else baseline, old, flood, drift
    Column("before", Text),  # the record before, as JSON; null when there was none
    Column("after", Text, nullable=False),
    UniqueConstraint("question_id", "kind", "digest"),
    # What topics' pages count needs no look at the records, which are long.
    Index("ix_change_seq_question_id", "seq", "question_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

held_change = Table(
    # A change that has no number yet: its crawl is not judged, or was judged doubtful. What comes
    # after it reads numbered changes only, so nothing of it can leak into a digest or a feed.
    "held_change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("because", Text, nullable=False),  # crawl, flood, drift
    Column("question_id", Text, ForeignKey("question.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("silent_because", Text),
    Column("before", Text),
    Column("after", Text, nullable=False),
    UniqueConstraint("question_id", "kind", "digest"),
    Index("ix_held_change_source_because", "source", "because"),
    sqlite_autoincrement=True,
)

refused_page = Table(
    # A page that the server keeps to itself while it serves others: known to us or not.
    "refusal",
    metadata,
    Column("id", Text, primary_key=True),  # the identity that was asked for
    Column("source", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)

backfill_month = Table(
    # A month of a source's past that a backfill has read to its end.
    "month",
    metadata,
    Column("source", Text, primary_key=True),
    Column("begins", Date, primary_key=True),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("questions", Integer, nullable=False),  # that its listings named
    Column("seconds", Float, nullable=False),
)

alarm = Table(
    # Something that the operator is to know of; one open row for each source and kind.
    "alarm",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),  # when the letter about it was written
    Column("cleared_at", UtcDateTime),
    Column("cleared_told_at", UtcDateTime),
    Index("ix_alarm_source_kind", "source", "kind"),
)

notice = Table(
    # What subscribers are told of a source: that it cannot be read, and that it can again.
    "notice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),  # as people know it: www.london.gov.uk
    Column("kind", Text, nullable=False),  # silent, mended
    Column("since", UtcDateTime, nullable=False),  # the last good crawl before it
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_notice_source_created_at", "source", "created_at"),
)

match_progress = Table(
    # One row: the change up to which all topics that are in step have been compared.
    "pace",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("matched_to", Integer, nullable=False),
)

topic = Table(
    "topic",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("canonical", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),  # as first typed
    Column("created_at", UtcDateTime, nullable=False),
    Column("matched_to", Integer, nullable=False),  # how far it has come, until it is in step
    Column("in_step", Boolean, nullable=False, server_default=false()),  # compared with the others
    Column("question_id", Text, ForeignKey("question.id")),  # set: it is that one question
)

feed = Table(
    # How far the files of a feed have come: a topic's, by its slug, and that of everything.
    "feed",
    metadata,
    Column("name", Text, primary_key=True),
    Column("published_to", Integer, nullable=False),  # newest change in the files
    Column("noticed_to", Integer, nullable=False),  # newest notice in the files
    Column("pages", Integer, nullable=False, server_default="0"),  # full pages of its archive
    Column("filed", Integer, nullable=False, server_default="0"),  # of them, written as files
    Column("pinged_to", Integer, nullable=False, server_default="-1"),  # told to the hub
)

pause = Table(
    # What the operator has put on hold: "crawl london", "deliver".
    "halt",
    metadata,
    Column("name", Text, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
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
    Column("token", Text, nullable=False, unique=True),  # 128 random bits, revocable
    Column("zone", Text, nullable=False),
    Column("hour", Integer, nullable=False),  # local hour of daily and rarer digests
    Column("created_at", UtcDateTime, nullable=False),
    Column("suspended_at", UtcDateTime),  # nothing is sent to them any more
    Column("suspended_because", Text),
    Column("rests_until", UtcDateTime),  # their mailbox had trouble: nothing new before then
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
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_to", Integer, nullable=False),  # changes up to this one are settled for it
    Column("served_at", UtcDateTime),  # the last due time that was served, with or without a digest
    Column("ended_at", UtcDateTime),
    Column("finished", Boolean, nullable=False, server_default=false()),  # ended with its last news
    Column("paused_at", UtcDateTime),
    Column("length", Text, nullable=False, server_default="full"),  # full, short
    Column("note", Text),  # a subscriber's own words, shown to them beside the topic
    Column("overdue_days", Integer),  # a followed question that waits longer is called overdue
    Column("overdue_told_at", UtcDateTime),
    UniqueConstraint("subscriber_id", "topic_id"),
)


digest = Table(
    "digest",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False),
    Column("period", Text, nullable=False),
    Column("composed_at", UtcDateTime, nullable=False),
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
    Column("due_at", UtcDateTime, nullable=False),
    Column("composed_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Index("ix_message_phase_due_at", "phase", "due_at"),
    Index("ix_message_sent_at", "sent_at"),
)


delivery_attempt = Table(
    "delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("message.id"), nullable=False, index=True),
    Column("attempted_at", UtcDateTime, nullable=False),
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
    Column("received_at", UtcDateTime, nullable=False),
)


suppression = Table(
    # Addresses that nothing is sent to, by a fingerprint that outlives the address itself.
    "suppression",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("because", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)


pending_subscription = Table(
    # What somebody asked for and has not confirmed: it is no subscription until they do.
    "wish",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("token", Text, nullable=False, index=True),  # of the letter that asks to confirm it
    Column("wish", Text, nullable=False),  # alerts.ledger.subscriptions.SubscriptionRequest as JSON
    Column("asked_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
)


secret = Table(
    # Drawn once, kept with everything else: what return paths and webhooks are signed with.
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)


indexed_question = Table(
    # The number of a question in "word", which is the database's own index and no table of ours.
    "worded",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False, unique=True),
    Column("dated", Date, nullable=False),  # of its meeting, or when we first saw it
    Index("ix_worded_dated", "dated"),
)


vocabulary = Table(
    # Each key that ever was a word's, in small letters or in capitals, for what is spelt alike.
    "vocabulary",
    metadata,
    Column("key", Text, primary_key=True),
)


acronym = Table(
    "acronym",
    metadata,
    Column("question_id", Text, ForeignKey("question.id"), primary_key=True),
    Column("short", Text, primary_key=True),
    Column("long", Text, primary_key=True),
)


#: Looked up in any case, for each topic that somebody tries out.
Index("ix_acronym_short", func.lower(acronym.c.short))


Index("ix_acronym_long", func.lower(acronym.c.long))

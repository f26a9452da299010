"""Names by the glossary; kinds of messages and topics; repair of ledgers of the first 0005

Revisions 0004 and 0005 were edited after ledgers had been migrated with them, so the revision
number does not tell what such a ledger has. This revision looks, and adds what is missing.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: (table, old name, new name)
_RENAMED_COLUMNS = (
    ("crawl_run", "whole", "is_complete"),
    ("crawl_run", "news", "change_counts"),
    ("question", "suspect", "is_suspect"),
    ("question", "gone_at", "not_found_at"),
    ("question", "worded", "is_indexed"),
    ("change", "digest", "content_hash"),
    ("change", "silent_because", "silence_reason"),
    ("held_change", "because", "hold_reason"),
    ("held_change", "digest", "content_hash"),
    ("held_change", "silent_because", "silence_reason"),
    ("alarm", "told_at", "notified_at"),
    ("alarm", "cleared_told_at", "clear_notified_at"),
    ("notice", "place", "site_name"),
    ("topic", "matched_to", "matched_up_to"),
    ("topic", "in_step", "is_caught_up"),
    ("feed", "published_to", "published_up_to"),
    ("feed", "noticed_to", "notices_up_to"),
    ("feed", "pages", "archive_pages"),
    ("feed", "filed", "written_pages"),
    ("feed", "pinged_to", "pinged_up_to"),
    ("subscriber", "suspended_because", "suspension_reason"),
    ("subscriber", "rests_until", "paused_until"),
    ("subscription", "wants", "updates"),
    ("subscription", "length", "detail"),
    ("subscription", "sent_to", "sent_up_to"),
    ("subscription", "served_at", "last_due_at"),
    ("subscription", "finished", "is_finished"),
    ("subscription", "overdue_told_at", "overdue_notified_at"),
    ("message", "marks", "sent_log_data"),
    ("bounce", "report", "report_hash"),
    ("suppression", "fingerprint", "address_hash"),
    ("suppression", "because", "reason"),
    ("acronym", "short", "short_form"),
    ("acronym", "long", "long_form"),
)

#: (table, column, old value, new value)
_RENAMED_VALUES = (
    ("crawl_run", "purpose", "watch", "regular"),
    ("alarm", "kind", "held", "awaiting_approval"),
    ("alarm", "kind", "silent", "unavailable"),
    ("alarm", "kind", "content", "content_rejected"),
    ("alarm", "kind", "brake", "daily_limit"),
    ("notice", "kind", "silent", "unavailable"),
    ("notice", "kind", "mended", "restored"),
    ("subscription", "detail", "short", "titles"),
    ("message", "phase", "dot", "handing_over"),
    ("message", "phase", "held", "in_doubt"),
    ("delivery_attempt", "outcome", "content", "content_rejected"),
    ("delivery_attempt", "outcome", "doubt", "in_doubt"),
)


def upgrade() -> None:
    _repair_edited_revisions()
    for table, old, new in _RENAMED_COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    _rename_indexes()
    _rename_tables()
    for table, column, old, new in _RENAMED_VALUES:
        op.execute(f"UPDATE {table} SET {column} = '{new}' WHERE {column} = '{old}'")  # noqa: S608
    _rename_request_keys()
    with op.batch_alter_table("crawl_run") as batch:
        batch.alter_column("purpose", existing_type=sa.Text(), server_default=None)
    _give_topics_a_kind()
    _separate_service_alarms()
    _fold_digests_into_messages()


def _repair_edited_revisions() -> None:
    """Add what the last forms of revisions 0004 and 0005 make and their first forms did not."""
    inspector = sa.inspect(op.get_bind())
    known = {
        index["name"] for table in ("question", "change") for index in inspector.get_indexes(table)
    }
    if "ix_question_id_meeting_date" not in known:
        op.create_index("ix_question_id_meeting_date", "question", ["id", "meeting_date"])
    if "ix_change_seq_question_id" not in known:
        op.create_index("ix_change_seq_question_id", "change", ["seq", "question_id"])
    if "marks" not in {column["name"] for column in inspector.get_columns("message")}:
        empty = sa.text("''")
        op.add_column(
            "message",
            sa.Column("marks", sa.LargeBinary(), nullable=False, server_default=empty),
        )
    if not inspector.has_table("vocabulary"):
        op.create_table(
            "vocabulary",
            sa.Column("key", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("key", name=op.f("pk_vocabulary")),
        )
        _fill_vocabulary()


def _fill_vocabulary() -> None:
    """Copy every word key of the full-text index."""
    if op.get_bind().dialect.name == "postgresql":
        source, column = "ts_stat('SELECT keys FROM word')", "word"
    else:
        op.execute("CREATE VIRTUAL TABLE temp.index_term USING fts5vocab(main, word, row)")
        source, column = "temp.index_term", "term"
    is_word = f"substr({column}, 1, 2) IN ('wx', 'cx')"
    op.execute(f"INSERT INTO vocabulary (key) SELECT {column} FROM {source} WHERE {is_word}")  # noqa: S608
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TABLE temp.index_term")


def _rename_indexes() -> None:
    op.drop_index("ix_question_worded", "question")
    op.create_index("ix_question_is_indexed", "question", ["is_indexed"])
    op.drop_index("ix_held_change_source_because", "held_change")
    op.create_index("ix_held_change_source_hold_reason", "held_change", ["source", "hold_reason"])
    op.execute("DROP INDEX ix_acronym_short")
    op.execute("DROP INDEX ix_acronym_long")
    op.execute("CREATE INDEX ix_acronym_short_form ON acronym (lower(short_form))")
    op.execute("CREATE INDEX ix_acronym_long_form ON acronym (lower(long_form))")


def _rename_tables() -> None:
    """Copy each table to one with the new name, so that its constraints have new names too."""
    op.create_table(
        "question_identity",
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        _build_foreign_key("question_identity", "question_id", "question"),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_question_identity")),
    )
    _move_rows("address", "question_identity", {"id": "identity", "question_id": "question_id"})
    op.create_index("ix_question_identity_question_id", "question_identity", ["question_id"])
    op.create_table(
        "refused_page",
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("first_refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_refused_page")),
    )
    _move_rows(
        "refusal",
        "refused_page",
        {
            "id": "identity",
            "source": "source",
            "url": "url",
            "status": "status",
            "first_at": "first_refused_at",
            "last_at": "last_refused_at",
        },
    )
    op.create_table(
        "backfill_month",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("source", "first_day", name=op.f("pk_backfill_month")),
    )
    _move_rows(
        "month",
        "backfill_month",
        {
            "source": "source",
            "begins": "first_day",
            "finished_at": "finished_at",
            "questions": "questions",
            "seconds": "seconds",
        },
    )
    op.create_table(
        "match_progress",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("matched_up_to", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_progress")),
    )
    _move_rows("pace", "match_progress", {"id": "id", "matched_to": "matched_up_to"})
    _rename_delivery_tables()
    _rename_index_tables()
    _replace_pauses()


def _rename_delivery_tables() -> None:
    op.create_table(
        "delivery_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        _build_foreign_key("delivery_attempt", "message_id", "message"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempt")),
    )
    names = ("id", "message_id", "attempted_at", "outcome", "detail")
    _move_rows("delivery", "delivery_attempt", dict(zip(names, names, strict=True)))
    op.create_index("ix_delivery_attempt_message_id", "delivery_attempt", ["message_id"])
    op.create_index(
        "ix_delivery_attempt_outcome_attempted_at", "delivery_attempt", ["outcome", "attempted_at"]
    )
    with op.batch_alter_table("bounce") as batch:
        batch.drop_constraint("uq_bounce_report", type_="unique")
        batch.create_unique_constraint("uq_bounce_report_hash", ["report_hash"])
    op.create_table(
        "pending_subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        _build_foreign_key("pending_subscription", "subscriber_id", "subscriber"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_subscription")),
    )
    _move_rows(
        "wish",
        "pending_subscription",
        {
            "id": "id",
            "subscriber_id": "subscriber_id",
            "token": "token",
            "wish": "request",
            "asked_at": "requested_at",
            "confirmed_at": "confirmed_at",
        },
    )
    for column in ("subscriber_id", "token"):
        op.create_index(f"ix_pending_subscription_{column}", "pending_subscription", [column])


def _rename_index_tables() -> None:
    """Keep the ids: they are the row numbers of the full-text index."""
    op.create_table(
        "indexed_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        _build_foreign_key("indexed_question", "question_id", "question"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indexed_question")),
        sa.UniqueConstraint("question_id", name=op.f("uq_indexed_question_question_id")),
    )
    _move_rows(
        "worded",
        "indexed_question",
        {"id": "id", "question_id": "question_id", "dated": "day"},
    )
    op.create_index("ix_indexed_question_day", "indexed_question", ["day"])


def _replace_pauses() -> None:
    """Split the old names, "deliver" and "crawl SOURCE", into activity and source."""
    op.create_table(
        "pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
    )
    op.execute(
        "INSERT INTO pause (activity, source, since)"
        " SELECT 'crawl', substr(name, 7), since FROM halt WHERE name LIKE 'crawl %'"
    )
    op.execute(
        "INSERT INTO pause (activity, since) SELECT 'delivery', since FROM halt"
        " WHERE name = 'deliver'"
    )
    op.create_index("ix_pause_source", "pause", ["source"], unique=True)
    op.drop_table("halt")


def _build_foreign_key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _move_rows(old: str, new: str, columns: dict[str, str]) -> None:
    """Copy the rows of ``old`` to ``new`` and drop ``old``; ``columns`` maps old to new names."""
    into, of = ", ".join(columns.values()), ", ".join(columns)
    op.execute(f"INSERT INTO {new} ({into}) SELECT {of} FROM {old}")  # noqa: S608
    op.drop_table(old)
    if "id" in columns.values() and op.get_bind().dialect.name == "postgresql":
        newest = f"(SELECT coalesce(max(id), 0) + 1 FROM {new})"  # noqa: S608
        op.execute(f"SELECT setval(pg_get_serial_sequence('{new}', 'id'), {newest}, false)")


def _rename_request_keys() -> None:
    """Rewrite the requests that are stored as JSON: wants → updates, length → detail."""
    names = {"wants": "updates", "length": "detail"}
    pending = sa.table("pending_subscription", sa.column("id"), sa.column("request"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(pending)).all():
        request = {names.get(key, key): value for key, value in json.loads(row.request).items()}
        if request.get("detail") == "short":
            request["detail"] = "titles"
        encoded = json.dumps(request, ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(pending).where(pending.c.id == row.id).values(request=encoded))


def _give_topics_a_kind() -> None:
    """Replace the canonical form "=QUESTION" by a kind; both sorts of topic have a unique key.

    The language version is 2 for every query, but for those that revision 0003 has marked as
    written in the first language.
    """
    for column in (
        sa.Column("kind", sa.Text(), nullable=False, server_default="query"),
        sa.Column("language_version", sa.Integer(), nullable=False, server_default="2"),
    ):
        op.add_column("topic", column)
    op.execute("UPDATE topic SET kind = 'question' WHERE question_id IS NOT NULL")
    if sa.inspect(op.get_bind()).has_table("topic_of_first_language"):
        op.execute(
            "UPDATE topic SET language_version = 1"
            " WHERE id IN (SELECT topic_id FROM topic_of_first_language)"
        )
        op.drop_table("topic_of_first_language")
    with op.batch_alter_table("topic") as batch:
        batch.alter_column("canonical", existing_type=sa.Text(), nullable=True)
        batch.alter_column("kind", existing_type=sa.Text(), server_default=None)
        batch.alter_column("language_version", existing_type=sa.Integer(), server_default=None)
    op.execute("UPDATE topic SET canonical = NULL WHERE kind = 'question'")
    with op.batch_alter_table("topic") as batch:
        batch.create_unique_constraint("uq_topic_question_id", ["question_id"])
        batch.create_check_constraint(
            op.f("ck_topic_kind"),
            "(kind = 'query' AND canonical IS NOT NULL AND question_id IS NULL)"
            " OR (kind = 'question' AND question_id IS NOT NULL AND canonical IS NULL)",
        )


def _separate_service_alarms() -> None:
    """Alarms about the whole service had the source "mail", which is none."""
    with op.batch_alter_table("alarm") as batch:
        batch.alter_column("source", existing_type=sa.Text(), nullable=True)
    op.execute(
        "UPDATE alarm SET source = NULL WHERE source = 'mail'"
        " AND kind IN ('compose', 'queue', 'content_rejected', 'daily_limit')"
    )


def _fold_digests_into_messages() -> None:
    """Move subscriber, kind and key from the digest to its message, and drop the digest.

    Every message had a row in "digest", also the emails that are no digests; their kind stood in
    the first word of its period. The key is the part of the Message-ID that was made from the
    subscriber and that period: ``<digest.KEY@example.org>``.
    """
    op.add_column("message", sa.Column("subscriber_id", sa.Integer()))
    op.add_column("message", sa.Column("kind", sa.Text()))
    op.add_column("message", sa.Column("key", sa.Text()))
    _fill_message_columns()
    for table in ("digest_item", "digest_notice"):
        _refer_to_messages(table)
    with op.batch_alter_table("message") as batch:
        for name, kind in (
            ("subscriber_id", sa.Integer()),
            ("kind", sa.Text()),
            ("key", sa.Text()),
        ):
            batch.alter_column(name, existing_type=kind, nullable=False)
        batch.drop_constraint("uq_message_digest_id", type_="unique")
        batch.drop_constraint("fk_message_digest_id_digest", type_="foreignkey")
        batch.drop_column("digest_id")
        batch.create_foreign_key(
            op.f("fk_message_subscriber_id_subscriber"), "subscriber", ["subscriber_id"], ["id"]
        )
        batch.create_unique_constraint(
            op.f("uq_message_subscriber_id_kind_key"), ["subscriber_id", "kind", "key"]
        )
    op.drop_table("digest")


def _fill_message_columns() -> None:
    digest = sa.table("digest", sa.column("id"), sa.column("subscriber_id"), sa.column("period"))
    message = sa.table(
        "message",
        *(sa.column(name) for name in ("id", "digest_id", "message_id")),
        *(sa.column(name) for name in ("subscriber_id", "kind", "key")),
    )
    item = sa.table("digest_item", sa.column("digest_id"))
    connection = op.get_bind()
    rows = connection.execute(
        sa.select(
            message.c.id,
            message.c.message_id,
            digest.c.subscriber_id,
            digest.c.period,
            sa.exists().where(item.c.digest_id == digest.c.id).label("has_items"),
        ).join(digest, digest.c.id == message.c.digest_id)
    ).all()
    for row in rows:
        connection.execute(
            sa.update(message)
            .where(message.c.id == row.id)
            .values(
                subscriber_id=row.subscriber_id,
                kind=_find_kind(row.period, has_items=row.has_items),
                key=row.message_id.strip("<>").rpartition("@")[0].partition(".")[2]
                or row.message_id,
            )
        )


def _find_kind(period: str, *, has_items: bool) -> str:
    first = period.partition(" ")[0]
    if kind := {"confirm": "confirmation", "link": "manage_link", "alarms": "operator"}.get(first):
        return kind
    is_notice_alone = "notice:" in period and "overdue:" not in period and not has_items
    return "notice" if is_notice_alone else "digest"


def _refer_to_messages(table: str) -> None:
    """Let the rows of ``table`` refer to the message instead of the digest."""
    op.add_column(table, sa.Column("message_id", sa.Integer()))
    op.execute(
        f"UPDATE {table} SET message_id = "  # noqa: S608
        f"(SELECT id FROM message WHERE message.digest_id = {table}.digest_id)"
    )
    with op.batch_alter_table(table) as batch:
        batch.alter_column("message_id", existing_type=sa.Integer(), nullable=False)
        batch.drop_index(f"ix_{table}_digest_id")
        batch.drop_constraint(f"fk_{table}_digest_id_digest", type_="foreignkey")
        batch.drop_column("digest_id")
        batch.create_foreign_key(
            op.f(f"fk_{table}_message_id_message"), "message", ["message_id"], ["id"]
        )
        batch.create_index(f"ix_{table}_message_id", ["message_id"])

"""Tables of the service itself: its writer, jobs and keys, and what its operator does."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Column, Float, Integer, LargeBinary, Table, Text

from alerts.ledger.schema import metadata
from alerts.ledger.utc_datetime import UtcDateTime

writer = Table(
    # One row: the process that works on the ledger. Taking the lock makes the epoch one higher,
    # and whoever works with a lower one can commit nothing any more.
    "writer",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("process", Text),  # alerts.ledger.processes
    Column("beat", Float),  # PostgreSQL: when the writer renewed its lease, the server's Unix time
)

retired_secret = Table(
    # A key that was replaced: what it signed is accepted for a while.
    "retired_secret",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),  # alerts.ledger.secrets.SecretPurpose
    Column("value", LargeBinary, nullable=False),
    Column("retired_at", UtcDateTime, nullable=False),
    Column("accepted_until", UtcDateTime, nullable=False, info={"ahead": timedelta(days=60)}),
)

operator_session = Table(
    # A browser that is signed in to the operator's page.
    "operator_session",
    metadata,
    Column("session_hash", Text, primary_key=True),
    Column("password_tag", Text, nullable=False),  # keyed hash of the password that opened it
    Column("signed_in_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, info={"ahead": timedelta(days=1)}),
)

operator_action = Table(
    # What the operator did, or somebody who tried to be the operator.
    "operator_action",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("done_at", UtcDateTime, nullable=False, index=True),
    Column("actor", Text, nullable=False),  # "page from 192.0.2.7", "command by ada"
    Column("action", Text, nullable=False),  # sign-in, wrong password, takedown
    Column("subject", Text),  # a source, a question, a keyed hash of an address
)

process = Table(
    # A process of a cluster, and when it last reached the database.
    "process",
    metadata,
    Column("name", Text, primary_key=True),  # alerts-1:4711
    Column("role", Text, nullable=False),  # serve, work, schedule
    Column("detail", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

job = Table(
    # How the last run of each job ended, written by whoever runs it: the daemon, single rounds and
    # any number of workers at once. See alerts.ledger.jobs.
    "job",
    metadata,
    Column("name", Text, primary_key=True),  # round, match, crawl london
    Column("begun_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),  # null until the first run has ended
    Column("good_at", UtcDateTime),  # the last end without a failure
    Column("failures_in_a_row", Integer, nullable=False, server_default="0"),
    Column("reason", Text),  # why the last run failed; null if it did not
    # Runs that have begun and not ended: they go on, or their process died.
    Column("running", Integer, nullable=False, server_default="0"),
)

failed_shard = Table(
    # A part of a job's work that failed when it was last tried; gone when it ends well.
    "failed_shard",
    metadata,
    Column("job", Text, primary_key=True),  # match, compose
    Column("shard", Text, primary_key=True),  # what its task was given: topics 1000 to 1999
    Column("failures_in_a_row", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False),
)

"""Ledgers of every earlier schema open, are migrated, and send what was due, once."""

from __future__ import annotations

import ast
import hashlib
import mailbox
import tomllib
from collections import Counter
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channels import maildir
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import (
    Ledger,
    alarms,
    crawl_runs,
    held_changes,
    open_ledger,
    questions,
    schema_version,
    subscriptions,
    topic_ranges,
    topics,
)
from alerts.ledger.schema import digest_item, message, metadata, pause, vocabulary
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.rendering import Templates
from tests.alerts.ledger.test_ledger import is_ours
from tests.support import old_ledgers
from tests.support.paths import REPOSITORY
from tests.support.postgres import create_database

HEAD = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example")
HASHES = Path(__file__).parent / "migration_hashes.txt"
#: The day after the dumps were made, when daily digests are due.
LATER = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)

ADA, BO, CY, DEE = (f"{name}@demo.example" for name in ("ada", "bo", "cy", "dee"))
BO_QUERY = '"park benches" OR trees'
#: What was in the outbox of every dump.
QUEUED = [(ADA, "Benches: 1 new question"), (BO, f"{BO_QUERY}: 1 new question")]
#: What becomes due for everybody's matches of the last questions.
ANSWERS = [
    (ADA, "Benches: 1 answer, 1 new question"),
    (BO, f"{BO_QUERY}: 1 answer, 2 new questions"),
]
CONFIRMATION = (DEE, "Watchword: shall we write to you about ponds?")
FOLLOWED = [
    CONFIRMATION,
    (CY, "Trees, Park benches: 1 new question, 1 overdue question"),
    (CY, "Park benches: 1 answer"),
]


def expect_emails(version: str) -> list[tuple[str, str]]:
    """Recipient and subject of each email of a dump."""
    rest = FOLLOWED if version >= "0004" else [(CY, "Trees: 1 new question")]
    ada, bo = ANSWERS
    if version in {"0001", "0002", "0003-first"}:  # it waits in the outbox, in the words of then
        ada = (ADA, "Benches: 1 new answer, 1 new question")
    return sorted([*QUEUED, ada, bo, *rest])


def send_what_is_due(ledger: Ledger, folder: Path) -> Counter[str]:
    TopicMatcher(ledger).match_new_changes()
    compose_due_digests(ledger, DigestSettings(Templates(), HEAD), LATER)
    channels = ChannelTable((maildir.MaildirSettings(folder),))
    return deliver_due(ledger, channels, lambda: LATER)


def read_maildir(folder: Path) -> list[EmailMessage]:
    parser = BytesParser(policy=policy.default)
    return [parser.parsebytes(each.as_bytes()) for each in mailbox.Maildir(folder)]


@pytest.mark.parametrize("version", old_ledgers.VERSIONS)
@pytest.mark.slow
def test_an_old_ledger_sends_what_was_due_once(version: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    old_ledgers.load_sqlite(version, path)
    check_upgrade(version, f"sqlite:///{path}", tmp_path / "mail")


def test_each_release_has_a_ledger_that_is_upgraded() -> None:
    """While the program has the version of a release, its schema is that of the release."""
    assert set(old_ledgers.RELEASED.values()) <= set(old_ledgers.VERSIONS)
    program = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    newest = schema_version.get_newest()
    assert old_ledgers.RELEASED.get(program, newest) == newest


@pytest.mark.parametrize("version", ["0001", "0005"])
def test_an_old_ledger_on_postgresql_sends_what_was_due_once(
    version: str, postgres_server: str, tmp_path: Path
) -> None:
    with create_database(postgres_server, "template1") as url:
        old_ledgers.load_postgres(version, url, tmp_path)
        check_upgrade(version, url, tmp_path / "mail")


def check_upgrade(version: str, url: str, folder: Path) -> None:
    ledger = open_ledger(url)
    sent = send_what_is_due(ledger, folder)
    emails = read_maildir(folder)
    assert sorted((e["To"], e["Subject"]) for e in emails) == expect_emails(version)
    assert sent == {"sent": len(emails)}
    assert len({e["Message-ID"] for e in emails}) == len(emails)
    assert send_what_is_due(ledger, folder) == {}
    ledger.engine.dispose()


@pytest.mark.parametrize("version", old_ledgers.VERSIONS)
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression")
@pytest.mark.slow
def test_an_upgraded_ledger_has_the_tables_of_today(version: str, tmp_path: Path) -> None:
    """Also one whose revision was edited after it had been migrated with it."""
    path = tmp_path / "ledger.sqlite3"
    old_ledgers.load_sqlite(version, path)
    ledger = open_ledger(f"sqlite:///{path}")
    with ledger.reading() as connection:
        opts = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    ledger.engine.dispose()


@pytest.mark.parametrize("version", [v for v in old_ledgers.VERSIONS if v >= "0002"])
@pytest.mark.slow
def test_what_is_stored_keeps_its_meaning(version: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    old_ledgers.load_sqlite(version, path)
    ledger = open_ledger(f"sqlite:///{path}")
    with ledger.reading() as connection:
        [held] = held_changes.list_awaiting_approval(connection)
        assert (held.source, held.reason, held.kind, held.example) == (
            *("london", "flood", "asked"),
            "Fountains",
        )
        raised = {(alarm.source, alarm.kind) for alarm in alarms.list_open(connection)}
        assert raised == {("london", "awaiting_approval"), (None, "queue")}
        assert crawl_runs.has_baseline(connection, "london")
        assert crawl_runs.get_peak_counts(connection, "london", datetime.min.replace(tzinfo=UTC))
        stored = questions.find(connection, "london:/questions/1")
        assert stored is not None
        assert stored.record.status == "answered"
        forms = {t.canonical for t in topics.list_all(connection) if t.kind == "query"}
        assert forms == {"benches", '"park benches" OR trees', "trees"}
        if version >= "0004":
            mine = {s.query: s for s in subscriptions.list_active(connection) if s.email == CY}
            assert mine["Trees"].detail == "titles"
            assert mine["Park benches"].kind == "question"
            assert mine["Park benches"].question_id == "london:/questions/1"
            kinds = connection.execute(select(message.c.recipient, message.c.kind)).all()
            assert {row.kind for row in kinds if row.recipient == DEE} == {"confirmation"}
            assert {row.kind for row in kinds if row.recipient != DEE} == {"digest"}
        if version >= "0005":
            rows = connection.execute(select(pause.c.activity, pause.c.source)).all()
            assert [tuple(row) for row in rows] == [("crawl", "london")]
        words = set(connection.execute(select(vocabulary.c.key)).scalars())
        assert words or version < "0004"
    ledger.engine.dispose()


@pytest.mark.slow
def test_a_change_is_in_one_digest_of_a_subscription(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    old_ledgers.load_sqlite("0005", path)
    ledger = open_ledger(f"sqlite:///{path}")
    with ledger.reading() as connection:
        before = connection.execute(select(digest_item)).all()
    send_what_is_due(ledger, tmp_path / "mail")
    with ledger.reading() as connection:
        after = connection.execute(select(digest_item)).all()
        kept = connection.execute(
            select(digest_item.c.message_id, message.c.recipient).join(message)
        )
        assert {row.recipient for row in kept} == {ADA, BO, CY}
    assert set(before) < set(after)
    ledger.engine.dispose()


# ------------------------------------------------------------------------- migrations are frozen


def hash_migrations() -> dict[str, str]:
    files = sorted((old_ledgers.MIGRATIONS / "versions").glob("*.py"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_migration_that_has_landed_is_never_edited() -> None:
    """Ledgers may have been migrated with it: make another migration instead.

    A new migration is added to ``migration_hashes.txt``: ``sha256sum 0*.py``.
    """
    lines = [line.split() for line in HASHES.read_text().splitlines()]
    assert hash_migrations() == {name: digest for digest, name in lines}


@pytest.mark.parametrize("path", sorted((old_ledgers.MIGRATIONS / "versions").glob("*.py")))
def test_a_migration_imports_no_code_of_ours(path: Path) -> None:
    """Our code changes; what a migration does must not."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    ours = {
        name for name in imported if name.partition(".")[0] in {"alerts", "crawler", "scheduler"}
    }
    assert ours == set()


@pytest.mark.slow
def test_topics_of_the_first_language_are_rewritten(database_url: str, now: datetime) -> None:
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    typed = {"vru": "VRU", "cyclists": "Cyclists", "vrus": "VRUs", "(": "("}
    with engine.begin() as connection:
        old_ledgers.upgrade_schema(connection, "0002")
        for number, (form, title) in enumerate(typed.items()):
            insert = (
                "INSERT INTO topic (canonical, slug, title, created_at, matched_to) "
                "VALUES (:form, :form, :title, :now, :line)"
            )
            written = now.isoformat(" ")  # as Python's sqlite3 wrote times; it is deprecated there
            values = {"form": form, "title": title, "now": written, "line": 7 if number else 5}
            connection.execute(text(insert), values)
    engine.dispose()
    opened = open_ledger(database_url)
    with opened.reading() as connection:
        found = {topic.title: topic for topic in topics.list_all(connection)}
        assert topic_ranges.get_match_progress(connection) == 7
    assert {title: topic.canonical for title, topic in found.items()} == {
        "VRU": "VRU",
        "Cyclists": "cyclists",
        "VRUs": "(VRU)",  # another topic has its new form without brackets
        "(": "(",
    }
    assert [topic.is_caught_up for topic in found.values()] == [False, True, True, True]
    opened.engine.dispose()

"""Personal data is exported, and nothing of it is left after it was deleted."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import chain
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channel import Envelope
from alerts.delivery.channels import maildir
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import (
    Ledger,
    address_hashes,
    alarms,
    deliveries,
    jobs,
    open_ledger,
    pending_subscriptions,
    personal_data,
    subscriptions,
    topics,
)
from alerts.ledger import __path__ as ledger_path
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.erasure import erase_deleted
from alerts.ledger.messages import decompress_body
from alerts.ledger.operator_actions import name_address
from alerts.ledger.schema import digest_notice, message, metadata, notice, pending_subscription
from alerts.ledger.secrets import hash_address
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.ledger.utc_datetime import UtcDateTime
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe, unsubscribe
from tests.support.outbox import list_due, queue_messages
from tests.support.samples import make_question

HEAD = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
ADA, VERA = "ada@demo.example", "vera@demo.example"


def send(ledger: Ledger, now: datetime) -> None:
    """Send a digest and a notice to each of two subscribers."""
    with ledger.writing() as connection:
        for who in (ADA, VERA):
            wish = SubscriptionRequest("VRU", Frequency.IMMEDIATE, "all", "command")
            subscribe(connection, who, wish, SubscriberDefaults("Europe/London", 7), now)
        record_readings(
            connection, [QuestionReading(make_question(1, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(Templates(), HEAD), now) == 2
    with ledger.writing() as connection:
        sent = DeliveryAttempt("sent", "250", "sent", now)
        deliveries.record_attempts(
            connection, [(entry.id, sent, now) for entry in list_due(connection, now)]
        )
        values = {"source": "london", "site_name": "x", "kind": "unavailable"}
        notice_id = connection.execute(
            insert(notice).values(**values, since=now, created_at=now).returning(notice.c.id)
        ).scalar_one()
        digests = connection.execute(select(message.c.id).order_by(message.c.id)).scalars()
        for who, message_id in zip((ADA, VERA), digests, strict=True):
            person = subscriptions.find_subscriber_by_email(connection, who)
            assert person is not None
            connection.execute(
                insert(digest_notice).values(
                    subscriber_id=person.id, notice_id=notice_id, message_id=message_id
                )
            )


def dump(ledger: Ledger) -> str:
    """Return all rows of all tables as text."""
    with ledger.reading() as connection:
        tables = metadata.sorted_tables
        rows = chain(*(connection.execute(select(table)).all() for table in tables))
        return "\n".join(str(make_searchable(value)) for row in rows for value in row)


def make_searchable(value: object) -> object:
    """Return a value that can be searched: bodies are stored compressed."""
    if not isinstance(value, bytes):
        return value
    try:
        return decompress_body(value)
    except ValueError:  # it is no body
        return value


def test_a_subscriber_is_deleted_completely_and_no_other(ledger: Ledger, now: datetime) -> None:
    send(ledger, now)
    before = dump(ledger)
    assert before.count(ADA) == before.count(VERA) >= 3
    with ledger.writing() as connection:
        expected = personal_data.find_data(connection, ADA)
        deleted = personal_data.delete_data(connection, ADA)
    assert deleted == expected
    assert deleted.rows == {
        "delivery_attempts": 1,
        "digest_items": 1,
        "digest_notices": 1,
        "messages": 1,
        "subscriptions": 1,
        "subscriber": 1,
    }
    after = dump(ledger)
    assert ADA not in after
    assert after.count(VERA) == before.count(VERA)


def test_former_subscribers_are_listed_for_deletion_in_time(ledger: Ledger, now: datetime) -> None:
    send(ledger, now)
    later = now + timedelta(seconds=1)
    with ledger.writing() as connection:
        unsubscribe(connection, ADA, None, now)
        assert personal_data.list_forgettable(connection, now, 9) == []
        assert personal_data.list_forgettable(connection, later, 9) == [ADA]
        wish = SubscriptionRequest("benches", Frequency.DAILY, "all", "command")
        pending_subscriptions.add_request(connection, 1, wish, now, now)
        assert personal_data.list_forgettable(connection, later, 9) == []  # who is asked to confirm
        connection.execute(delete(pending_subscription))
        subscribe(
            connection, ADA, wish, SubscriberDefaults("Europe/London", 7), now
        )  # and came back
        assert personal_data.list_forgettable(connection, now + timedelta(days=99), 9) == []
        unsubscribe(connection, ADA, None, now)
        connection.execute(
            update(message).where(message.c.recipient == ADA).values(phase="handing_over")
        )
        assert personal_data.list_forgettable(connection, now + timedelta(days=99), 9) == [ADA]


def test_everything_of_a_subscriber_is_exported(ledger: Ledger, now: datetime) -> None:
    send(ledger, now)
    with ledger.reading() as connection:
        shown = personal_data.collect_data(connection, ADA)
        assert personal_data.collect_data(connection, "nobody@demo.example") is None
    assert shown is not None
    assert shown["subscriber"]["email"] == ADA
    assert [one["query"] for one in shown["subscriptions"]] == ["VRU"]
    assert [one["subject"] for one in shown["messages"]] == ["VRU: 1 new question"]
    assert "To: ada@demo.example" in shown["messages"][0]["body"]
    assert [one["question_id"] for one in shown["digest_items"]] == ["london:/questions/1"]
    assert [one["source"] for one in shown["digest_notices"]] == ["london"]
    assert [one["detail"] for one in shown["delivery_attempts"]] == ["250"]
    assert "token" not in str(shown)
    assert VERA not in str(shown)


#: Names of columns that hold something of a subscriber or visitor. Addressees of questions are
#: public.
_PERSONAL_NAME = re.compile(r"email|address(?!ee)|recipient|subscri|network|token|person_|owner")


def list_tables() -> list[Table]:
    """Return every table that a module of the ledger defines, whichever database it is in."""
    modules = [import_module(f"alerts.ledger.{one.name}") for one in iter_modules(ledger_path)]
    found = [value for module in modules for value in vars(module).values()]
    beside = {one.name: one for one in found if isinstance(one, Table)}
    return list((beside | dict(metadata.tables)).values())


def find_forgotten(tables: Iterable[Table]) -> list[str]:
    """Return the tables and columns that know a person and that neither list accounts for."""
    personal = {entry.table.name for entry in personal_data.PERSONAL_TABLES}
    problems = []
    for table in tables:
        if table.name in personal:
            continue
        if table.name not in personal_data.OTHER_TABLES:
            problems.append(table.name)
        problems += [
            f"{table.name}.{column.name}"
            for column in table.columns
            if _PERSONAL_NAME.search(column.name)
            or any(key.column.table.name in personal for key in column.foreign_keys)
        ]
    return problems


def test_each_table_is_known_to_the_export_or_holds_nothing_of_a_person() -> None:
    assert find_forgotten(list_tables()) == []
    named = [entry.table.name for entry in personal_data.PERSONAL_TABLES]
    assert sorted([*named, *personal_data.OTHER_TABLES]) == sorted(
        table.name for table in list_tables()
    )
    for entry in personal_data.PERSONAL_TABLES:
        assert set(entry.hidden) <= set(entry.table.columns.keys()), entry.name
        assert all(entry.hidden.values())


def test_a_new_table_or_column_that_knows_a_person_is_found() -> None:
    changed = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(changed)
    Table("visit", changed, Column("who", ForeignKey("subscriber.id"), primary_key=True))
    changed.tables["topic"].append_column(Column("first_typed_by", ForeignKey("subscriber.id")))
    changed.tables["alarm"].append_column(Column("caused_by_email", Text))
    assert set(find_forgotten(changed.sorted_tables)) == {
        "visit",
        "visit.who",
        "topic.first_typed_by",
        "alarm.caused_by_email",
    }


def fill_tables(connection: Connection) -> set[str]:
    """Add a row about Ada to each table that knows people; return what is in it of theirs."""
    marks: set[str] = set()
    for entry in reversed(personal_data.PERSONAL_TABLES):
        if entry.table.name == "subscriber":
            continue
        values = {
            column.name: _fill_column(column, marks, is_shown=column.name not in entry.hidden)
            for column in entry.table.columns
            if not (column.primary_key and isinstance(column.type, Integer | BigInteger))
            or column.foreign_keys
        }
        if entry.kept_because:
            values |= _tie_to_address(connection, entry.table.name)
        connection.execute(insert(entry.table).values(values))
    return marks


def _tie_to_address(connection: Connection, table: str) -> dict[str, str]:
    """What ties rows of a table to an address and not to a subscriber."""
    return {
        "suppression": {"address_hash": hash_address(connection, ADA)},
        "confirmation_history": {"address_hash": address_hashes.get_hash(connection, ADA)},
        "operator_action": {"subject": name_address(connection, ADA)},
    }[table]


def _fill_column(column: Column[Any], marks: set[str], *, is_shown: bool) -> Any:
    if column.foreign_keys:
        return 1
    if isinstance(column.type, UtcDateTime):
        return datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
    if isinstance(column.type, LargeBinary | Text):
        mark = f"mark-{column.table.name}-{column.name}"
        if is_shown and column.name not in {"address_hash", "subject"}:
            marks.add(mark)
        return zlib.compress(mark.encode(), 1) if isinstance(column.type, LargeBinary) else mark
    return 0


def test_every_column_about_a_person_is_exported_and_deleted(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(make_question(1))], now, RecordingRules())
        topics.ensure(connection, "benches", "benches", now)
        values = {"source": "london", "site_name": "x", "kind": "unavailable"}
        connection.execute(insert(notice).values(**values, since=now, created_at=now))
        subscriptions.ensure_subscriber(connection, ADA, "Europe/London", 7, now)
        marks = fill_tables(connection)
        shown = personal_data.collect_data(connection, ADA)
        assert len(marks) >= 20
        assert {mark for mark in marks if mark not in str(shown)} == set()
        deleted = personal_data.delete_data(connection, ADA)
    personal = personal_data.PERSONAL_TABLES
    theirs = {entry.name for entry in personal if not entry.kept_because}
    assert set(deleted.rows) == theirs | {"topics"}  # nobody else needed theirs
    assert set(deleted.kept) == {entry.name for entry in personal if entry.kept_because}
    left = dump(ledger)
    kept = {entry.table.name for entry in personal if entry.kept_because}
    assert {mark for mark in marks if mark in left and mark.split("-")[1] not in kept} == set()
    assert ADA not in left


@pytest.mark.slow
def test_what_was_deleted_is_erased_from_the_log_of_the_database(
    tmp_path: Path, now: datetime
) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    send(ledger, now)
    with ledger.writing() as connection:
        personal_data.delete_data(connection, ADA)
    with ledger.reading() as connection:
        connection.execute(select(message.c.id)).all()
        assert not erase_deleted(ledger, seconds=0.05)  # somebody still reads what was there
    assert erase_deleted(ledger)
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert ADA.encode() not in left
    assert VERA.encode() in left
    ledger.engine.dispose()


def test_what_is_kept_of_failures_names_nobody(ledger: Ledger, now: datetime) -> None:
    reason = f"the server said: 550 5.1.1 <{ADA}>: unknown; and {ADA}, again"
    with ledger.writing() as connection:
        alarms.update_open(connection, None, {"queue": reason}, (), now)
        jobs.fail(connection, "deliver", reason, now, now)
    kept = dump(ledger)
    assert ADA not in kept
    assert kept.count("550 5.1.1 <…@demo.example>: unknown; and …@demo.example, again") == 2


def deliver_and_delete(
    ledger: Ledger, now: datetime, folder: Path, *, is_late: bool
) -> Counter[str]:
    """Deliver to Ada, whose data is deleted before or after the message is handed over."""

    class Settings(maildir.MaildirSettings, frozen=True):
        @contextmanager
        def open(self) -> Iterator[maildir.Maildir]:
            yield Session(self.path)

    class Session(maildir.Maildir):
        def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
            def hand_over() -> None:
                if is_late:
                    before_handover()
                with ledger.writing() as connection:
                    personal_data.delete_data(connection, ADA)
                if not is_late:
                    before_handover()

            return super().deliver(envelope, hand_over)

    for name in ("tmp", "new", "cur"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return deliver_due(ledger, ChannelTable((Settings(folder),)), lambda: now)


@pytest.mark.parametrize("is_late", [False, True])
def test_data_is_deleted_while_a_message_is_being_sent(
    ledger: Ledger, now: datetime, tmp_path: Path, *, is_late: bool
) -> None:
    queue_messages(ledger, now, ADA, VERA)
    assert deliver_and_delete(ledger, now, tmp_path / "mail", is_late=is_late)["sent"] >= 1
    assert ADA not in dump(ledger)
    assert not list((tmp_path / "mail" / "tmp").iterdir())
    arrived = [path.read_text() for path in (tmp_path / "mail" / "new").iterdir()]
    assert sum(f"Delivered-To: {ADA}" in text for text in arrived) == is_late
    assert sum(f"Delivered-To: {VERA}" in text for text in arrived) == 1

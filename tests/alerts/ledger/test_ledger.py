"""The ledger works alike on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
import re
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import alerts.ledger
from alerts.ledger import (
    Ledger,
    LedgerError,
    LedgerUnavailable,
    changes,
    crawl_runs,
    open_ledger,
    questions,
    schema,
    topics,
)
from alerts.ledger.crawl_runs import CrawlResult
from alerts.ledger.schema import metadata
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.recording.page_states import record_missing_page
from crawler.records import Meeting, Question
from tests.support.samples import HOLDING_TEXT, make_answer, make_question


def put(ledger: Ledger, now: datetime, *readings: Question, **rules: Any) -> dict[str, int]:
    """Record readings and return the counts that are not zero."""
    with ledger.writing() as connection:
        done = record_readings(
            connection, [QuestionReading(r) for r in readings], now, RecordingRules(**rules)
        )
    return {name: n for name, n in done.items() if n}


def all_changes(ledger: Ledger) -> list[tuple[str, str | None]]:
    with ledger.reading() as connection:
        newest = changes.get_newest_seq(connection)
        found = changes.list_between(connection, 0, newest, 1000)
    return [(numbered.change.kind, numbered.silence_reason) for numbered in found]


# On SQLite an index of an expression cannot be compared.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression")
def test_migrations_make_the_tables_of_the_schema(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        opts = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        assert {schema.indexed_question, schema.acronym} <= set(metadata.tables.values())
        assert compare_metadata(context, metadata) == []


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Leave out the word index: it is the database's own, and several tables on SQLite."""
    return not (kind == "table" and name and re.fullmatch("word(_.*)?", name))


def test_opening_again_changes_nothing(ledger: Ledger, ledger_url: str, now: datetime) -> None:
    put(ledger, now, make_question(1))
    again = open_ledger(ledger_url)
    with again.reading() as connection:
        assert questions.count(connection) == 1
    again.engine.dispose()


def test_the_newest_schema_is_known_by_the_file_names(ledger: Ledger) -> None:
    """Opening a ledger compares its revision with the numbers of the migration files."""
    with ledger.reading() as connection:
        schema = MigrationContext.configure(connection).get_current_revision()
    folder = Path(alerts.ledger.__file__).parent / "migrations" / "versions"
    assert sorted(path.name[:4] for path in folder.glob("*.py"))[-1] == schema


def test_a_record_is_read_as_it_was_stored(ledger: Ledger, now: datetime) -> None:
    asked = make_question(
        1, make_answer("Siân’s “quoted” answer ‑ all of it.", date=date(2026, 7, 15))
    )
    put(ledger, now, asked)
    with ledger.reading() as connection:
        stored = questions.find(connection, asked.id)
    assert stored is not None
    assert stored.record == asked
    assert (stored.first_seen_at, stored.visited_at, stored.answered_at) == (now, now, now)


def test_each_reading_of_a_question_brings_its_change(ledger: Ledger, now: datetime) -> None:
    later = now + timedelta(days=3)
    assert put(ledger, now, make_question(1)) == {"new": 1, "asked": 1}
    assert put(ledger, now, make_question(1)) == {}
    assert put(ledger, later, make_question(1, make_answer(HOLDING_TEXT, holding=True))) == {
        "holding": 1
    }
    assert put(ledger, later, make_question(1, make_answer("Yes."))) == {"answered": 1}
    assert put(ledger, later, make_question(1)) == {"doubted": 1}
    assert put(ledger, later, make_question(1, make_answer("No."))) == {"corrected": 1}
    with ledger.reading() as connection:
        stored = questions.find(connection, make_question(1).id)
        numbers = [n.seq for n in changes.list_between(connection, 0, 10**6, 100)]
    assert stored is not None
    assert stored.answered_at == later
    assert numbers == sorted(set(numbers))
    assert all_changes(ledger) == [
        ("asked", None),
        ("holding", None),
        ("answered", None),
        ("corrected", None),
    ]


def test_the_baseline_does_not_alert_and_later_changes_do(ledger: Ledger, now: datetime) -> None:
    put(ledger, now, make_question(1), make_question(2, make_answer("Yes.")), baseline=True)
    put(ledger, now, make_question(1, make_answer("Now.")), make_question(3))
    silent = [("asked", "baseline")] * 2 + [("answered", "baseline")]
    assert sorted(all_changes(ledger)[:3]) == sorted(silent)
    assert all_changes(ledger)[3:] == [("answered", None), ("asked", None)]


def test_old_questions_do_not_alert_unless_ingested_as_new(ledger: Ledger, now: datetime) -> None:
    meeting = Meeting(None, date(2018, 12, 20))
    put(ledger, now, make_question(1, meeting=meeting))
    put(ledger, now, make_question(2, meeting=meeting), as_new=True)
    assert all_changes(ledger) == [("asked", "old"), ("asked", None)]


def test_a_suspect_page_is_stored_and_replaced_later(ledger: Ledger, now: datetime) -> None:
    suspect = make_question(1, suspect=("no asker",), asked_by=None)
    assert put(ledger, now, suspect) == {"new": 1, "suspect": 1}
    assert all_changes(ledger) == []
    assert put(ledger, now, make_question(1)) == {"asked": 1}
    assert put(ledger, now, suspect) == {"suspect": 1}
    with ledger.reading() as connection:
        stored = questions.find(connection, make_question(1).id)
    assert stored is not None
    assert not stored.record.suspect


def test_a_page_that_moved_stays_the_same_question(ledger: Ledger, now: datetime) -> None:
    first = make_question(1)
    put(ledger, now, first)
    moved = make_question(99, make_answer("Yes."), title="Question 1")
    with ledger.writing() as connection:
        done = record_readings(
            connection, [QuestionReading(moved, first.id)], now, RecordingRules()
        )
    assert done["answered"] == 1
    assert done["new"] == 0
    with ledger.reading() as connection:
        assert questions.count(connection) == 1
        known = questions.list_identities(connection, "london", date(2026, 7, 1), date(2026, 7, 31))
    assert known == (first.id, moved.id)
    # From now on it is found by either id.
    assert put(ledger, now, moved) == {}


def test_a_new_page_is_also_known_by_the_id_that_was_requested(
    ledger: Ledger, now: datetime
) -> None:
    with ledger.writing() as connection:
        record_readings(
            connection,
            [QuestionReading(make_question(1), "london:/from-the-listing")],
            now,
            RecordingRules(),
        )
    with ledger.reading() as connection:
        known = questions.list_identities(connection, "london", date(2026, 7, 1), date(2026, 7, 31))
    assert known == ("london:/from-the-listing", make_question(1).id)


def test_a_page_must_be_missing_for_a_time_to_count_as_withdrawn(
    ledger: Ledger, now: datetime
) -> None:
    put(ledger, now, make_question(1))
    identity = make_question(1).id

    def miss_page(moment: datetime) -> str | None:
        with ledger.writing() as connection:
            change = record_missing_page(connection, identity, moment, RecordingRules())
        return change.kind if change else None

    assert miss_page(now) is None
    assert miss_page(now + timedelta(hours=1)) is None
    put(ledger, now + timedelta(hours=2), make_question(1))  # it is back: the time starts again
    assert miss_page(now + timedelta(days=1)) is None
    assert miss_page(now + timedelta(days=2)) == "withdrawn"
    assert miss_page(now + timedelta(days=3)) is None


def test_a_question_that_never_alerted_is_not_reported_as_withdrawn(
    ledger: Ledger, now: datetime
) -> None:
    put(ledger, now, make_question(1, title=None, suspect=("no title",)))
    with ledger.writing() as connection:
        for day in range(3):
            moment = now + timedelta(days=day)
            assert (
                record_missing_page(connection, make_question(1).id, moment, RecordingRules())
                is None
            )


@pytest.mark.slow
def test_there_is_one_writer_at_a_time(ledger: Ledger, now: datetime) -> None:
    """A reader of the changes up to a number never misses one below it."""
    written = threading.Event()

    def other() -> None:
        put(ledger, now, make_question(2))
        written.set()

    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(make_question(1))], now, RecordingRules())
        thread = threading.Thread(target=other)
        thread.start()
        assert not written.wait(0.3)
    assert written.wait(20)
    thread.join()
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, 10, 10)
    assert [one.change.after.id for one in found] == [make_question(1).id, make_question(2).id]


def test_only_a_complete_crawl_is_a_baseline(ledger: Ledger, now: datetime) -> None:
    def run(verdict: str | None, whole: bool) -> None:
        with ledger.writing() as connection:
            key = crawl_runs.start_run(connection, "london", now)
            if verdict:
                crawl_runs.finish_run(connection, key, CrawlResult(verdict, "", "null", whole), now)

    def baseline() -> bool:
        with ledger.reading() as connection:
            return crawl_runs.has_baseline(connection, "london")

    run(None, False)
    run("unreachable", False)
    run("partial", False)
    assert not baseline()
    run("ok", True)
    assert baseline()


def _add(url: str, count: int, start: int) -> None:
    ledger = open_ledger(url)
    for number in range(count):
        put(ledger, datetime(2026, 7, 16, tzinfo=UTC), make_question(1, words=f"{start + number}"))
    ledger.engine.dispose()


@pytest.mark.slow
def test_no_update_is_lost_between_processes(tmp_path: Path) -> None:
    """Each of 100 edits by 4 processes sees the one before it, so each is a change.

    On SQLite only: on PostgreSQL an advisory lock separates writers, not BEGIN.
    """
    ledger_url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    ledger = open_ledger(ledger_url)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add, args=(ledger_url, 25, 100 * n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert len(all_changes(ledger)) == 100
    ledger.engine.dispose()


def test_a_naive_datetime_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="naive datetime"):
        put(ledger, datetime(2026, 7, 16), make_question(1))  # noqa: DTZ001  # the mistake under test


class TestOpening:
    """A ledger that cannot be opened is refused with one sentence that says what to do."""

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite3"
        path.write_text("this is a shopping list, and a long one at that")
        with pytest.raises(LedgerError, match="file is not a database"):
            open_ledger(f"sqlite:///{path}")
        assert path.read_text().startswith("this is a shopping list")

    @pytest.mark.slow
    def test_a_damaged_database(self, tmp_path: Path, now: datetime) -> None:
        path = tmp_path / "ledger.sqlite3"
        ledger = open_ledger(f"sqlite:///{path}")
        put(ledger, now, *(make_question(n, make_answer("word " * 400)) for n in range(1, 40)))
        ledger.engine.dispose()  # the last connection's end moves the log into the file
        body = bytearray(path.read_bytes())
        middle = len(body) // 2
        body[middle : middle + 8192] = b"\xff" * 8192
        path.write_bytes(body)
        with pytest.raises(LedgerError, match=r"damaged|malformed"):
            open_ledger(f"sqlite:///{path}")

    @pytest.mark.slow
    def test_a_newer_schema(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
        ledger = open_ledger(url)
        with ledger.writing() as connection:
            connection.execute(text("update alembic_version set version_num = '9999'"))
        ledger.engine.dispose()
        with pytest.raises(LedgerError, match=r"newer watchword .*9999.*upgrade"):
            open_ledger(url)

    @pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "sqlite://", ""])
    def test_a_wrong_url(self, url: str) -> None:
        with pytest.raises(LedgerError, match=r"ledger\.url"):
            open_ledger(url)

    def test_a_server_that_is_not_there(self) -> None:
        with pytest.raises(LedgerUnavailable, match=r"cannot be used: .*refused"):
            open_ledger("postgresql://nobody@127.0.0.1:1/none")

    def test_a_password_is_not_shown(self) -> None:
        with pytest.raises(LedgerUnavailable) as error:
            open_ledger("postgresql://nobody:secret@127.0.0.1:1/none")
        assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("canonical", "title", "name"),
    [
        ("VRU", "VRUs", "VRU"),
        ("vru", "Vru", "vru"),
        ("polic", "Policing", "policing"),
        ('"police"', '"police"', "police-78224c63"),
        ("crime knife", "knife crime", "knife-crime-920f84c7"),
        ("中", "中", "a567bdaa"),
        ("berry siân", "Siân Berry", "sian-berry-8d933b29"),
        ("łódź straße", "Łódź Straße", "lodz-strasse-af75facd"),
        ("mayor's", "Mayor’s Æther", "mayors-aether-39868ebf"),
    ],
)
def test_a_slug_is_readable(canonical: str, title: str, name: str) -> None:
    assert topics.build_slug(canonical, title) == name

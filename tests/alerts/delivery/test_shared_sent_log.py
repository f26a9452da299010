"""The sent log of several machines, in a real object store."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from alerts.delivery import SentLog, compute_sent_key, open_sent_log
from alerts.delivery.sent_log import SentLogError
from crawler.storage import Folder, parse_folder
from tests.support.object_store import ObjectStore, run_object_store

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
KEYS = [compute_sent_key("ada@demo.example", None, f"london:/{n}", "asked", "x") for n in range(9)]


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with run_object_store("tests") as running:
        yield running


@pytest.fixture
def folder(store: ObjectStore) -> Folder:
    return parse_folder(f"s3://tests/{uuid.uuid4()}")


def open_log(folder: Folder) -> SentLog:
    """The log as another process would open it."""
    return open_sent_log(folder, b"secret")


@pytest.mark.slow
def test_what_one_process_sent_the_next_one_knows(folder: Folder) -> None:
    first = open_log(folder)
    first.add(KEYS[0] + KEYS[1], NOW)
    assert first.contains(KEYS[0], NOW)
    first.close()
    second = open_log(folder)
    assert second.contains(KEYS[0] + KEYS[1], NOW)
    assert second.find(KEYS, NOW) == set(KEYS[:2])
    assert not second.contains(KEYS[0], NOW + timedelta(days=9))
    second.close()
    assert not open_sent_log(folder, b"another").contains(KEYS[0], NOW)


@pytest.mark.slow
def test_the_keys_name_nobody(folder: Folder) -> None:
    log = open_log(folder)
    log.add(KEYS[0], NOW)
    log.close()
    [file] = folder.list_files()
    assert folder.read(file.name) != KEYS[0]
    assert file.size == len(KEYS[0])


@pytest.mark.slow
def test_two_processes_at_once_lose_nothing(folder: Folder) -> None:
    logs = [open_log(folder) for _ in range(2)]
    for number, key in enumerate(KEYS):
        logs[number % 2].add(key, NOW)
    for log in logs:
        log.close()
    later = open_log(folder)
    assert later.find(KEYS, NOW) == set(KEYS)
    later.close()


@pytest.mark.slow
def test_what_is_removed_is_in_no_file(folder: Folder) -> None:
    log = open_log(folder)
    log.add(b"".join(KEYS), NOW)
    log.remove(KEYS[3])
    assert log.find(KEYS, NOW) == set(KEYS) - {KEYS[3]}
    log.close()
    again = open_log(folder)
    assert again.find(KEYS, NOW) == set(KEYS) - {KEYS[3]}
    again.close()


@pytest.mark.slow
def test_files_of_old_days_are_deleted(folder: Folder) -> None:
    for day in range(13):
        log = open_log(folder)
        log.add(KEYS[4], NOW + timedelta(days=day))
        log.close()
    days = [file.name[:10] for file in folder.list_files()]
    assert (days[0], days[-1]) == ("2026-11-29", "2026-12-08")
    assert len(days) == len(set(days))


@pytest.mark.slow
def test_many_files_of_a_day_become_one(folder: Folder) -> None:
    for key in KEYS * 3:
        log = open_log(folder)
        log.add(key, NOW)
        log.close()
    assert len(list(folder.list_files())) == 27
    log = open_log(folder)
    log.add(KEYS[0], NOW + timedelta(days=1))
    assert len(list(folder.list_files())) == 1
    assert log.find(KEYS, NOW) == set(KEYS)
    log.close()
    again = open_log(folder)
    assert again.find(KEYS, NOW) == set(KEYS)
    again.close()


@pytest.mark.slow
def test_a_store_that_fails_at_the_start_is_said_at_once(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    log = open_log(folder)
    with pytest.raises(SentLogError, match="s3://tests/"):
        log.contains(KEYS[0], NOW)


@pytest.mark.slow
def test_a_store_that_fails_later_stops_nothing_and_loses_nothing(
    folder: Folder, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "watchword")
    log = open_log(folder)
    log.add(KEYS[0], NOW)
    store.stop()
    log.add(KEYS[1], NOW)
    assert log.contains(KEYS[0] + KEYS[1], NOW)
    log.close()
    assert "it is tried again" in caplog.text
    store.start()
    log.close()
    again = open_log(folder)
    assert again.contains(KEYS[0] + KEYS[1], NOW)
    again.close()

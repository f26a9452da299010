"""``watchword prune``, and what the daemon's rounds do of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from alerts.ledger import open_ledger
from scheduler.clock import wall_clock
from tests.support.outbox import queue_messages
from tests.support.service import ServiceFolder

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
OLD = "2024-01-01 00:00:00.000000"


@pytest.fixture
def service(tmp_path: Path) -> ServiceFolder:
    """A service with a message that was sent long ago, and one that was sent today."""
    folder = ServiceFolder(tmp_path, QUIET)
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    queue_messages(ledger, wall_clock(), "ada@demo.example", "bea@demo.example")
    ledger.close()
    with database(folder) as connection:
        connection.execute("update message set phase = 'sent'")
        connection.execute("update message set composed_at = ? where id = 1", (OLD,))
    return folder


@contextmanager
def database(service: ServiceFolder) -> Iterator[sqlite3.Connection]:
    path = service.folder / "var" / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def list_messages(service: ServiceFolder) -> list[int]:
    with database(service) as connection:
        return [key for (key,) in connection.execute("select id from message order by id")]


def test_it_says_what_it_would_delete_and_deletes_it(service: ServiceFolder) -> None:
    planned = service.run_json("prune", "--dry-run", "--json")
    assert planned["rows"] == {"message": 1, "digest_item": 1}
    assert list_messages(service) == [1, 2]
    done = service.run("prune", "--keep", "365")
    assert done.stdout == "digest_item\t1\nmessage\t1\n"
    assert list_messages(service) == [2]
    assert service.run_json("prune", "--json")["rows"] == {}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--keep", "99"), "99"),
        (("--keep", "365", "--before", "2024-01-01"), "exclude each other"),
        (("--before", f"{wall_clock():%Y-%m-%d}"), "the last 100 days are kept"),
    ],
)
def test_what_others_look_back_at_cannot_be_deleted(
    service: ServiceFolder, arguments: tuple[str, ...], says: str
) -> None:
    assert says in service.run("prune", *arguments, expect=64).stderr
    assert list_messages(service) == [1, 2]


@pytest.mark.slow
def test_a_round_does_it_once_a_day(service: ServiceFolder) -> None:
    service.run("once", "--no-crawl")
    assert list_messages(service) == [2]
    with database(service) as connection:
        connection.execute("update message set composed_at = ?", (OLD,))
    service.run("once", "--no-crawl")
    assert list_messages(service) == [2]
    with database(service) as connection:
        connection.execute("update job set good_at = ? where name = 'prune'", (OLD,))
    service.run("once", "--no-crawl")
    assert list_messages(service) == []


def test_the_config_says_how_long(service: ServiceFolder) -> None:
    config = service.folder / "config.toml"
    config.write_text(config.read_text() + "[retention]\nmessages_days = 36500\n")
    assert service.run_json("prune", "--json")["rows"] == {}
    assert list_messages(service) == [1, 2]

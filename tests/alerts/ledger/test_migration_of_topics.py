"""Topics of older ledgers: public or private by how their subscriptions were made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    MetaData,
    Table,
    create_engine,
    text,
)

from alerts.ledger import Ledger, feeds, open_ledger, publication, subscriptions, topics
from alerts.ledger.upgrade import without_foreign_keys
from alerts.queries import LANGUAGE_VERSION
from scheduler.config import parse_config
from scheduler.jobs import sync_config
from scheduler.service import open_service
from tests.support import old_ledgers
from tests.support.postgres import create_database

FIRST, SECOND, THIRD = (datetime(2026, 11, day, 8, tzinfo=UTC) for day in (1, 2, 3))
#: Slug → origin, start and end of each of its subscriptions, by subscriber.
TOPICS: dict[str, list[tuple[int, str, datetime, datetime | None]]] = {
    "command": [(1, "command", FIRST, None)],
    "commandended": [(1, "command", FIRST, SECOND)],
    "config": [(1, "config", FIRST, None)],
    "configended": [(2, "config", FIRST, SECOND)],
    "page": [(2, "page", FIRST, None)],
    "pageended": [(2, "page", FIRST, THIRD)],
    "both": [(1, "page", FIRST, None), (2, "command", FIRST, None)],
    "former": [(3, "command", FIRST, SECOND)],
    "reworded": [(3, "command", SECOND, None)],
    "nobody": [],
}
PUBLIC = ["command", "commandended", "config", "configended", "both", "former"]
ENDED = ["pageended"]


def _insert_rows(connection: Connection) -> None:
    """Add topics of every origin to a ledger of schema 0013."""
    for number in (1, 2, 3):
        _insert(
            connection,
            "subscriber",
            id=100 + number,
            email=f"p{number}@demo.example",
            token=f"token{number}",
            zone="Europe/London",
            hour=7,
            created_at=FIRST,
        )
    for number, (slug, made) in enumerate(TOPICS.items(), 101):
        _insert(
            connection,
            "topic",
            id=number,
            kind="query",
            canonical=slug,
            language_version=LANGUAGE_VERSION,
            slug=slug,
            title=slug,
            created_at=FIRST,
            matched_up_to=0,
            is_caught_up=True,
        )
        _insert(connection, "feed", name=slug, published_up_to=0, notices_up_to=0)
        for person, origin, start, end in made:
            _insert(
                connection,
                "subscription",
                subscriber_id=100 + person,
                topic_id=number,
                query=slug,
                frequency="daily",
                updates="all",
                origin=origin,
                created_at=start,
                sent_up_to=0,
                ended_at=end,
            )
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval('topic_id_seq', 200)"))


def _insert(connection: Connection, table: str, **values: object) -> None:
    columns = (Column(name, DateTime(timezone=True)) for name in values if name.endswith("_at"))
    described = Table(table, MetaData(), *columns, autoload_with=connection)
    connection.execute(described.insert().values(**values))


def load_sqlite(folder: Path) -> str:
    """Make a SQLite ledger of schema 0013 with the topics; return its URL."""
    url = f"sqlite:///{folder / 'ledger.sqlite3'}"
    fill(create_engine(url))
    return url


def fill(engine: Engine) -> None:
    with without_foreign_keys(engine) as connection:
        old_ledgers.upgrade_schema(connection, "0013")
        _insert_rows(connection)
        connection.commit()
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A ledger of schema 0013 with topics of every origin."""
    if request.param == "sqlite":
        yield load_sqlite(tmp_path)
        return
    with create_database(request.getfixturevalue("postgres_server"), "template1") as found:
        fill(create_engine(found.replace("postgresql:", "postgresql+psycopg:")))
        yield found


def list_state(ledger: Ledger) -> tuple[list[str], set[str]]:
    """The public topics in order, and those that have not ended."""
    with ledger.reading() as connection:
        public = [one.slug for one in topics.list_public(connection)]
        return public, {one.slug for one in topics.list_all(connection)}


@pytest.mark.slow
def test_topics_are_public_or_private_by_origin(url: str) -> None:
    ledger = open_ledger(url)
    public, all_topics = list_state(ledger)
    assert public == PUBLIC
    assert all_topics == TOPICS.keys() - set(ENDED)
    with ledger.reading() as connection:
        for slug in TOPICS:
            is_public = slug in PUBLIC
            assert publication.is_retired(connection, slug) is not is_public
            assert (feeds.get(connection, slug) is not None) is is_public
        assert publication.list_withdrawn(connection) == sorted(TOPICS.keys() - set(PUBLIC))
        keys = {one.feed_key for one in subscriptions.list_active(connection)}
        assert len(keys - {None}) == len(subscriptions.list_active(connection))
        forms = {one.slug: one.key for one in topics.list_public(connection)}
    assert all(forms[slug] == slug for slug in PUBLIC)  # what the ids of feeds are made from
    ledger.engine.dispose()


@pytest.mark.slow
def test_new_topics_follow_the_old_ones(url: str) -> None:
    ledger = open_ledger(url)
    with ledger.writing() as connection:
        new = topics.ensure(connection, "new", "new", datetime.now(UTC))
    assert new.id > 100 + len(TOPICS)
    ledger.engine.dispose()


@pytest.mark.slow
def test_the_next_start_publishes_what_the_config_names(tmp_path: Path) -> None:
    """At the addresses that it had; the files of what it does not name are deleted."""
    (tmp_path / "var" / "feeds").mkdir(parents=True)
    load_sqlite(tmp_path / "var")
    for slug in TOPICS:
        for end in ("rss.xml", "atom.xml", "json", "1.atom.xml"):
            (tmp_path / "var" / "feeds" / f"{slug}.{end}").write_text("old")
    config = """
[[topics]]
query = "nobody"

[[subscriptions]]
email = "p1@demo.example"
query = "config"
"""
    service = open_service(parse_config(config, tmp_path, "the config"))
    sync_config(service)
    public, all_topics = list_state(service.ledger)
    assert public == [*PUBLIC, "nobody"]
    assert all_topics == TOPICS.keys() - set(ENDED)
    left = {path.name.partition(".")[0] for path in (tmp_path / "var" / "feeds").iterdir()}
    assert left == set(public)
    service.ledger.engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("version", old_ledgers.VERSIONS)
def test_topics_by_command_stay_public_in_every_older_ledger(version: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    old_ledgers.load_sqlite(version, path)
    with closing(sqlite3.connect(path)) as database:
        slugs = {row[0] for row in database.execute("SELECT slug FROM topic")}
    ledger = open_ledger(f"sqlite:///{path}")
    public, all_topics = list_state(ledger)
    assert set(public) == all_topics == slugs
    ledger.engine.dispose()

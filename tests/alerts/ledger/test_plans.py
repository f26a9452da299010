"""Statements that are made often read no large table from end to end, on PostgreSQL.

The statements are those of real runs: an idle round, commands and pages. The planner chooses by the
sizes of tables, so these are large enough that a scan costs more than an index; what it chooses
then, it chooses for a million rows too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from alerts.ledger import open_ledger, subscriptions
from alerts.metrics.figures import read_brief_figures
from alerts.operator import BriefStatus, build_status
from scheduler.config import load_config
from scheduler.jobs import run_pipeline
from scheduler.service import Service, open_service
from scheduler.tasks import TASKS
from tests.support.outbox import queue_messages
from tests.support.postgres import EMPTY_LEDGER, create_database
from tests.support.service import ServiceFolder
from tests.support.web_client import MAIL_IDENTITY, WebClient, run_web_client

pytestmark = pytest.mark.postgres

CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[ledger]
url = "{url}"
"""
#: Tables that grow with subscribers, with questions, or with both.
LARGE = {
    *("subscriber", "subscription", "message", "digest_item", "delivery_attempt", "match"),
    *("question", "change", "topic"),
}
ROWS = """
insert into question (id, source, url, status, meeting_date, is_suspect, record, first_seen_at,
  visited_at, is_indexed) select 'london:/q/' || n, 'london', 'https://x.example/' || n, 'answered',
  date '2020-01-01' + n / 10, false, r.record, {now}, {now}, true
  from generate_series(1, 10000) n, (select record from question limit 1) r;
insert into change (question_id, kind, content_hash, recorded_at, after)
  select id, 'asked', id, {now}, record from question where id like 'london:/q/%';
insert into topic (kind, canonical, language_version, slug, title, created_at, matched_up_to,
  is_caught_up) select 'query', 'w' || n, (select max(language_version) from topic), 'w' || n,
  'w' || n, {now}, (select max(seq) from change), true from generate_series(1, 10000) n;
insert into subscriber (email, token, zone, hour, created_at) select 's' || n || '@demo.example',
  't' || n, 'Europe/London', 7, {now} from generate_series(1, 10000) n;
insert into subscription (subscriber_id, topic_id, query, frequency, updates, origin, created_at,
  sent_up_to, last_due_at) select s.id, 1 + (s.id + k) % 10000, 'x', 'daily', 'all', 'page', {now},
  (select max(seq) from change), {now} from subscriber s, generate_series(7, 8) k where s.id > 1;
insert into message (subscriber_id, kind, key, message_id, recipient, subject, body, phase,
  attempts, due_at, composed_at, sent_at) select s.id, 'digest', k, '<' || s.id || k || '>',
  s.email, 'x', '', 'sent', 1, {now}, {now}, {now} from subscriber s, unnest(array['a', 'b']) k;
insert into digest_item select p.id, c, m.id from message m join subscription p using
  (subscriber_id) cross join generate_series(1, 2) c where m.key = 'a'
  on conflict do nothing;
insert into delivery_attempt (message_id, attempted_at, outcome)
  select id, {now}, 'sent' from message;
insert into match select t.id, 1 + (t.id + k * 7) % 10000 from topic t, generate_series(1, 5) k
  on conflict do nothing;
update topic set publication = 1, decision = 'published' where slug = 'w7';
vacuum analyze;
"""


@dataclass
class Statements:
    """The statements of a run, each with the parameters of its first time."""

    found: dict[str, Any] = field(default_factory=dict)

    def note(
        self, _c: object, _u: object, statement: str, parameters: Any, _x: object, many: bool
    ) -> None:
        first = statement.lstrip().partition(" ")[0].upper()
        if first in {"SELECT", "UPDATE", "DELETE", "INSERT", "WITH"}:
            self.found.setdefault(statement, parameters[0] if many else parameters)


@contextmanager
def capturing() -> Iterator[Statements]:
    statements = Statements()
    event.listen(Engine, "before_cursor_execute", statements.note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", statements.note)


@pytest.fixture(scope="module")
def service(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceFolder]:
    """A service with 10,000 of everything, for whom nothing is due."""
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        folder = ServiceFolder(tmp_path_factory.mktemp("plans"), CONFIG.format(url=url))
        fill(folder, url)
        yield folder


def fill(folder: ServiceFolder, url: str) -> None:
    ledger = open_ledger(url)
    queue_messages(ledger, datetime.now(UTC), "ada@demo.example")
    with ledger.writing() as connection:
        connection.execute(text("update message set phase = 'sent'"))
    ledger.close()
    engine = connect(url)
    with engine.connect() as connection:
        for statement in ROWS.format(now="now()").split(";\n"):
            if statement.strip():
                connection.execute(text(statement))
    engine.dispose()
    folder.run("once", "--no-crawl")


def connect(url: str) -> Engine:
    address = url.replace("postgresql:", "postgresql+psycopg:")
    return create_engine(address, isolation_level="AUTOCOMMIT")


def find_scans(url: str, statements: Statements) -> dict[str, set[str]]:
    """Return the statements that read large tables from end to end, and which."""
    engine = connect(url)
    scans: dict[str, set[str]] = {}
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        for statement, parameters in statements.found.items():
            plan = driver.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()[0]
            plan = plan if isinstance(plan, list) else json.loads(plan)
            if tables := set(iter_scanned(plan[0]["Plan"])) & LARGE:
                scans[" ".join(statement.split())] = tables
    engine.dispose()
    return scans


def iter_scanned(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for inner in node.get("Plans", []):
        yield from iter_scanned(inner)


@pytest.fixture(scope="module")
def opened(service: ServiceFolder) -> Iterator[Service]:
    found = open_service(load_config(service.folder / "config.toml"))
    yield found
    found.memory.close()
    found.ledger.close()


def check(opened: Service, statements: Statements, known: Mapping[str, str]) -> None:
    """Fail where a statement scans a large table, unless a part of it is known, with a reason."""
    url = opened.config.ledger.url.reveal()
    scans = find_scans(url, statements)
    unknown = {said: tables for said, tables in scans.items() if not any(k in said for k in known)}
    assert unknown == {}


#: Statements that look at everything, by a part of them, and why that is borne.
IN_A_ROUND = {
    "SELECT count(*) AS count_1 FROM": "damaged rows and the daily limit are counted",
    "UPDATE message SET body": "expired data is looked for once an hour",
    "SELECT subscriber.email FROM subscriber WHERE subscriber.created_at": "the same",
    "AS is_needed FROM topic": "the same",
}


def test_an_idle_round(opened: Service) -> None:
    run_pipeline(opened)
    with capturing() as statements:
        run_pipeline(opened)
    check(opened, statements, IN_A_ROUND)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_asking_whether_anything_waits(name: str, opened: Service) -> None:
    with capturing() as statements, opened.ledger.reading() as connection:
        TASKS[name].list_waiting(connection, opened.clock())
    check(opened, statements, {})


def test_the_state_of_the_service(opened: Service) -> None:
    with capturing() as statements, opened.ledger.reading() as connection:
        build_status(connection, {}, opened.clock(), opened.config.health_limits)
    check(opened, statements, {})


def test_the_metrics(opened: Service) -> None:
    """In an hour without deliveries: otherwise those of an hour are counted from the index."""
    later = opened.clock() + timedelta(hours=2)
    with capturing() as statements, opened.ledger.reading() as connection:
        read_brief_figures(connection, BriefStatus(later, (), ()))
    check(opened, statements, {})


@pytest.mark.parametrize(
    "path",
    ["/topics", "/topic/w7", "/question/london:/questions/1", "{own_page}", "/status"],
)
def test_a_page(path: str, opened: Service, tmp_path: Path) -> None:
    now = opened.clock()
    with run_web_client(opened.ledger, now, tmp_path) as client, capturing() as statements:
        status, _ = client.request_text("GET", path.format(own_page=find_own_page(client)))
    assert status == 200
    check(opened, statements, {})


def find_own_page(client: WebClient) -> str:
    """Return the path of a subscriber's alerts."""
    with client.ledger.reading() as connection:
        [person] = subscriptions.get_subscribers(connection, [7])
    link = MAIL_IDENTITY.build_manage_link(person.token, client.now)
    return link.removeprefix("https://watch.example")


def test_a_scan_is_noticed(opened: Service) -> None:
    with capturing() as statements, opened.ledger.reading() as connection:
        connection.execute(text("select id from message where subject = 'y'"))
    with pytest.raises(AssertionError):
        check(opened, statements, {})

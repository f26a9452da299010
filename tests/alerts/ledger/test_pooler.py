"""The service works behind PgBouncer in transaction mode.

All clients together have two sessions of the server, so that a transaction runs in another session
than the one before it, and would meet whatever another one left there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channels import maildir
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, open_ledger, writer
from alerts.ledger.rate_counts import CountKey, RateCounts
from tests.support.pgbouncer import run_pgbouncer
from tests.support.postgres import EMPTY_LEDGER, create_database
from tests.support.samples import make_answer, make_question
from tests.support.service import read_emails
from tests.support.web_client import MAIL_IDENTITY, TEMPLATES, WebClient, run_web_client

pytestmark = pytest.mark.postgres

ADA = "ada@demo.example"


@pytest.fixture(scope="module")
def pooler(postgres_server: str) -> Iterator[str]:
    """The URL of a pooler in front of the server of the tests."""
    with run_pgbouncer(postgres_server) as url:
        yield url


@pytest.fixture
def pooled_url(pooler: str, postgres_server: str) -> Iterator[str]:
    """The URL of an empty ledger, through the pooler."""
    with create_database(postgres_server, EMPTY_LEDGER) as direct:
        yield f"{pooler}/{direct.rpartition('/')[2]}"


@pytest.fixture
def pooled(pooled_url: str) -> Iterator[Ledger]:
    opened = open_ledger(pooled_url, role="run")
    yield opened
    opened.engine.dispose()


def test_from_a_sign_up_to_the_digest(pooled: Ledger, now: datetime, tmp_path: Path) -> None:
    with writer.become(pooled) as mine:
        assert mine is not None
        pages = mine.ledger.as_bystander().open_beside(readers=4, writers=2)
        with run_web_client(pages, now, tmp_path / "feeds") as client:
            client.publish_questions(make_question(1, words="The VRU?"))
            assert client.submit_form("/search?q=VRU", "/sign-up", q="VRU", email=ADA)[0] == 200
            deliver(mine.ledger, client.now, tmp_path)
            confirm = find_link(tmp_path, "/c/")
            assert client.request_text("POST", confirm)[0] == 200
            client.publish_questions(make_question(2, make_answer("Of the VRU."), words="VRU?"))
            client.now += timedelta(days=1)
            settings = DigestSettings(TEMPLATES, MAIL_IDENTITY)
            assert compose_due_digests(mine.ledger, settings, client.now) == 1
            deliver(mine.ledger, client.now, tmp_path)
            assert ask_at_once(client, find_link(tmp_path, "/question/"), "/", "/search?q=VRU") == {
                200
            }
        pages.close()
    assert list_settings_left(pooled.engine) == set()


def deliver(ledger: Ledger, now: datetime, folder: Path) -> None:
    channels = ChannelTable((maildir.MaildirSettings(folder / "mail"),))
    assert deliver_due(ledger, channels, lambda: now) == {"sent": 1}


def find_link(folder: Path, kind: str) -> str:
    """Return the path of the newest link of a kind in the emails."""
    bodies = "".join(
        email.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for email in read_emails(folder / "mail")
    )
    return re.findall(rf"https://watch\.example({kind}\S+)", bodies)[-1]  # type: ignore[no-any-return]


def ask_at_once(client: WebClient, *paths: str) -> set[int]:
    """Return the statuses of the answers to many requests at a time.

    On a busy machine a search may be told to come back later (503), and does.
    """

    def ask(path: str) -> int:
        status = 503
        while status == 503:
            status, _ = client.request_text("GET", path)
        return status

    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(ask, paths * 8))


def list_settings_left(engine: Engine) -> set[str]:
    """Return the names of settings that a session of the server has and a new one has not."""
    statement = "select name from pg_settings where source = 'session'"
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        connection.rollback()  # without a transaction, each statement may get either session
        found = {row[0] for _ in range(6) for row in driver.execute(statement)}
    # The pooler sets what the client said when it connected.
    return found - {"application_name", "client_encoding", "DateStyle", "TimeZone"}


def test_one_process_at_a_time_is_the_writer(
    pooled: Ledger, pooled_url: str, now: datetime
) -> None:
    second = open_ledger(pooled_url)
    with writer.become(pooled) as mine, writer.become(second) as theirs:
        assert mine is not None
        assert theirs is None
    with writer.become(second) as free:
        assert free is not None
    second.engine.dispose()


def test_limits_are_exact(pooled: Ledger, now: datetime) -> None:
    counts = RateCounts(pooled)
    key = CountKey("network", "203.0.113.0/24")
    with ThreadPoolExecutor(8) as pool:
        hits = pool.map(lambda _: counts.hit("page", timedelta(hours=1), {key: 5}, now), range(16))
        assert sum(full is None for full in hits) == 5
    counts.close()


def test_a_new_ledger_is_made_through_it(pooler: str, postgres_server: str) -> None:
    with create_database(postgres_server, "template1") as direct:
        opened = open_ledger(f"{pooler}/{direct.rpartition('/')[2]}")
        with opened.reading() as connection:
            assert connection.execute(text("select count(*) from writer")).scalar() == 1
        opened.engine.dispose()

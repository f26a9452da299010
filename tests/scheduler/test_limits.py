"""The operator hears of limits: an alarm at a ceiling, how far each is used, an unnamed proxy."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alerts.limits import allow_email_to_unconfirmed, find_client
from scheduler.config import load_config
from scheduler.service import open_service
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process

CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false

[web]
confirmations_per_hour = 3

[operator]
email = "op@demo.example"
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceFolder:
    monkeypatch.chdir(tmp_path)
    return ServiceFolder(tmp_path, CONFIG)


def request_emails(service: ServiceFolder, number: int) -> list[bool]:
    """Ask for confirmation emails, each to somebody else and from another network."""
    opened = open_service(load_config(service.folder / "config.toml"))
    with closing(opened.create_limiter()) as limiter:
        sent = [
            allow_email_to_unconfirmed(limiter, f"p{n}@demo.example", find_client(f"10.{n}.0.1"))
            for n in range(number)
        ]
    opened.ledger.engine.dispose()
    return sent


def let_an_hour_pass(service: ServiceFolder) -> None:
    """Date what was counted an hour and a minute earlier."""
    with closing(sqlite3.connect(service.folder / "var" / "ledger.sqlite3.limits")) as connection:
        connection.execute("UPDATE rate_count SET slot = slot - 3660, expires = expires - 3660")
        connection.commit()


def list_subjects(service: ServiceFolder) -> list[str]:
    return [str(mail["Subject"]) for mail in service.emails if mail["To"] == "op@demo.example"]


def test_a_ceiling_raises_an_alarm_that_goes_away(service: ServiceFolder) -> None:
    assert request_emails(service, 5) == [True] * 3 + [False] * 2
    for _ in range(2):
        service.run("once", "--no-crawl")
    shown = service.run("status", expect=1).stdout
    assert "more is asked for than is allowed in all" in shown
    assert "3 emails to unconfirmed people in an hour" in shown
    assert "limit of emails to unconfirmed people, in all: 3 of 3 in an hour" in shown
    assert len(list_subjects(service)) == 1
    let_an_hour_pass(service)
    service.run("once", "--no-crawl")
    assert "allowed in all" not in service.run("status", expect=None).stdout
    assert len(list_subjects(service)) == 2


def test_status_shows_every_limit_as_json(service: ServiceFolder) -> None:
    request_emails(service, 1)
    status = json.loads(service.run("status", "--json", expect=None).stdout)["data"]
    used = {(one["limit"], one["scope"]): one for one in status["limits"]}
    assert used["emails to unconfirmed people", "all"] == {
        "limit": "emails to unconfirmed people",
        "scope": "all",
        "most": 3,
        "period": "an hour",
        "highest": 1,
        "who": None,
        "refused": 0,
    }
    assert used["emails to unconfirmed people", "network"]["who"] == "10.0.0.0/24"


def test_status_counts_nothing_and_creates_nothing(service: ServiceFolder) -> None:
    before = sorted((service.folder / "var").iterdir())
    service.run("status", expect=75)
    assert sorted((service.folder / "var").iterdir()) == before


def test_a_proxy_that_is_not_named_is_a_warning(service: ServiceFolder) -> None:
    opened = open_service(load_config(service.folder / "config.toml"))
    with closing(opened.create_limiter()) as limiter:
        limiter.note_untrusted_proxy("10.0.0.2")
    opened.ledger.engine.dispose()
    shown = service.run("status", expect=75).stdout
    assert "WARNING: requests from 10.0.0.2 name other clients (X-Forwarded-For)" in shown
    assert "web.trusted_proxies" in shown


def test_counts_that_cannot_be_kept_are_an_alarm(service: ServiceFolder) -> None:
    """Sign-ups are refused then, so the operator has to know."""
    counts = service.folder / "var" / "ledger.sqlite3.limits"
    counts.write_bytes(b"")
    counts.chmod(0o400)
    (service.folder / "var" / "ledger.sqlite3.limits-wal").mkdir()
    service.run("once", "--no-crawl", expect=None)
    assert "the counts of the limits cannot be read" in service.run("status", expect=1).stdout
    (service.folder / "var" / "ledger.sqlite3.limits-wal").rmdir()
    counts.unlink()
    service.run("once", "--no-crawl")
    assert "cannot be read" not in service.run("status", expect=None).stdout

"""What load balancers and process managers are answered, when things break for real."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from alerts.ledger import Ledger, jobs
from tests.support.web_client import WebClient, run_web_client

LIMIT = timedelta(hours=1)


def ask(client: WebClient, path: str = "/readyz") -> tuple[int, dict[str, bool]]:
    """The status, and which checks are well."""
    status, headers, body = client.request("GET", path)
    found = msgspec.json.decode(body)
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert found["ready"] == (status == 200)
    return status, {name: check["ok"] for name, check in found["checks"].items()}


def note_round(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        jobs.begin(connection, "round", now)
        jobs.end_well(connection, "round", now)


def test_a_service_is_ready_when_a_round_has_ended_well_lately(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    with run_web_client(ledger, now, tmp_path, max_idle=LIMIT) as client:
        assert ask(client) == (503, {"database": True, "schema": True, "round": False})
        note_round(ledger, now)
        assert ask(client) == (200, {"database": True, "schema": True, "round": True})
        client.now = now + LIMIT
        assert ask(client)[0] == 200
        client.now += timedelta(seconds=1)
        assert ask(client) == (503, {"database": True, "schema": True, "round": False})
        assert ask(client, "/readyz?exclude=round") == (200, {"database": True, "schema": True})


@pytest.mark.parametrize("found", ["0001", "9999"])
def test_another_schema_is_not_ready(
    found: str, ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    note_round(ledger, now)
    with run_web_client(ledger, now, tmp_path) as client:
        with ledger.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": found})
        assert ask(client) == (503, {"database": True, "schema": False, "round": False})
        assert f"it is {found}, and this program needs" in client.request_text("GET", "/readyz")[1]


def test_a_ledger_that_is_gone_is_not_ready_and_the_process_lives(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    note_round(ledger, now)
    with run_web_client(ledger, now, tmp_path) as client:
        with ledger.writing() as connection:
            connection.execute(text("ALTER TABLE job RENAME TO lost"))
        status, checks = ask(client)
        assert (status, set(checks.values())) == (503, {False})
        assert client.request_text("GET", "/livez") == (200, "alive\n")
        assert str(tmp_path) not in client.request_text("GET", "/readyz")[1]

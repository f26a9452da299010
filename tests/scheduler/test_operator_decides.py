"""From an alarm to a decision on the operator's pages, as the service runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.ledger import held_changes, message_lists
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.subscribers import subscribe
from alerts.web import create_app
from scheduler.config import load_config
from scheduler.jobs import run_pipeline
from scheduler.service import Service, open_service
from scheduler.web import build_web_context, serve
from tests.support.operator_session import Operator
from tests.support.samples import make_question
from tests.support.service import ServiceFolder
from tests.support.web_client import OPERATOR_PASSWORD, SUBSCRIBER_DEFAULTS, WebClient

NOW = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
CONFIG = f"""
[site]
public_url = "https://watch.example"
[sources.london]
url = "http://127.0.0.1:1"
name = "Riverside Council"
[web]
operator_password = "{OPERATOR_PASSWORD}"
[channels.smtp]
port = 1
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    ServiceFolder(tmp_path, CONFIG)
    opened = open_service(load_config(tmp_path / "config.toml"), lambda: NOW)
    yield opened
    opened.ledger.engine.dispose()


@pytest.mark.slow
def test_a_flood_is_an_alarm_then_a_decision_then_a_digest(service: Service) -> None:
    with service.ledger.writing() as connection:
        request = SubscriptionRequest("benches", Frequency.IMMEDIATE, "all", "page")
        subscribe(connection, "ada@demo.example", request, SUBSCRIBER_DEFAULTS, NOW)
        found = [QuestionReading(make_question(n, title=f"Benches {n}")) for n in (1, 2, 3)]
        record_readings(connection, found, NOW, RecordingRules(hold=True))
        held_changes.hold_for_approval(connection, "london", "flood")
    run_pipeline(service)
    pages = WebClient(service.ledger, NOW, Path())
    with serve(create_app(build_web_context(service))) as pages.url:
        operator = Operator.sign_in(pages)
        overview = operator.see()
        assert "Riverside Council: changes wait for approval" in overview
        assert '<a href="/operator/changes">Decide<' in overview
        assert "Benches 3" in operator.see("/operator/changes")
        said = operator.press(
            "/operator/changes", action="approve", source="london", reason="flood"
        )
        assert said == "3 changes are published and subscribers are notified."
        run_pipeline(service)
        overview = operator.see()
    assert "changes wait for approval" not in overview
    assert "approve, london flood" in overview  # the log of actions
    with service.ledger.reading() as connection:
        [digest] = message_lists.list_messages(connection, 5)
    assert (digest.kind, digest.recipient) == ("digest", "ada@demo.example")


@pytest.mark.slow
def test_a_new_service_has_every_page(service: Service) -> None:
    pages = WebClient(service.ledger, NOW, Path())
    with serve(create_app(build_web_context(service))) as pages.url:
        operator = Operator.sign_in(pages)
        overview = operator.see()
        for path in ("changes", "crawls", "messages", "subscribers", "topics", "actions"):
            operator.see(f"/operator/{path}")
        settings = operator.see("/operator/settings")
    assert "no round has been run yet" in overview
    assert "Captured pages" in overview
    assert "Riverside Council" in settings
    assert OPERATOR_PASSWORD not in settings

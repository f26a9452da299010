"""The public status shows nothing that depends on one visitor, and nothing of the operator's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from alerts.ledger import alarms, jobs, subscriptions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.subscribers import subscribe
from alerts.web import create_app
from scheduler.config import load_config
from scheduler.service import open_service
from scheduler.web import build_web_context, serve
from tests.support.samples import make_question
from tests.support.service import ServiceFolder
from tests.support.web_client import FORM_CONTENT_TYPE, SUBSCRIBER_DEFAULTS, WebClient

SUBSCRIBER, STRANGER = "subscriber@demo.example", "stranger@demo.example"
NOW = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
CONFIG = """
[site]
public_url = "https://watch.example"
[sources.london]
url = "http://127.0.0.1:1"
[web]
sign_up = true
operator_password = "the operator's long password"
"""
PUBLIC_PATHS = (
    "/status",
    "/status.json",
    "/healthz",
    "/livez",
    "/readyz",
    "/completeness/london",
    "/members",
    "/unanswered",
    "/topics",
    "/bodies",
    "/api/v1/topics",
    "/api/v1/changes",
    "/api/v1/questions?q=benches",
    "/feeds/everything.json",
    "/feeds/queries/feed.json?q=benches",
)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[WebClient]:
    """The pages as the service serves them, with somebody who is subscribed."""
    folder = ServiceFolder(tmp_path, CONFIG)
    service = open_service(load_config(folder.folder / "config.toml"), lambda: NOW)
    found = WebClient(service.ledger, NOW, tmp_path / "var" / "feeds")
    request = SubscriptionRequest("benches", Frequency.IMMEDIATE, "all", "page")
    with service.ledger.writing() as connection:
        subscribe(connection, SUBSCRIBER, request, SUBSCRIBER_DEFAULTS, NOW)
    found.publish_questions(make_question(1, words="Benches."))
    with serve(create_app(build_web_context(service))) as found.url:
        yield found
    service.ledger.engine.dispose()


def read_public(pages: WebClient) -> dict[str, tuple[int, str]]:
    return {path: pages.request_text("GET", path) for path in PUBLIC_PATHS}


def find_path(pages: WebClient, page: str) -> str:
    text = pages.read_messages()[-1].replace("=\r\n", "")
    found = re.search(rf"https://watch\.example(/{page}/[^\s\"<]+)", text)
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_no_public_answer_changes_with_what_one_visitor_does(pages: WebClient) -> None:
    before = read_public(pages)
    for email in (STRANGER, SUBSCRIBER):
        assert pages.submit_form("/your-alerts", "/your-alerts", email=email)[0] == 200
        assert read_public(pages) == before, email
    form = {"q": "benches", "frequency": "immediate", "updates": "all"}
    for email in (SUBSCRIBER, STRANGER):
        assert pages.submit_form("/search?q=benches", "/sign-up", email=email, **form)[0] == 200
        assert read_public(pages) == before, email
    assert pages.request_text("POST", find_path(pages, "c"))[0] == 200
    assert read_public(pages) == before
    assert pages.request_text("POST", find_path(pages, "n"))[0] == 200
    assert read_public(pages) == before
    with pages.ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, STRANGER)
        assert person is not None
    assert pages.request_text("POST", f"/u/{person.token}")[0] == 200
    assert read_public(pages) == before


@pytest.mark.slow
def test_reasons_jobs_and_messages_are_for_the_operator_alone(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        alarms.update_open(connection, "london", {"blocked": "reason-one"}, (), NOW)
        alarms.update_open(connection, None, {"compose": "/srv/reason-two"}, (), NOW)
        jobs.fail(connection, "round", "reason-three ada@demo.example", NOW, NOW)
    for path in ("/status", "/status.json", "/healthz"):
        code, text = pages.request_text("GET", path)
        assert code == 503
        assert "reason" not in text
        assert "the source blocks us" in text
    values = json.loads(pages.request_text("GET", "/status.json")[1])
    assert set(values) == {"state", "now", "findings", "sources", "service_findings"}
    assert set(values["findings"][0]) == {"state", "subject", "kind", "label", "since"}
    assert set(values["sources"][0]["alarms"][0]) == {"kind", "label", "since"}
    assert values["sources"][0].keys().isdisjoint({"reason", "delay"})

    assert pages.request_text("GET", "/operator/status.json")[0] == 403
    body = urlencode({"action": "sign-in", "password": "the operator's long password"}).encode()
    _, headers, _ = pages.request("POST", "/operator", body, FORM_CONTENT_TYPE)
    session = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
    status, whole = pages.request_text("GET", "/operator/status.json", headers=session)
    assert status == 200
    for word in ("reason-one", "reason-two", "reason-three", '"messages"'):
        assert word in whole

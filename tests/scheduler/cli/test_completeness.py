"""Missing numbers as the operator and everybody see them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from alerts.ledger import open_ledger
from alerts.operator import build_status
from crawler.records import Meeting, Question, encode_record
from tests.support.samples import make_question
from tests.support.service import ServiceFolder
from tests.support.web_client import run_web_client


def make_recent(number: int) -> Question:
    meeting = Meeting("MQT", datetime.now(UTC).date())
    return msgspec.structs.replace(make_question(number), meeting=meeting)


@pytest.mark.slow
def test_status_plan_and_a_public_page_name_them(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, '[sources.london]\nurl = "http://127.0.0.1:1"\n')
    records = b"\n".join(encode_record(make_recent(number)) for number in (1, 2, 4))
    (tmp_path / "records.jsonl").write_bytes(records)
    service.run("ingest", "records.jsonl", expect=None)
    assert "3 of 4 known, missing: 2026/0003" in service.run("status", expect=None).stdout
    assert "with the number 2026/0003" in service.run("plan").stdout
    ledger = open_ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.sqlite3'}")
    now = datetime.now(UTC)
    with ledger.reading() as connection:
        status = build_status(connection, {"london": "www.replica.example"}, now)
    with run_web_client(ledger, now, tmp_path / "feeds", read_status=lambda: status) as client:
        code, html = client.request_text("GET", "/completeness/london")
        assert code == 200
        assert "We know 3 of the 4 questions" in html
        assert "2026/0003" in html
        assert "3 of 4 expected questions" in client.request_text("GET", "/status")[1]
        assert client.request_text("GET", "/completeness/paris")[0] == 404
    ledger.engine.dispose()

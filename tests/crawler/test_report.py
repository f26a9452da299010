"""What a crawl prints, and what was stored of it by earlier versions."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest

from crawler.records import encode_record
from crawler.report import (
    CrawlFailure,
    CrawlReport,
    decode_crawl_line,
    decode_stored_report,
)


@pytest.fixture
def report(now: datetime) -> CrawlReport:
    return CrawlReport(
        started_at=now,
        finished_at=now,
        finish_reason="finished",
        read=7,
        filled={"title": (7, 7)},
        failures=(CrawlFailure("http", "HTTP 500", "https://a.example/x"),),
    )


def test_a_report_crosses_the_pipe_unchanged(report: CrawlReport) -> None:
    assert decode_crawl_line(encode_record(report)) == report
    assert report.first_failure == "https://a.example/x: HTTP 500"


def test_the_pipe_refuses_an_unknown_field(report: CrawlReport) -> None:
    line = encode_record(report).replace(b'"read":7', b'"read":7,"readd":8')
    with pytest.raises(msgspec.ValidationError, match="readd"):
        decode_crawl_line(line)


def test_a_report_of_an_earlier_version_is_read_for_its_counts(report: CrawlReport) -> None:
    """Failures were lines of text in a field called ``errors``."""
    fields = msgspec.json.decode(encode_record(report))
    del fields["failures"]
    fields["errors"] = ["https://a.example/x: HTTP 500"]
    stored = decode_stored_report(msgspec.json.encode(fields).decode())
    assert stored == msgspec.structs.replace(report, failures=())


@pytest.mark.parametrize("stored", [None, "null", "", "{}", '{"read": "x"}', "[1]", "not JSON"])
def test_an_unreadable_report_is_none(stored: str | None) -> None:
    assert decode_stored_report(stored) is None

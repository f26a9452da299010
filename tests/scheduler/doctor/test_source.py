"""The source, as `watchword doctor --live` reads it: the replica, well and broken."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from crawler.report import QuestionRead
from scheduler.doctor import CheckState
from scheduler.doctor.source import judge_last_line
from tests.scheduler.doctor.conftest import ExaminedService
from tests.support.raw_server import serve_raw
from tests.support.samples import make_question
from tests.support.service import RunningReplica, run_replica

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def replica() -> Iterator[RunningReplica]:
    with run_replica() as made:
        yield made


def read(examined: ExaminedService, url: str) -> dict[str, tuple[CheckState, str]]:
    old = 'url = "http://127.0.0.1:1"\nenabled = false\n'
    examined.edit_config(old, f'url = "{url}"\ndelay_seconds = 0.01\n')
    results = examined.examine("source.robots", is_live=True)
    return {one.check: (one.state, one.detail) for one in results}


def test_a_listing_and_a_page_are_read_and_no_more(
    examined: ExaminedService, replica: RunningReplica
) -> None:
    _ = replica.requests
    found = read(examined, replica.url)
    assert found["source.robots"] == (CheckState.OK, "london: robots.txt lets us read")
    assert found["source.listing"][0] is CheckState.OK
    assert found["source.page"][0] is CheckState.OK
    assert "was read, and both readings agree" in found["source.page"][1]
    paths = [request.partition("?")[0] for request in replica.requests]
    assert paths.count("GET /robots.txt") == 2  # of the check itself, and of the crawl
    assert len(replica.requests) < 8
    assert not (examined.service.folder / "var" / "captures").exists()


@pytest.mark.parametrize(
    ("fault", "check", "detail"),  # which question is read, and what is cut of it, differs by day
    [
        ("maintenance", "source.listing", "a listing has no rows"),
        ("answers_cut", "source.page", "no page design that we know|the readings differ"),
    ],
)
def test_a_source_that_has_changed_is_named(
    examined: ExaminedService, replica: RunningReplica, fault: str, check: str, detail: str
) -> None:
    setattr(replica.faults, fault, True)
    try:
        found = read(examined, replica.url)
    finally:
        setattr(replica.faults, fault, False)
    assert found[check][0] is CheckState.FAILED, found
    assert re.search(detail, found[check][1])


def test_readings_that_differ_are_named() -> None:
    for suspect, state in (((), CheckState.OK), (("no title",), CheckState.FAILED)):
        line = QuestionRead(make_question(1, suspect=suspect))
        *_, found = judge_last_line("london", line, 3, "")
        assert found.state is state
    assert "the readings differ: no title" in found.detail
    assert "has the site changed, or does it block us?" in str(found.advice)


def test_a_source_that_is_down_is_named(examined: ExaminedService) -> None:
    found = read(examined, "http://127.0.0.1:1")
    assert found["source.robots"][0] is CheckState.FAILED
    assert "cannot be reached: Connection refused" in found["source.robots"][1]


@pytest.mark.parametrize(
    ("status", "rules", "detail"),
    [
        ("503 Busy", "", "/robots.txt gives HTTP 503"),
        ("200 OK", "User-agent: *\nDisallow: /\n", "london: robots.txt forbids "),
    ],
)
def test_robots_that_keep_us_out_are_named(
    examined: ExaminedService, status: str, rules: str, detail: str
) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(rules)}\r\nConnection: close\r\n\r\n"
    with serve_raw(lambda _: b"", f"{head}{rules}".encode()) as url:
        examined.edit_config('"http://127.0.0.1:1"\nenabled = false', f'"{url}"')
        found = examined.pick("source.robots", "source.robots")
    assert found.state is CheckState.FAILED
    assert detail in found.detail
    assert found.advice is not None

"""The archive: fetched pages are kept complete, and every record can be made from them again."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from warcio.archiveiterator import ArchiveIterator

from alerts.ledger import Ledger, changes, open_ledger, questions
from alerts.ledger.questions import StoredQuestion
from alerts.recording import CrawlPolicy
from crawler.archive import delete_oldest_captures, list_capture_files, read_captures
from crawler.plan import CrawlPlan, ListingWindow, PolitenessSettings
from crawler.records import Question
from crawler.storage import LocalFolder
from scheduler.crawl_process import start_crawl
from scheduler.crawls import crawl_source, reparse_archive
from scheduler.web import serve
from tests.support.empty_ledger import open_empty_ledger
from tests.support.service import RunningReplica, run_replica

pytestmark = pytest.mark.process

POLITENESS = PolitenessSettings("watchword/test (tests)", delay_seconds=0, timeout_seconds=5)


@pytest.fixture
def source() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


def plan_for(source: RunningReplica, folder: Path, delay: float = 0) -> CrawlPlan:
    day = source.now.date()
    return CrawlPlan(
        source="london",
        base_url=source.url,
        politeness=msgspec.structs.replace(POLITENESS, delay_seconds=delay),
        windows=(ListingWindow(day - timedelta(days=90), day),),
        archive_folder=str(folder),
    )


def crawled(source: RunningReplica, folder: Path) -> Ledger:
    ledger = open_empty_ledger(folder / "ledger.sqlite3")
    plan = plan_for(source, folder / "captures")
    outcome = crawl_source(ledger, plan, lambda: source.now, CrawlPolicy())
    assert outcome.verdict == "ok"
    return ledger


def stored(ledger: Ledger) -> dict[str, Question]:
    found: dict[str, Question] = {}
    with ledger.reading() as connection:
        every = questions.list_identities(connection, "london", date(1900, 1, 1), date(2100, 1, 1))
        for identity in every:
            entry: StoredQuestion | None = questions.find(connection, identity)
            assert entry is not None
            found[identity] = entry.record
    return found


def reread(
    ledger: Ledger, source: RunningReplica, folder: Path, *, dry_run: bool = False
) -> dict[str, int]:
    hosts = {"london": source.url.removeprefix("http://")}
    return reparse_archive(
        ledger, list_capture_files(LocalFolder(folder / "captures")), hosts, dry_run=dry_run
    ).counts


def test_every_record_is_made_again_without_a_request(
    source: RunningReplica, tmp_path: Path
) -> None:
    first = crawled(source, tmp_path)
    before = stored(first)
    first.engine.dispose()
    (tmp_path / "ledger.sqlite3").unlink()
    _ = source.requests
    again = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    counts = reread(again, source, tmp_path)
    assert counts["added"] == len(before) > 20
    assert stored(again) == before
    assert source.requests == []
    with again.reading() as connection:  # nobody is alerted of what was lost
        every = changes.list_between(connection, 0, changes.get_newest_seq(connection), 1000)
    assert {numbered.silence_reason for numbered in every} == {"old"}
    again.engine.dispose()


def test_a_better_reader_alerts_nobody(source: RunningReplica, tmp_path: Path) -> None:
    ledger = crawled(source, tmp_path)
    before = stored(ledger)
    with ledger.writing() as connection:  # as a worse reader would have had it
        newest = changes.get_newest_seq(connection)
        for record in list(before.values())[:3]:
            questions.replace_record(connection, msgspec.structs.replace(record, title="Misread"))
    assert reread(ledger, source, tmp_path, dry_run=True)["changed"] == 3
    assert stored(ledger) != before
    assert reread(ledger, source, tmp_path)["changed"] == 3
    assert stored(ledger) == before
    assert reread(ledger, source, tmp_path)["same"] == len(before)
    with ledger.reading() as connection:
        assert changes.get_newest_seq(connection) == newest
    ledger.engine.dispose()


def test_a_record_never_goes_back_to_an_older_page(source: RunningReplica, tmp_path: Path) -> None:
    ledger = crawled(source, tmp_path)
    with ledger.writing() as connection:  # answered since, by a crawl that kept no archive
        record = next(r for r in stored(ledger).values() if r.status == "answered")
        newer = msgspec.structs.replace(record, digest="sha256:newer")
        questions.save(connection, newer, source.now + timedelta(days=9))
    assert reread(ledger, source, tmp_path)["older"] == 1
    assert stored(ledger)[record.id].digest == "sha256:newer"
    ledger.engine.dispose()


def test_the_archive_has_valid_digests(source: RunningReplica, tmp_path: Path) -> None:
    crawled(source, tmp_path).engine.dispose()
    [file] = list_capture_files(LocalFolder(tmp_path / "captures"))
    with file.open() as opened:
        kinds = [record.rec_type for record in ArchiveIterator(opened)]
    assert kinds[0] == "warcinfo"
    assert kinds.count("response") == kinds.count("request") == len(source.requests)
    done = subprocess.run(
        [sys.executable, "-m", "warcio.cli", "check", str(file)], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_packed_pages_are_kept_as_they_came(source: RunningReplica, tmp_path: Path) -> None:
    packed = Starlette(middleware=[Middleware(GZipMiddleware, minimum_size=100)])
    packed.mount("/", source.site)
    with serve(packed) as url:
        source.url = url
        ledger = crawled(source, tmp_path)
    [file] = list_capture_files(LocalFolder(tmp_path / "captures"))
    with file.open() as opened:
        heads = [r.http_headers for r in ArchiveIterator(opened) if r.rec_type == "response"]
    assert sum(head.get_header("Content-Encoding") == "gzip" for head in heads) > 20
    assert all(head.get_header("Transfer-Encoding") is None for head in heads)
    assert any(b"<main" in (capture.body or b"") for capture in read_captures(file))
    assert reread(ledger, source, tmp_path)["same"] == len(stored(ledger))
    ledger.engine.dispose()


def test_a_killed_crawl_leaves_its_captures(source: RunningReplica, tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    with start_crawl(plan_for(source, folder, delay=0.05), 60) as child:
        for number, _ in enumerate(child.lines):
            if number == 5:
                child.kill()
                break
    [file] = list_capture_files(LocalFolder(folder))
    assert len(list(read_captures(file))) >= 6


def test_a_torn_file_ends_where_it_is_torn(
    source: RunningReplica, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crawled(source, tmp_path).engine.dispose()
    [file] = list_capture_files(LocalFolder(tmp_path / "captures"))
    whole = list(read_captures(file))
    path = tmp_path / "captures" / file.name
    path.write_bytes(path.read_bytes()[:-700])
    torn = list(read_captures(file))
    assert 0 < len(torn) <= len(whole)
    assert torn == whole[: len(torn)]


def test_a_folder_that_cannot_be_written_costs_no_page(
    source: RunningReplica, tmp_path: Path
) -> None:
    (tmp_path / "captures").write_text("in the way")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    plan = plan_for(source, tmp_path / "captures")
    outcome = crawl_source(ledger, plan, lambda: source.now, CrawlPolicy())
    assert outcome.counts["new"] > 20
    assert outcome.report is not None
    assert any(failure.kind == "archive" for failure in outcome.report.failures)
    ledger.engine.dispose()


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    for number in range(5):
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb") as file:
            file.write(bytes(1000))
        name = f"london-2026112{number}T000000000000-1.warc.gz"
        (tmp_path / name).write_bytes(packed.getvalue().ljust(1_000_000))
    gone = delete_oldest_captures(LocalFolder(tmp_path), 0.003)
    assert [path.name[7:15] for path in gone] == ["20261120", "20261121"]
    assert len(list_capture_files(LocalFolder(tmp_path))) == 3
    delete_oldest_captures(LocalFolder(tmp_path), 0)
    assert len(list_capture_files(LocalFolder(tmp_path))) == 1  # never the one that may be open

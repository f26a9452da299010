"""A question is taken down: nothing of it is left anywhere, and no crawl brings it back."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from alerts.ledger import Ledger, open_ledger, questions
from alerts.ledger.schema import metadata
from alerts.recording import QuestionReading, RecordingRules, record_readings, take_down
from alerts.search import index_questions
from crawler.archive import list_capture_files, read_captures
from crawler.archive.erasure import build_blank_member
from crawler.records import Question, encode_record, iter_paragraphs
from crawler.storage import Folder
from scheduler.crawls import run_crawl
from scheduler.jobs import run_pipeline
from tests.scheduler.test_pauses import open_jobs
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder, get_plain_text, run_replica
from tests.support.smtp_server import run_smtp_server
from tests.support.web_client import WebClient

ADA = "ada@demo.example"
QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'


def read_ledger_text(ledger: Ledger) -> str:
    """All values of all tables, as text, without the takedown's own."""
    with ledger.reading() as connection:
        rows = [
            connection.execute(select(table)).all()
            for table in metadata.sorted_tables
            if table.name not in {"takedown", "crawl_run"}
        ]
    return repr(rows)


def read_archive(folder: Folder) -> bytes:
    packed = (folder.read(file.name) for file in list_capture_files(folder))
    return b"".join(gzip.decompress(content or b"") for content in packed)


def list_questions(ledger: Ledger) -> list[Question]:
    with ledger.reading() as connection:
        ids = questions.list_identities(connection, "london", date(1900, 1, 1), date(2100, 1, 1))
        return questions.list_records(connection, ids)


@pytest.mark.process
def test_nothing_of_it_is_left_and_the_next_crawl_does_not_bring_it_back(tmp_path: Path) -> None:
    with run_replica() as source:
        jobs = open_jobs(tmp_path, source)
        run_crawl(jobs, "london")
        run_pipeline(jobs)
        victim = next(q for q in list_questions(jobs.ledger) if q.answers and q.title)
        words = [str(victim.title), *(text[:50] for text in iter_paragraphs(victim.question))]
        service, archive = ServiceFolder(tmp_path, ""), jobs.config.archive.path
        (tmp_path / "config.toml").write_text(
            f'[sources.london]\nurl = "{source.url}"\n[digests]\nbatch_minutes = 0\n'
        )
        others = len([c for f in list_capture_files(archive) for c in read_captures(f)])
        done = service.run_json("takedown", victim.id, "--reason", "a court order", "--json")
        assert done["captures_erased"] >= 2  # its page, and a listing that names it
        left = [c for f in list_capture_files(archive) for c in read_captures(f)]
        assert len(left) == others - done["captures_erased"]
        for stage in (1, 2):
            source.go_to_stage(stage)
            run_crawl(jobs, "london")
            run_pipeline(jobs)
        service.run("reparse")
        index_questions(jobs.ledger)
        kept = read_ledger_text(jobs.ledger)
        feeds = jobs.config.feeds.path.path
        assert feeds is not None
        published = "".join(f.read_text() for f in feeds.iterdir() if f.is_file())
        for text in words:
            assert text not in kept
            assert text not in published
            assert text.encode() not in read_archive(archive)
        assert f"{victim.reference} (taken down)" in published
        assert "a court order" in service.run("takedown").stdout
        assert victim.id not in service.run("search", str(victim.title), expect=None).stdout


@pytest.mark.slow
def test_a_waiting_digest_is_composed_again_without_it(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        mail = (
            '[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
            f'[channels.smtp]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
        )
        dead = mail.replace(f"port = {server.port}", "port = 1")
        service = ServiceFolder(tmp_path, QUIET + dead)
        service.run("subscribe", ADA, "benches", "--every", "immediate")
        records = [make_question(1, words="Benches, Zanzibar?"), make_question(2, words="Benches?")]
        (tmp_path / "records.jsonl").write_bytes(b"\n".join(map(encode_record, records)))
        service.run("ingest", "--as-new", "records.jsonl", expect=None)
        service.run("takedown", "london:/questions/1", expect=64)
        service.run("takedown", "london:/questions/9", "--reason", "x", expect=65)
        done = service.run_json("takedown", "london:/questions/1", "--reason", "x", "--json")
        assert done["digests_recalled"] == 1
        file = tmp_path / "config.toml"
        file.write_text(file.read_text().replace("port = 1\n", f"port = {server.port}\n"))
        service.run("once", "--no-crawl")
        [message] = server.messages
        text = get_plain_text(message_from_bytes(message, policy=policy.default))
        assert "Question 2" in text
        assert "Zanzibar" not in text
        assert "2026/0001" not in text


@pytest.mark.slow
def test_its_pages_feeds_and_api_say_so(pages: WebClient) -> None:
    one = make_question(1, make_answer("The Zanzibar grows."), words="Of Zanzibar?")
    pages.publish_questions(one, make_question(2))
    feed = "/feeds/queries/feed.atom.xml?q=zanzibar"
    assert "Of Zanzibar?" in pages.request_text("GET", feed)[1]
    with pages.ledger.writing() as connection:
        done = take_down(connection, one.id, "a court order", pages.now)
    assert "everything" in done.feeds
    pages.publish_questions()
    time.sleep(1.1)  # a generated feed is compared with the ledger once in a second
    for path in (
        "/question/london:/questions/1",
        "/api/v1/questions/london:/questions/1",
        "/akoma-ntoso/london:/questions/1",
    ):
        status, text = pages.request_text("GET", path)
        assert status == 410
        assert "taken this question down" in text
        assert "court" not in text
    for path in (
        feed,
        "/feeds/everything.atom.xml",
        "/api/v1/changes",
        "/members",
        "/search?q=zanzibar",
    ):
        text = pages.request_text("GET", path)[1]
        assert "Of Zanzibar" not in text
        assert "grows" not in text
    assert "2026/0001 (taken down)" in pages.request_text("GET", "/feeds/everything.atom.xml")[1]


def test_it_is_known_again_at_another_address(ledger: Ledger, now: datetime) -> None:
    one = make_question(1, words="Of Zanzibar?")
    moved = msgspec.structs.replace(one, id="london:/elsewhere/7", url="https://x.example/7")
    edited = msgspec.structs.replace(make_question(1, words="Of Zanzibar, or not?"), id="london:/8")
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(one)], now, RecordingRules())
        take_down(connection, one.id, "x", now)
        readings = [QuestionReading(each) for each in (one, moved, edited)]
        counts = record_readings(connection, readings, now + timedelta(days=1), RecordingRules())
        assert counts == {"taken_down": 3}
        found = questions.find(connection, moved.id)
    assert found is not None
    assert found.record.is_taken_down
    assert "Zanzibar" not in read_ledger_text(ledger)


@pytest.mark.slow
def test_a_second_takedown_changes_nothing(tmp_path: Path, now: datetime) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(make_question(1))], now, RecordingRules())
        first = take_down(connection, "london:/questions/1", "first", now)
    before = read_ledger_text(ledger)
    with ledger.writing() as connection:
        again = take_down(connection, "london:/questions/1", "second", now + timedelta(days=1))
    assert again.takedown == first.takedown
    assert read_ledger_text(ledger) == before


@pytest.mark.parametrize("length", [*range(260, 560), 65_530, 65_800, 131_400, 200_000])
def test_a_blank_record_has_any_length(length: int) -> None:
    member = build_blank_member(length, datetime(2026, 11, 26, tzinfo=UTC))
    assert len(member) == length
    assert gzip.decompress(member).startswith(b"WARC/1.1\r\nWARC-Type: metadata\r\n")

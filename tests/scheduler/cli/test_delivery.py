"""The commands digest and deliveries, and what is kept about a subscriber."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawler.records import encode_record
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.smtp_server import run_smtp_server

pytestmark = pytest.mark.process

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'


def smtp(port: int) -> str:
    return (
        f'{QUIET}[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
        f'[channels.smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    )


def test_a_failed_message_is_shown_with_its_reason_and_sent_with_retry(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        service = ServiceFolder(tmp_path, smtp(server.port))
        for name in ("ada", "vera"):
            service.run("subscribe", f"{name}@demo.example", "benches", "--every", "immediate")
        record = make_question(1, make_answer("There are more benches."))
        (tmp_path / "records.jsonl").write_bytes(encode_record(record))
        server.rcpt_replies["ada@demo.example"] = "550 no such person"
        service.run("ingest", "--as-new", "records.jsonl", expect=1)
        shown = service.run("deliveries").stdout
        assert "failed  ada@demo.example  benches: 1 new answer" in shown
        assert "1 attempt: 550 no such person" in shown
        assert "sent    vera@demo.example" in shown
        lines = service.run("deliveries", "--phase", "failed", "--json").stdout.splitlines()
        assert [json.loads(line)["recipient"] for line in lines] == ["ada@demo.example"]
        server.rcpt_replies.clear()
        service.run("deliveries", "--to", "vera@demo.example", "--retry", expect=1)  # was sent
        service.run("deliveries", "--to", "Ada@Demo.example", "--retry")
        service.run("once", "--no-crawl")
        assert sorted(str(mail["To"]) for mail in server.parsed_messages) == [
            "ada@demo.example",
            "vera@demo.example",
        ]
        assert service.run("deliveries", "--phase", "in_doubt").stdout == "No such message.\n"


def test_no_digest_is_due(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    assert service.run("digest", "--dry-run").stdout == "No digest is due.\n"
    assert service.run("digest", "--dry-run", "--json").stdout == ""
    assert service.run("digest").stdout == "0 composed; nothing to deliver\n"


def test_the_data_of_a_subscriber_is_printed_and_deleted(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run("ingest", "--as-new", "records.jsonl")
    kept = service.run_json("export", "Ada@demo.example")
    assert kept["subscriptions"][0]["query"] == "benches"
    assert kept["messages"][0]["phase"] == "sent"
    assert service.run("forget", "ada@demo.example").stdout == "ada@demo.example is deleted\n"
    for command in ("export", "forget"):
        done = service.run(command, "ada@demo.example", expect=1)
        assert "nothing is kept about ada@demo.example" in done.stderr
    assert b"ada@demo.example" not in (tmp_path / "var" / "ledger.sqlite3").read_bytes()


def test_deleting_a_subscriber_while_a_message_is_being_sent(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, smtp(1))
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run("ingest", "--as-new", "records.jsonl", expect=69)
    done = service.run("forget", "ada@demo.example", expect=75)
    assert "is being sent" in done.stderr
    (tmp_path / "config.toml").write_text(QUIET)
    assert service.run_json("once", "--no-crawl", "--json")["pipeline"]["deliveries"] == {
        "dropped": 1
    }
    service.run("forget", "ada@demo.example")


def test_a_mail_server_that_is_down_is_one_line_and_the_digest_waits(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, smtp(1))
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run("ingest", "--as-new", "records.jsonl", expect=69)
    done = service.run("digest", expect=69)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert service.run("deliveries", "--phase", "queued", "--json").stdout.count("\n") == 1

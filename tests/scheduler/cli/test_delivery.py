"""The commands digest and deliveries, and what is kept about a subscriber."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.delivery.sent_log import hide_sent_key
from alerts.ledger import open_ledger, secrets
from alerts.ledger.schema import message, subscriber
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
        assert "\tfailed\t1\tada@demo.example\tbenches: 1 answer\t550 no such person" in shown
        assert "\tsent\t1\tvera@demo.example" in shown
        failed = service.run_json("deliveries", "--phase", "failed", "--json")["messages"]
        assert [message["recipient"] for message in failed] == ["ada@demo.example"]
        server.rcpt_replies.clear()
        service.run("deliveries", "--to", "vera@demo.example", "--retry", expect=1)  # was sent
        service.run("deliveries", "--to", "Ada@Demo.example", "--retry")
        service.run("once", "--no-crawl")
        assert sorted(str(mail["To"]) for mail in server.parsed_messages) == [
            "ada@demo.example",
            "vera@demo.example",
        ]
        assert service.run("deliveries", "--phase", "in_doubt").stdout == ""


def test_no_digest_is_due(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    assert service.run("digest", "--dry-run").stdout == "No digest is due.\n"
    assert service.run_json("digest", "--dry-run", "--json") == {"digests": []}
    assert service.run("digest").stdout == "0 digests composed; nothing to deliver\n"


def test_the_data_of_a_subscriber_is_printed_and_deleted(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run("ingest", "--as-new", "records.jsonl")
    kept = service.run_json("export", "Ada@demo.example")
    assert kept["subscriptions"][0]["query"] == "benches"
    assert kept["messages"][0]["phase"] == "sent"
    gone = {
        "delivery_attempts": 1,
        "digest_items": 2,
        "messages": 1,
        "subscriptions": 1,
        "subscriber": 1,
    }
    before = service.run_json("forget", "Ada@demo.example", "--dry-run", "--json")
    assert before["rows"] == gone
    assert before["deleted"] is False
    assert list(before["kept"]) == ["operator_actions"]
    assert service.run("forget", "ada@demo.example").stdout.splitlines() == [
        "ada@demo.example is deleted",
        "  delivery attempts: 1",
        "  digest items: 2",
        "  messages: 1",
        "  subscriptions: 1",
        "  subscriber: 1",
        "  topics: 1",
        "  mail files: 1",
        "  kept: what the operator did, with a hash of the address, for 400 days",
    ]
    for command in ("export", "forget"):
        done = service.run(command, "ada@demo.example", expect=1)
        assert "nothing is kept about ada@demo.example but what the operator did" in done.stderr


def find_in_files(folder: Path, *wanted: bytes) -> list[str]:
    """Return the files below ``folder`` that hold one of some bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(what in path.read_bytes() for what in wanted)]


def test_no_file_holds_anything_of_a_subscriber_who_was_deleted(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    for who in ("zzmark.ada@demo.example", "vera@demo.example"):
        service.run("subscribe", who, "benches", "--every", "immediate", "--note", f"zznote {who}")
    service.run("subscribe", "zzmark.ada@demo.example", "zzmarkword OR trams", "--private")
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    # Another connection, as of the daemon, keeps the log of the database from being removed.
    ledger = open_ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.sqlite3'}")
    with ledger.reading() as connection:
        bystander = connection.execute(select(subscriber.c.id)).all()
        assert len(bystander) == 2
    service.run("ingest", "--as-new", "records.jsonl")
    with ledger.reading() as connection:
        theirs = connection.execute(
            select(message.c.body, message.c.sent_log_data).where(
                message.c.recipient.startswith("zzmark")
            )
        ).one()
        logged = hide_sent_key(theirs.sent_log_data[:8], secrets.get_hash_key(connection))
    marks = (b"zzmark", b"zznote zz", theirs.body[20:80], logged)
    data = tmp_path / "var"
    found = {name.partition(".")[0] for name in find_in_files(data, *marks)}
    assert found > {"ledger", "sent"}  # and the email
    done = service.run("-vv", "forget", "zzmark.ada@demo.example")
    assert "  topics: 1\n" in done.stdout  # of which nobody else knew
    assert "zzmark" not in done.stderr
    assert find_in_files(data, *marks) == []
    assert find_in_files(data, b"vera@demo.example") != []
    ledger.engine.dispose()


def test_a_subscriber_is_deleted_while_a_message_waits(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, smtp(1))
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run("ingest", "--as-new", "records.jsonl", expect=69)
    assert service.run_json("forget", "ada@demo.example", "--json")["rows"]["messages"] == 1
    (tmp_path / "config.toml").write_text(QUIET)
    assert service.run_json("once", "--no-crawl", "--json")["pipeline"]["deliveries"] == {}
    assert service.emails == []


def test_a_subscriber_in_the_config_is_said_to_come_back(tmp_path: Path) -> None:
    entry = '[[subscriptions]]\nemail = "Ada@demo.example"\nquery = "benches"\n'
    service = ServiceFolder(tmp_path, f"{QUIET}{entry}")
    service.run("once", "--no-crawl")
    done = service.run("forget", "ada@demo.example")
    assert "ada@demo.example is in the config and comes back from there" in done.stderr


def test_a_mail_server_that_is_down_is_one_line_and_the_digest_waits(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, smtp(1))
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run("ingest", "--as-new", "records.jsonl", expect=69)
    done = service.run("digest", expect=69)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert len(service.run_json("deliveries", "--phase", "queued", "--json")["messages"]) == 1

"""Faults around the service: each is one clear line, nothing is lost and the rest continues."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from crawler.records import encode_record
from tests.support.paths import REPOSITORY, WATCHWORD_COMMAND
from tests.support.samples import make_answer, make_question
from tests.support.service import (
    ServiceFolder,
    build_config,
    count_sent_links,
    run_replica,
)
from tests.support.smtp_server import run_smtp_server

pytestmark = pytest.mark.process

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'


def smtp(port: int, more: str = "") -> str:
    return (
        '[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
        f'[channels.smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n{more}'
    )


def add_pending_digest(service: ServiceFolder) -> ServiceFolder:
    """Subscribe somebody and write a record that will match."""
    service.run("subscribe", "vera@demo.example", "benches", "--every", "immediate")
    record = make_question(1, make_answer("There are more benches."))
    (service.folder / "records.jsonl").write_bytes(encode_record(record))
    return service


def test_a_refused_login(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        server.script = {"EHLO": "250-test\r\n250 AUTH PLAIN", "AUTH": "535 wrong password"}
        config = QUIET + smtp(server.port, 'username = "w"\npassword = "hush"')
        service = add_pending_digest(ServiceFolder(tmp_path, config))
        done = service.run("ingest", "--as-new", "records.jsonl", expect=69)
        lines = [line for line in done.stderr.splitlines() if line]
        assert len(lines) == 1
        said = "rejected the login (535 wrong password): check channels.smtp.username"
        assert said in lines[0]
        assert "hush" not in done.stderr
        assert service.run("once", "--no-crawl", expect=69).stderr.count("\n") == 1
        server.script["AUTH"] = "235 welcome"
        sent = service.run_json("once", "--no-crawl", "--json")["pipeline"]["deliveries"]
        assert sent == {"sent": 1}
        assert len(server.messages) == 1


def test_a_mail_server_that_is_not_there(tmp_path: Path) -> None:
    service = add_pending_digest(ServiceFolder(tmp_path, QUIET + smtp(1)))
    done = service.run("ingest", "--as-new", "records.jsonl", expect=69)
    assert "127.0.0.1:1 cannot be reached" in done.stderr
    assert "benches" in (tmp_path / "var" / "feeds" / "benches.rss.xml").read_text()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("lager = 1", "unknown key lager"),
        ("[digests]\nhour = 'seven'", "digests.hour: expected a whole number, got text"),
        ("[[subscriptions]]\nemail = 'a@b.example'\nquery = '(vru'", "subscriptions[0].query"),
    ],
)
def test_a_wrong_config_is_78_and_one_line(tmp_path: Path, config: str, says: str) -> None:
    done = ServiceFolder(tmp_path, config).run("once", "--no-crawl", expect=78)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_template_of_the_operators_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "own" / "mail").mkdir(parents=True)
    own = tmp_path / "own" / "mail" / "digest.txt"
    own.write_text("{{ nonsense.at.all }}")
    service = add_pending_digest(ServiceFolder(tmp_path, 'templates = "own"\n' + QUIET))
    done = service.run("ingest", "--as-new", "records.jsonl", expect=78)
    assert "template mail/digest.txt" in done.stderr
    own.write_text("{{ digest.count_summary }}, and my own words")
    service.run("once", "--no-crawl")
    [mail] = service.emails
    assert "1 answer, and my own words" in mail.as_string()


def test_parse_reads_a_url(tmp_path: Path) -> None:
    with run_replica() as source:
        page = f"{source.url}/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"
        known = next(iter(source.world.take_snapshot(source.now).questions))
        service = ServiceFolder(tmp_path, build_config(source.url))
        record = service.run_json("parse", f"{page}/{known.slug}?facet=true&q=*:*")
        assert record["title"] == known.title
        assert record["url"] == f"{page}/{known.slug}"
        done = service.run("parse", f"{page}/never-was", "http://127.0.0.1:1/x", expect=65)
        first, second = done.stderr.splitlines()
        assert "404" in first
        assert "127.0.0.1:1" in second


def test_the_plan_is_shown_without_a_request(tmp_path: Path) -> None:
    with run_replica() as source:
        service = ServiceFolder(tmp_path, build_config(source.url))
        before = service.run_json("plan", "--json")["plans"][0]
        assert (before["known_ids"], before["revisits"]) == ([], [])
        service.run("once")
        _ = source.requests
        assert len(service.run_json("plan", "--json")["plans"][0]["known_ids"]) == 30
        assert "30 questions in this period are known" in service.run("plan").stdout
        assert source.requests == []


def test_postgresql_needs_only_its_url(tmp_path: Path, postgres_server: str) -> None:
    """Everything works on PostgreSQL, and its lock keeps a second process out."""
    with run_replica() as source:
        ledger = f'[ledger]\nurl = "{postgres_server}/postgres"\n'
        config = build_config(source.url, extra=ledger)
        service = ServiceFolder(tmp_path, config)
        assert (
            json.loads(service.run_process("once", "--json").stdout)["data"]["pipeline"]["digests"]
            == 0
        )
        source.go_to_stage(1)
        slowly = config.replace("0.01", "0.3")  # so that the second process starts while it works
        service = ServiceFolder(tmp_path, slowly)
        running = service.start("-v", "once")
        with running:
            assert running.stderr is not None
            for line in running.stderr:
                if "starts" in line:
                    break
            service.run_process("once", expect=75)
            assert running.wait(60) == 0
        assert len(service.emails) == 1
        assert set(count_sent_links(service.emails).values()) == {1}
        again = json.loads(service.run_process("once", "--json").stdout)["data"]
        assert again["pipeline"]["digests"] == again["pipeline"]["matches"] == 0


def test_a_thread_is_shown_in_its_order(tmp_path: Path) -> None:
    with run_replica() as source:
        source.go_to_stage(3)
        service = ServiceFolder(tmp_path, build_config(source.url))
        service.run("once")
        first = source.now.date() - timedelta(days=80)
        seen = [
            q for q in source.world.take_snapshot(source.now).questions if q.meeting.date > first
        ]
        child = next(q for q in seen if q.parent and any(p.title == q.parent for p in seen))
        address = f"{source.url}{child.path}"
        records = service.run_json("thread", address, "--json")["questions"]
    assert records[0]["title"] == child.parent
    assert records[0]["kind"] == "question"
    assert {record["parent"] for record in records[1:]} == {records[0]["id"]}
    assert child.title in [record["title"] for record in records]
    assert service.run("thread", address).stdout.startswith(f"{child.parent} [")
    assert "no question" in service.run("thread", "/never-was", expect=65).stderr


def test_a_taken_port_names_its_key(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        service = ServiceFolder(tmp_path, f"{QUIET}[web]\nport = {port}\n")
        done = service.run_process("run", expect=69)
        assert done.stderr == (
            f"watchword: web.port: the web server cannot listen on 127.0.0.1:{port} "
            "(Address already in use)\n"
        )


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE photo (id INTEGER)")
    before = path.read_bytes()
    service = ServiceFolder(tmp_path, f'{QUIET}[ledger]\nurl = "sqlite:///photos.sqlite3"\n')
    for command in (["once", "--no-crawl"], ["status"], ["search", "knife"]):
        done = service.run(*command, expect=65)
        assert "photos.sqlite3 is the database of another program" in done.stderr
    assert path.read_bytes() == before
    assert not (tmp_path / "photos.sqlite3-wal").exists()


def test_json_that_is_nested_too_deep_costs_its_file_only(tmp_path: Path) -> None:
    deep = "[" * 5000 + "]" * 5000
    (tmp_path / "line.jsonl").write_text(f'{{"id": {deep}}}\n')
    (tmp_path / "unknown.jsonl").write_text(f'{{"deep": {deep}}}\n')
    (tmp_path / "list.json").write_text(deep)
    text = encode_record(make_question(1, make_answer("There are more benches.")))
    (tmp_path / "null.jsonl").write_bytes(text.replace(b"more", b"\\u0000more"))
    (tmp_path / "good.jsonl").write_bytes(b"\xef\xbb\xbf" + text)
    names = ("line.jsonl", "unknown.jsonl", "list.json", "null.jsonl", "good.jsonl")
    done = ServiceFolder(tmp_path, QUIET).run("ingest", *names, expect=1)
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()] == list(names[:4])
    assert "1 read" in done.stdout


@pytest.mark.parametrize("command", [["config"], ["schema"], ["--help"]])
def test_output_to_a_full_disk_is_one_line(tmp_path: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [WATCHWORD_COMMAND, *command],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 75
    assert done.stderr == ("watchword: the output cannot be written: No space left on device\n")


def test_a_folder_whose_name_is_not_utf_8_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"f\xff")
    done = ServiceFolder(folder, QUIET).run_process("once", "--no-crawl", expect=78)
    assert "f\\xff" in done.stderr
    assert done.stderr.endswith("the name of a folder is not UTF-8\n")


def test_make_clean_keeps_the_ledger() -> None:
    rule = (REPOSITORY / "Makefile").read_text().partition("\nclean:")[2].partition("\n\n")[0]
    assert "var" not in rule.partition("\n")[2].split()


@pytest.mark.parametrize("form", ["U.S.", "tram) OR (", "NOT tram", ""])
def test_a_damaged_topic_costs_no_other(tmp_path: Path, form: str) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    add_pending_digest(service)
    service.run("subscribe", "vera@demo.example", "trams", "--every", "immediate")
    service.run("subscribe", "tom@demo.example", "trams", "--every", "immediate")
    set_form(service, "trams", form)
    record = make_question(2, make_answer("Trams and benches."))
    (service.folder / "more.jsonl").write_bytes(encode_record(record))

    service.run("ingest", "--as-new", "records.jsonl", "more.jsonl")

    [mail] = service.emails
    assert mail["To"] == "vera@demo.example"
    for part in mail.iter_parts():
        text = " ".join(part.get_content().split())
        assert "“trams” finds nothing at present" in text
        assert "2 answers" in text
    status = service.run("status", expect=None)
    assert status.returncode != 0
    assert "what is stored of topics is damaged, so they find nothing: “trams” (trams)" in (
        status.stdout
    )
    service.run("search", "trams")
    service.run("subscriptions")

    set_form(service, "trams", "trams")
    record = make_question(3, make_answer("Trams again."))
    (service.folder / "third.jsonl").write_bytes(encode_record(record))
    service.run("ingest", "--as-new", "third.jsonl")
    assert "find nothing" not in service.run("status", expect=None).stdout
    assert Counter(str(mail["To"]) for mail in service.emails) == {
        "vera@demo.example": 2,
        "tom@demo.example": 1,
    }


def set_form(service: ServiceFolder, slug: str, form: str) -> None:
    """Write a canonical form into the database, as no part of the program would."""
    with closing(sqlite3.connect(service.folder / "var" / "ledger.sqlite3")) as database, database:
        database.execute("UPDATE topic SET canonical = ? WHERE slug = ?", (form, slug))

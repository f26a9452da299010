"""The commands follow, pause, resume, bounces, suspended and subscribe --send-confirmation."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.ledger import alarms, open_ledger
from alerts.matching import TopicMatcher
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.search import index_questions
from crawler.records import encode_record
from scheduler.bounce_mailbox import read_unread_emails
from scheduler.imap import MailboxError
from tests.support.bounce_reports import build_dsn
from tests.support.imap_server import run_imap_server
from tests.support.paths import WATCHWORD_COMMAND
from tests.support.samples import HOLDING_TEXT, make_answer, make_question
from tests.support.service import ServiceFolder, get_plain_text
from tests.support.smtp_server import run_smtp_server

pytestmark = pytest.mark.process

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
ADA = "ada@demo.example"


def ingest(service: ServiceFolder, *records: object) -> None:
    lines = b"\n".join(map(encode_record, records))
    (service.folder / "records.jsonl").write_bytes(lines)
    service.run("ingest", "--as-new", "records.jsonl")


def test_a_question_is_followed_by_its_number_until_it_is_answered(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    ingest(service, make_question(1), make_question(2, make_answer("Yes.")))
    said = service.run("follow", ADA, "2026/0001", "--overdue-after", "7", "--note", "mine").stdout
    assert said == f"{ADA} follows london:/questions/1: Question 1\n"
    service.run("follow", ADA, "2026/0002", expect=65)  # answered
    service.run("follow", ADA, "2026/0003", expect=65)  # unknown
    again = service.run_json("follow", ADA, "https://replica.example/questions/1", "--json")
    assert again["question"] == "london:/questions/1"
    service.run("once", "--no-crawl")
    ingest(service, make_question(1, make_answer(HOLDING_TEXT, holding=True)))
    ingest(service, make_question(1, make_answer("At last.")))
    assert {str(mail["Subject"]).rpartition(": ")[2] for mail in service.emails} == {
        "1 overdue question",
        "1 holding reply",
        "1 answer",
    }
    assert service.run("subscriptions").stdout == ""


def test_hour_and_time_zone_of_a_subscriber(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run("subscribe", ADA, "benches", "--hour", "19", "--zone", "Europe/Paris")
    kept = service.run_json("export", ADA)["subscriber"]
    assert (kept["hour"], kept["zone"]) == (19, "Europe/Paris")
    service.run("subscribe", ADA, "trams", "--hour", "8")
    kept = service.run_json("export", ADA)["subscriber"]
    assert (kept["hour"], kept["zone"]) == (8, "Europe/Paris")
    done = service.run("subscribe", ADA, "ferries", "--zone", "Mars/Olympus", expect=64)
    assert "there is no time zone 'Mars/Olympus'" in done.stderr
    assert "ferries" not in service.run("subscriptions").stdout


def test_pause_and_resume(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run(
        "subscribe", ADA, "benches", "--every", "immediate", "--detail", "titles", "--note", "mine"
    )
    assert service.run("pause", ADA).stdout == f"1 subscription of {ADA} paused\n"
    service.run("pause", ADA, expect=1)
    ingest(service, make_question(1, make_answer("Benches.")))
    assert service.emails == []
    assert service.run("resume", ADA, "benches").stdout == f"1 subscription of {ADA} resumed\n"
    ingest(service, make_question(2, make_answer("Benches, and a sentence.")))
    [mail] = service.emails
    assert "Question 2" in get_plain_text(mail)
    assert "a sentence" not in get_plain_text(mail)
    assert "Your note: mine" in get_plain_text(mail)


def configure_bounces(tmp_path: Path, port: int) -> ServiceFolder:
    config = (
        f'{QUIET}[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
        'bounce_address = "bounces@demo.example"\n[imap]\npassword = "secret"\n'
        f'[channels.smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    )
    return ServiceFolder(tmp_path, config)


@pytest.mark.parametrize("way", ["maildir", "stdin", "imap"])
def test_bounces_suspend_an_address(tmp_path: Path, way: str) -> None:
    with run_smtp_server() as server:
        service = configure_bounces(tmp_path, server.port)
        service.run("subscribe", ADA, "benches", "--every", "immediate")
        for number in (1, 2):
            ingest(service, make_question(number, make_answer("Benches.")))
        assert len(server.senders) == 2
    emails = [build_dsn(sender) for sender in server.senders]
    assert process_bounces(service, way, emails) == {"hard": 2}
    assert process_bounces(service, way, emails) in ({}, {"duplicate": 2})
    [one] = service.run_json("suspended", "--json")["suspended"]
    assert (one["email"], one["reason"], one["detail"]) == (ADA, "bounces", "5.1.1 smtp; 550 no")
    assert ADA in service.run("suspended").stdout
    assert "watchword suspended --resume" in service.run("subscribe", ADA, "trams").stderr
    ingest(service, make_question(3, make_answer("Benches.")))
    assert len(server.messages) == 2
    assert service.run("suspended", "--resume", ADA).stdout == f"{ADA} gets email again\n"
    service.run("suspended", "--resume", ADA, expect=1)


def process_bounces(service: ServiceFolder, way: str, emails: list[bytes]) -> dict[str, int]:
    """Run the command on emails that reach it in one of three ways; return its counts."""
    found: dict[str, int] = {}
    if way == "imap":
        with run_imap_server(emails, "secret") as server:
            place = f"imap://bounces@127.0.0.1:{server.port}/INBOX"
            found = service.run_json("bounces", place, "--json")
            assert server.seen == {1, 2}
            assert service.run_json("bounces", place, "--json") == {}
        return found
    if way == "maildir":
        box = service.folder / "box"
        for name in ("new", "cur", "tmp"):
            (box / name).mkdir(parents=True, exist_ok=True)
        if not list((box / "cur").iterdir()):
            for number, raw in enumerate(emails):
                (box / "new" / str(number)).write_bytes(raw)
        found = service.run_json("bounces", str(box), "--json")
        assert not list((box / "new").iterdir())
        return found
    for raw in emails:
        done = subprocess.run(
            [str(WATCHWORD_COMMAND), "bounces", "--json"],
            cwd=service.folder,
            input=raw,
            capture_output=True,
            check=True,
            timeout=60,
        )
        for outcome, number in json.loads(done.stdout)["data"].items():
            found[outcome] = found.get(outcome, 0) + number
    return found


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("nowhere", "nowhere cannot be read"),
        (".", ". is no Maildir: it has no folder new"),
        ("imap://u@127.0.0.1:1/INBOX", "the mailbox at 127.0.0.1 cannot be read"),
    ],
)
def test_a_mailbox_that_cannot_be_read_is_one_line(tmp_path: Path, place: str, says: str) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    done = service.run("bounces", place, expect=65)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_password_is_one_line(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    with run_imap_server([], "other") as server:
        done = service.run("bounces", f"imap://u@127.0.0.1:{server.port}/INBOX", expect=65)
    assert "cannot be read" in done.stderr


def test_an_imap_server_that_drips_is_left(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                while True:
                    connection.sendall(b"*")
                    time.sleep(0.1)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        place = f"imap://u@127.0.0.1:{listener.getsockname()[1]}/INBOX"
        begun = time.monotonic()
        with pytest.raises(MailboxError, match="cannot be read"):
            list(read_unread_emails(place, seconds=1))
        assert time.monotonic() - begun < 30  # it drips for ever
        thread.join()


def test_an_unrelated_email_stays_unread(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    (tmp_path / "box" / "new").mkdir(parents=True)
    (tmp_path / "box" / "cur").mkdir()
    (tmp_path / "box" / "tmp").mkdir()
    (tmp_path / "box" / "new" / "1").write_bytes(build_dsn("bounces@demo.example"))
    done = service.run("bounces", "box", expect=1)
    assert done.stdout == "1 unknown\n"
    assert "about none of our messages" in done.stderr
    assert list((tmp_path / "box" / "new").iterdir())


def test_a_confirmation_email_is_sent_first(tmp_path: Path) -> None:
    bare = ServiceFolder(tmp_path / "bare", QUIET)
    assert (
        "site.public_url"
        in bare.run("subscribe", ADA, "benches", "--send-confirmation", expect=78).stderr
    )
    service = ServiceFolder(
        tmp_path / "public", f'{QUIET}[site]\npublic_url = "https://watch.example"\n'
    )
    ledger = open_ledger(f"sqlite:///{tmp_path}/public/var/ledger.sqlite3")
    with ledger.writing() as connection:
        new = QuestionReading(make_question(1, title="Broken benches"))
        record_readings(connection, [new], datetime.now(UTC), RecordingRules())
    index_questions(ledger)
    ledger.engine.dispose()
    for said in ("is asked to confirm", "was asked to already"):
        assert said in service.run("subscribe", ADA, "benches", "--send-confirmation").stdout
    service.run("once", "--no-crawl")
    [mail] = service.emails
    assert "https://watch.example/c/" in get_plain_text(mail)
    assert "Broken benches" in get_plain_text(mail)  # the newest that it finds
    assert mail["List-Unsubscribe"] is None
    assert service.run("subscriptions").stdout == ""


def test_a_digest_is_shown_in_the_browser_and_sent_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER", "true")  # a program that shows nothing and does not fail
    service = ServiceFolder(tmp_path, QUIET)
    for who in (ADA, "vera@demo.example"):
        service.run("subscribe", who, "benches", "--every", "monthly")
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    with ledger.writing() as connection:
        new = QuestionReading(make_question(1, make_answer("Benches.")))
        record_readings(connection, [new], datetime.now(UTC), RecordingRules(guard_days=100_000))
    TopicMatcher(ledger).match_new_changes()
    ledger.engine.dispose()
    said = service.run("digest", "--preview", "--only", ADA).stdout
    page = Path(said.partition("file://")[2].strip())
    assert "Benches</mark>" in page.read_text()
    page.unlink()
    assert service.emails == []
    assert service.run("digest", "--only", ADA).stdout == "1 digest composed; 1 sent\n"
    assert [mail["To"] for mail in service.emails] == [ADA]
    assert service.run("digest").stdout == "1 digest composed; 1 sent\n"
    assert len(service.emails) == 2


@pytest.mark.parametrize("way", ["maildir", "imap"])
def test_a_broken_report_stops_none_behind_it(tmp_path: Path, way: str) -> None:
    with run_smtp_server() as server:
        service = configure_bounces(tmp_path, server.port)
        service.run("subscribe", ADA, "benches", "--every", "immediate")
        ingest(service, make_question(1, make_answer("Benches.")))
        [sender] = server.senders
    raw = build_dsn(sender).replace(b"smtp; 550 no", "smtp; 550 boîte".encode())
    nested = b"Message-ID: <deep@demo.example>\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 3000
    place = str(tmp_path / "box")
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    for number, email in enumerate((nested, raw)):
        (tmp_path / "box" / "new" / str(number)).write_bytes(email)
    with run_imap_server([nested, raw], "secret") as mailbox:
        if way == "imap":
            place = f"imap://bounces@127.0.0.1:{mailbox.port}/INBOX"
        done = service.run("bounces", place, "--json", expect=1)
        printed = json.loads(done.stdout)
        assert printed["data"] == {"hard": 1, "unreadable": 1}
        [warning] = printed["warnings"]
        assert "an email cannot be read: <deep@demo.example>" in warning
        assert done.stderr == ""
        with open_ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.sqlite3'}").reading() as ledger:
            assert [alarm.kind for alarm in alarms.list_open(ledger)] == ["reports"]
        service.run("bounces", place)  # nothing is read twice
    if way == "maildir":
        assert {path.name for path in (tmp_path / "box" / "cur").iterdir()} == {"0:2,FS", "1:2,S"}

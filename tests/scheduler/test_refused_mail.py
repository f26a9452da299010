"""A mail server that refuses us, and mailboxes that fail by the dozen: what the operator sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from alerts.ledger import alarms, messages, open_ledger
from crawler.records import encode_record
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.smtp_server import SmtpServer, run_smtp_server

pytestmark = pytest.mark.process

PEOPLE = [f"reader{n}@demo{n % 4}.example" for n in range(12)]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def build_service(folder: Path, server: SmtpServer, more: str = "") -> ServiceFolder:
    service = ServiceFolder(
        folder,
        '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
        '[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
        f'[channels.smtp]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n{more}',
    )
    for who in PEOPLE:
        service.run("subscribe", who, "benches", "--every", "immediate")
    return service


def send_digests(service: ServiceFolder, number: int, expect: int) -> str:
    """Let a new answer be sent to everybody; return standard error."""
    record = make_question(number, make_answer("There are more benches."))
    (service.folder / "records.jsonl").write_bytes(encode_record(record))
    return service.run("ingest", "--as-new", "records.jsonl", expect=expect).stderr


def list_alarms(service: ServiceFolder) -> dict[str, str]:
    ledger = open_ledger(f"sqlite:///{service.folder / 'var' / 'ledger.sqlite3'}")
    with ledger.reading() as connection:
        return {alarm.kind: alarm.reason for alarm in alarms.list_open(connection)}


def list_states(service: ServiceFolder) -> list[tuple[str, int]]:
    found = service.run_json("deliveries", "--json")["messages"]
    return [(m["phase"], m["attempts"]) for m in found if m["recipient"] in PEOPLE]


@contextmanager
def run_webhook() -> Iterator[tuple[str, list[str]]]:
    """The URL of a web address, and what was posted to it."""
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", posted
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "script",
    [
        {"RCPT": "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list"},
        {"MAIL": "530 5.7.0 Authentication required"},
        {"banner": "554 5.7.1 no service for 192.0.2.1"},
    ],
)
def test_the_operator_hears_of_it_at_once_and_nothing_is_lost(
    tmp_path: Path, script: dict[str, str]
) -> None:
    with run_smtp_server() as server, run_webhook() as (url, posted):
        more = (
            f'[channels.webhook]\nsecret = "{SECRET}"\n'
            f'[operator]\nemail = "op@demo.example"\nnotify = ["{url}"]\n'
        )
        service = build_service(tmp_path, server, more)
        server.script = script
        said = send_digests(service, 1, expect=69)
        assert len(said.splitlines()) <= 2
        [report] = posted
        assert "mail servers refuse our messages" in report
        for _ in range(3):
            service.run("once", "--no-crawl", expect=69)
        assert list_states(service) == [("queued", 0)] * 12
        assert service.run("suspended").stdout == ""
        assert "everything stays in the outbox" in list_alarms(service)["refused"]
        server.script = {}
        service.run("once", "--no-crawl")
        assert list_states(service) == [("sent", 1)] * 12
        assert set(server.message_id_counts.values()) == {1}
        assert list_alarms(service) == {}


def test_suspensions_by_the_dozen_wait_and_can_be_undone(tmp_path: Path) -> None:
    today = datetime.now(UTC).date().isoformat()
    with run_smtp_server() as server:
        service = build_service(tmp_path, server)
        server.script = {"RCPT": "550 5.1.1 no such user"}
        for number in (1, 2):
            send_digests(service, number, expect=1)
        assert set(list_alarms(service)) >= {"failures", "suspensions"}
        [suspended] = service.run("suspended").stdout.splitlines()
        waiting = service.run("suspended", "--waiting").stdout.splitlines()
        assert len(waiting) == 11
        assert sorted([*waiting, suspended.partition("\t")[0]]) == sorted(PEOPLE)
        server.script = {}
        done = service.run_json("suspended", "--resume", "--since", today, "--json")
        assert sorted(done["resumed"]) == sorted(PEOPLE)
        service.run("suspended", "--resume", "--since", today, expect=1)
        service.run("once", "--no-crawl")
        assert len(server.messages) == 24
        assert set(server.message_id_counts.values()) == {1}
        assert "suspensions" not in list_alarms(service)


def test_the_operator_approves_suspensions(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        service = build_service(tmp_path, server)
        server.script = {"RCPT": "550 5.1.1 no such user"}
        for number in (1, 2):
            send_digests(service, number, expect=1)
        approved = service.run("suspended", "--approve").stdout
        assert len(re.findall("is suspended", approved)) == 11
        assert len(service.run("suspended").stdout.splitlines()) == 12
        assert service.run("suspended", "--waiting").stdout == ""
        service.run("suspended", "--since", "2026-07-01", expect=64)


def test_a_held_message_is_settled_by_the_operator(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        service = build_service(tmp_path, server)
        server.script = {"dot": "accept-drop"}
        send_digests(service, 1, expect=69)
        ledger = open_ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.sqlite3'}")
        with ledger.writing() as connection:
            messages.set_phase(connection, [1, 2], "in_doubt")  # as a second doubt leaves them
        service.run("deliveries", "--phase", "in_doubt", "--retry", "--arrived", expect=64)
        done = service.run("deliveries", "--phase", "in_doubt", "--arrived").stdout
        assert done == "settled 2 messages\n"
        service.run("deliveries", "--phase", "in_doubt", "--arrived", expect=1)
        server.script = {}
        service.run("once", "--no-crawl")
        assert "in_doubt" not in list_alarms(service)

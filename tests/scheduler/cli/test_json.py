"""``--json``: one document of one shape from every command, as the published schema says."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crawler.records import encode_record
from tests.support.paths import REPOSITORY
from tests.support.private_keys import write_key
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tools.command_reference import list_commands

pytestmark = pytest.mark.process

SCHEMAS = REPOSITORY / "docs" / "reference" / "schemas"
SCHEMA = json.loads((SCHEMAS / "command-line.json").read_text())
ADA = "ada@demo.example"
CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
[site]
public_url = "https://watch.example"
[channels.webhook]
secret = "d2F0Y2h3b3JkIHRlc3RzIHdhdGNod29yZCB0ZXN0cw=="
"""

#: How each command is called, in this order, and its exit status. A new command has to be added.
CALLS: list[tuple[str, list[str], int]] = [
    ("ingest", ["--as-new", "records.jsonl"], 0),
    ("subscribe", [ADA, "benches", "--every", "immediate"], 0),
    ("subscribe", ["bo@demo.example", "trams", "--send-confirmation"], 0),
    ("follow", [ADA, "2026/0001"], 0),
    ("subscriptions", [], 0),
    ("topics list", [], 0),
    ("topics publish", ["trees"], 0),
    ("topics hide", ["trees"], 0),
    ("pause", [ADA, "benches"], 0),
    ("resume", [ADA, "benches"], 0),
    ("digest", ["--dry-run"], 0),
    ("digest", [], 0),
    ("deliveries", [], 0),
    ("deliveries", ["--retry"], 1),
    ("deliveries", ["--arrived"], 1),
    ("search", ["benches"], 0),
    ("search", ["zebras"], 1),
    ("preview", ["benches"], 0),
    ("explain", ["benches", "records.jsonl"], 0),
    ("explain", ["benches"], 0),
    ("match", ["queries.txt", "records.jsonl"], 1),
    ("parse", ["records.jsonl", "missing.html"], 1),
    ("schema", [], 0),
    ("thread", ["london:/questions/1"], 0),
    ("plan", [], 0),
    ("backfill", ["--since", "2026-01"], 69),
    ("reparse", ["--dry-run"], 0),
    ("bounces", ["report"], 0),
    ("dns", ["--offline"], 0),
    ("doctor", [], 69),
    ("status", [], 75),
    ("approvals", [], 0),
    ("approve", [], 0),
    ("reject", ["london"], 0),
    ("once", [], 69),
    ("init", ["--yes", "--folder", "new"], 0),
    ("config", [], 0),
    ("prune", ["--dry-run"], 0),
    ("migrate-to", ["sqlite:///copy.sqlite3"], 0),
    ("backup", ["backups"], 0),
    ("restore", ["backups", "--dry-run"], 0),
    ("restore", ["backups", "--to", "trial"], 0),
    ("secrets list", [], 0),
    ("secrets webhook", ["https://hooks.example/us"], 0),
    ("secrets rotate", [], 0),
    ("actions", [], 0),
    ("export", [ADA], 0),
    ("takedown", ["london:/questions/1", "--reason", "x"], 0),
    ("takedown", [], 0),
    ("suspended", [], 0),
    ("suspended", ["--waiting"], 0),
    ("suspended", ["--resume", ADA], 1),
    ("forget", [ADA, "--dry-run"], 0),
    ("forget", [ADA], 0),
    ("unsubscribe", [ADA], 1),
]
#: Commands with tests of their own: `run` is below, `demo` with the other tests of the demo, and
#: those of a cluster with theirs.
ELSEWHERE = {"run", "serve", "work", "schedule", "demo"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ServiceFolder:
    """A service with two questions to read and a subscriber to come."""
    made = ServiceFolder(tmp_path_factory.mktemp("json"), CONFIG)
    records = [make_question(1), make_question(2, make_answer("Benches."))]
    lines = b"\n".join(map(encode_record, records))
    (made.folder / "records.jsonl").write_bytes(lines)
    (made.folder / "queries.txt").write_text("benches\n(knife\n")
    (made.folder / "report").write_text("Subject: hello\n\nNo report.\n")
    return made


def read_document(printed: str) -> dict[str, Any]:
    """Return the one document that was printed, after holding it against the schema."""
    [line] = printed.splitlines()
    document: dict[str, Any] = json.loads(line)
    # The schema lets later versions add fields. This version has none that it does not name.
    Draft202012Validator(close_objects(SCHEMA)).validate(document)
    return document


def close_objects(schema: Any) -> Any:
    """Return a schema whose objects with named properties have no others."""
    if isinstance(schema, dict):
        closed = {key: close_objects(value) for key, value in schema.items()}
        if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
            closed.setdefault("additionalProperties", False)
        return closed
    return [close_objects(one) for one in schema] if isinstance(schema, list) else schema


def test_every_command_is_called() -> None:
    assert {name for name, *_ in CALLS} | ELSEWHERE == {name for _, name, _ in list_commands()}


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_command_prints_one_document(service: ServiceFolder) -> None:
    """In one test, because each call finds what those before it have left."""
    for name, arguments, status in CALLS:
        done = service.run(*name.split(), *arguments, "--json", expect=None)
        assert done.returncode == status, (name, arguments, done.stdout, done.stderr)
        document = read_document(done.stdout)
        assert document["command"] == name
        assert document["exit_status"] == status
        assert document["ok"] is (status == 0)
        assert all(json.loads(line)["level"] for line in done.stderr.splitlines())


#: Calls that have no result, and what the error says.
FAILURES: list[tuple[str, list[str], int, str]] = [
    ("search", ["search", "(knife", "--json"], 64, "bracket"),
    ("search", ["search", "x", "--limit", "0", "--json"], 64, "expected 1 to 10,000, got 0"),
    ("search", ["search", "--json"], 64, "Missing argument 'QUERY'"),
    ("thread", ["thread", "2018/5425", "--json"], 65, "there is no question 2018/5425"),
    ("parse", ["parse", "missing.html", "--json"], 65, "missing.html: cannot be read"),
    ("approve", ["approve", "lndon", "--json"], 65, "did you mean london?"),
    ("export", ["export", "cy@demo.example", "--json"], 1, "nothing is kept about cy@"),
    ("", ["saerch", "x", "--json"], 64, "Did you mean 'search'?"),
    ("", ["--json"], 64, "No such option"),
    ("demo", ["demo", "--json"], 64, "--once"),
]


@pytest.mark.parametrize(("command", "arguments", "status", "says"), FAILURES)
def test_an_error_is_a_document_on_standard_error(
    service: ServiceFolder, command: str, arguments: list[str], status: int, says: str
) -> None:
    done = service.run(*arguments, expect=status)
    assert done.stdout == ""
    document = read_document(done.stderr)
    assert (document["command"], document["exit_status"]) == (command, status)
    assert document["ok"] is False
    assert says in document["error"]


def test_a_wrong_config_is_an_error_of_the_command(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, "[digests]\nhour = 99\n")
    document = read_document(service.run("status", "--json", expect=78).stderr)
    assert document["command"] == "status"
    assert "digests.hour: expected 0 to 23, got 99" in document["error"]


def test_a_query_that_begins_with_a_dash_is_no_option(service: ServiceFolder) -> None:
    done = service.run("search", "--", "--json", expect=None)
    assert not done.stdout.startswith("{")


def test_an_input_with_endless_faults_has_few_warnings(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, CONFIG)
    good = encode_record(make_question(1))
    (tmp_path / "bad.jsonl").write_bytes(good + b"\n" + b"{}\n" * 1500)
    document = read_document(service.run("parse", "bad.jsonl", "--json", expect=1).stdout)
    assert document["data"]["unreadable"] == 1500
    assert len(document["warnings"]) == 1001
    assert document["warnings"][-1] == "500 more warnings"


def test_what_json_says_names_no_secret_and_asks_nothing(tmp_path: Path) -> None:
    """With --json nobody is asked for the forms of an acronym, also not on a terminal."""
    service = ServiceFolder(tmp_path, CONFIG)
    document = read_document(service.run("subscribe", ADA, "VRU", "--json").stdout)
    assert document["data"] == {"email": ADA, "topic": "VRU", "every": "daily", "changed": True}
    assert document["warnings"] == [
        "The archive is empty so far, so it is not known what this query finds."
    ]


def test_the_daemon_says_when_it_ran(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, CONFIG)
    with service.running("run", "--json") as daemon:
        assert daemon.stderr is not None
        deadline = time.monotonic() + 30
        for line in daemon.stderr:
            assert json.loads(line)["level"]
            if "crawl starts" in line or time.monotonic() > deadline:
                break
        daemon.send_signal(signal.SIGTERM)
        printed, _ = daemon.communicate(timeout=60)
    document = read_document(printed)
    assert document["command"] == "run"
    assert document["data"]["started_at"] < document["data"]["stopped_at"]


def test_the_dns_records_are_whole(tmp_path: Path) -> None:
    write_key(tmp_path / "key.pem", "rsa")
    key = '[[mail.dkim]]\nselector = "s1"\nkey = "key.pem"\n'
    service = ServiceFolder(tmp_path, f'[mail]\nfrom_address = "w@demo.example"\n{key}')
    records = service.run_json("dns", "--json")["records"]
    shown = service.run("dns").stdout.splitlines()
    assert [line.split(" ")[0] for line in shown] == [record["name"] for record in records]
    for line, record in zip(shown, records, strict=True):
        assert "".join(re.findall(r'"([^"]*)"', line.partition("  ; ")[0])) == record["value"]

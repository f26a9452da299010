"""The command line from outside: a real process in a folder of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from crawler.records import encode_record
from tests.support.paths import REPOSITORY, WATCHWORD_COMMAND
from tests.support.samples import make_answer, make_question
from tests.support.seed_page import SEED_PAGE
from tests.support.service import ServiceFolder, get_plain_text

pytestmark = pytest.mark.process

PAGE = """<!doctype html><html><body><main>
<table class="styled-table"><tr><th>Label</th><th>Content</th></tr>
<tr><td>Reference:</td><td>2026/0001</td></tr>
<tr><td>Question by:</td><td>Ada Brook</td></tr>
<tr><td>Asked of:</td><td>The Mayor</td></tr></table>
<h3 class="page-section">Benches</h3><div class="rich-text">{body}</div>
</main></body></html>"""


@pytest.fixture
def service(tmp_path: Path) -> ServiceFolder:
    """A service with an unchanged copy of the example config."""
    return ServiceFolder(tmp_path / "service", (REPOSITORY / "config.example.toml").read_text())


def get_error(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was written to standard error, which must be one line."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


class TestHelp:
    def test_help_shows_examples_and_exit_statuses(self, service: ServiceFolder) -> None:
        shown = service.run("--help").stdout
        assert "Examples:" in shown
        assert "Exit status:" in shown

    @pytest.mark.parametrize(
        "command",
        [
            "config",
            "demo",
            "ingest",
            "once",
            "parse",
            "run",
            "schema",
            "subscribe",
            "subscriptions",
            "unsubscribe",
        ],
    )
    def test_each_command_has_help(self, service: ServiceFolder, command: str) -> None:
        assert f"watchword {command}" in service.run(command, "--help").stdout

    def test_help_imports_nothing_heavy(self) -> None:
        code = (
            "import sys, scheduler.cli; "
            "print([m for m in ('scrapy', 'sqlalchemy', 'jinja2', 'lark', 'msgspec', 'rich', "
            "'feedgen', 'starlette') if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"

    def test_the_config_may_stand_before_or_after_the_command(
        self, tmp_path: Path, service: ServiceFolder
    ) -> None:
        other = tmp_path / "other" / "own.toml"
        other.parent.mkdir()
        other.write_text('[site]\nname = "Elsewhere"')
        for arguments in (("--config", str(other), "config"), ("config", "--config", str(other))):
            assert service.run_json(*arguments)["site"]["name"] == "Elsewhere"

    def test_wrong_usage_is_64(self, service: ServiceFolder) -> None:
        assert "No such command" in service.run("frobnicate", expect=64).stderr
        assert (
            "--every"
            in service.run("subscribe", "a@b.example", "vru", "--every", "x", expect=64).stderr
        )


class TestParseAndSchema:
    def test_records_satisfy_the_published_schema(self, service: ServiceFolder, seed: Path) -> None:
        schema = json.loads(service.run("schema").stdout)
        Draft202012Validator.check_schema(schema)
        record = service.run_json("parse", str(seed))
        Draft202012Validator(schema).validate(record)
        assert record["asked_by"]["name"] == SEED_PAGE.asker

    def test_one_bad_file_among_good_ones(self, service: ServiceFolder, tmp_path: Path) -> None:
        (tmp_path / "good.html").write_text(PAGE.format(body="<p>How many benches?</p>"))
        (tmp_path / "bad.html").write_text("<html><body><h1>About us</h1></body></html>")
        (tmp_path / "empty.html").write_text("")
        names = [str(tmp_path / name) for name in ("bad.html", "good.html", "empty.html", "none")]
        done = service.run("parse", *names, expect=1)
        assert json.loads(done.stdout)["title"] == "Benches"
        lines = done.stderr.splitlines()
        assert [Path(line.split(":")[1].strip()).name for line in lines] == [
            "bad.html",
            "empty.html",
            "none",
        ]

    def test_nothing_readable_is_65(self, service: ServiceFolder, tmp_path: Path) -> None:
        (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\x00\x00\x01")
        assert "not text" in get_error(service.run("parse", str(tmp_path / "photo.jpg"), expect=65))

    def test_a_page_without_a_question_is_printed_and_reported(
        self, service: ServiceFolder, tmp_path: Path
    ) -> None:
        (tmp_path / "page.html").write_text(PAGE.format(body=""))
        done = service.run("parse", str(tmp_path / "page.html"), expect=1)
        assert json.loads(done.stdout)["suspect"] == ["no question"]
        assert "no question" in get_error(done)


class TestIngest:
    def test_the_seed_page_becomes_an_email_and_a_feed(
        self, service: ServiceFolder, seed: Path
    ) -> None:
        service.run("subscribe", "vera@demo.example", "VRU", "--every", "daily")
        service.run("subscribe", "vera@demo.example", "approval", "--every", "daily")
        service.run("subscribe", "vera@demo.example", "vruum", "--every", "daily")
        service.run("ingest", "--as-new", str(seed))
        [mail] = service.emails
        assert mail["Subject"] == "VRU: 1 answer"
        assert "The *VRU* is going" in " ".join(get_plain_text(mail).split())
        html = mail.get_body(("html",))
        assert html is not None
        assert re.search(r"<mark[^>]*>VRU</mark>", html.get_content())
        assert "&lt;mark&gt;VRU&lt;/mark&gt;" in service.read_feed("VRU.atom.xml")
        for other in ("approval", "vruum"):
            feed = service.read_feed(f"{other}.atom.xml")
            assert feed.count("<entry>") == 1
            assert "Nothing new since" in feed
        again = service.run_json("ingest", "--as-new", "--json", str(seed))
        assert again["pipeline"] == {
            "matches": 0,
            "feeds": 0,
            "digests": 0,
            "deliveries": {},
            "problem": None,
            "failures": [],
        }

    def test_an_old_page_notifies_nobody_by_default(
        self, service: ServiceFolder, seed: Path
    ) -> None:
        service.run("subscribe", "vera@demo.example", "VRU")
        counts = service.run_json("ingest", "--json", str(seed))
        assert counts["recorded"]["silent"] == 2
        assert service.emails == []

    def test_records_as_json_lines_with_a_bad_one(
        self, service: ServiceFolder, tmp_path: Path
    ) -> None:
        lines = [
            encode_record(make_question(1)),
            b'{"id": 5}',
            encode_record(make_question(2, make_answer("Yes."))),
        ]
        (tmp_path / "records.jsonl").write_bytes(b"\n".join(lines))
        done = service.run("ingest", "--json", str(tmp_path / "records.jsonl"), expect=1)
        printed = json.loads(done.stdout)
        assert printed["data"]["recorded"]["new"] == 2
        [warning] = printed["warnings"]
        assert "records.jsonl:2: not a record" in warning
        assert done.stderr == ""

    def test_a_suspect_page_is_recorded_and_notifies_nobody(
        self, service: ServiceFolder, tmp_path: Path
    ) -> None:
        service.run("subscribe", "vera@demo.example", "benches", "--every", "immediate")
        (tmp_path / "page.html").write_text(PAGE.format(body=""))
        done = service.run("ingest", "--as-new", str(tmp_path / "page.html"), expect=1)
        assert "1 suspect" in done.stdout
        assert "nobody is alerted" in get_error(done)
        assert service.emails == []


class TestSubscribing:
    def test_subscriptions_are_listed_and_ended(self, service: ServiceFolder) -> None:
        service.run("subscribe", "Vera@Demo.example", "knife  AND crime", "--every", "weekly")
        again = service.run("subscribe", "vera@demo.example", "Crime knife", "--every", "weekly")
        assert "subscribed to" in again.stdout
        [listed] = service.run_json("subscriptions", "--json")["subscriptions"]
        assert listed["topic"] == "crime knife"
        assert service.run("unsubscribe", "vera@demo.example").stdout.startswith("1 ")
        service.run("unsubscribe", "vera@demo.example", expect=1)
        assert service.run("subscriptions").stdout == ""

    def test_the_subject_of_an_unsubscribe_email_identifies_the_subscriber(
        self, service: ServiceFolder, seed: Path
    ) -> None:
        service.run("subscribe", "vera@demo.example", "VRU")
        service.run("ingest", "--as-new", str(seed))
        [token] = re.findall(
            r"<mailto:[^>]*subject=([^>]*)>", service.emails[0]["List-Unsubscribe"]
        )
        service.run("unsubscribe", "not-a-token", expect=1)
        assert service.run("unsubscribe", token).stdout.startswith("1 ")

    @pytest.mark.parametrize(
        ("email", "query", "says"),
        [
            ("nobody", "vru", "not an email address"),
            ("vera@demo.example", '"vru', "quot"),
            ("vera@demo.example", "vru, knife crime, e-scooters", "three topics"),
            ("vera@demo.example", "NOT vru", "Add a word"),
        ],
    )
    def test_a_wrong_address_or_query_is_one_line(
        self, service: ServiceFolder, email: str, query: str, says: str
    ) -> None:
        done = service.run("subscribe", email, query, expect=64)
        assert says in get_error(done)
        assert service.run("subscriptions").stdout == ""

    def test_subscriptions_of_the_config_begin_and_end_with_it(
        self, service: ServiceFolder
    ) -> None:
        path = service.folder / "config.toml"
        plain = path.read_text()
        path.write_text(plain + '\n[[subscriptions]]\nemail="vera@demo.example"\nquery="vru"\n')
        service.run("subscribe", "dan@demo.example", "buses")
        service.run("once", "--no-crawl")
        assert len(service.run("subscriptions").stdout.splitlines()) == 2
        path.write_text(plain)
        service.run("once", "--no-crawl")
        assert service.run("subscriptions").stdout.startswith("dan@demo.example")


class TestOnce:
    def test_a_second_run_changes_nothing(self, service: ServiceFolder, seed: Path) -> None:
        service.run("subscribe", "vera@demo.example", "VRU")
        service.run("ingest", "--as-new", str(seed))

        def files() -> dict[str, tuple[int, bytes]]:
            kept = (p for p in (service.folder / "var").rglob("*") if p.is_file())
            return {
                p.name: (p.stat().st_mtime_ns, p.read_bytes())
                for p in kept
                if "sqlite" not in p.name
            }

        service.run("once", "--no-crawl")
        before = files()
        assert service.run_json("once", "--no-crawl", "--json")["pipeline"]["feeds"] == 0
        assert files() == before
        assert len(service.emails) == 1

    def test_an_unreachable_source_is_one_line_and_the_rest_continues(
        self, service: ServiceFolder, seed: Path
    ) -> None:
        path = service.folder / "config.toml"
        path.write_text(path.read_text().replace("https://www.london.gov.uk", "http://127.0.0.1:1"))
        service.run("subscribe", "vera@demo.example", "VRU")
        done = service.run("once", expect=69)
        assert "source=london verdict=unreachable" in get_error(done)
        service.run("ingest", "--as-new", str(seed))
        assert len(service.emails) == 1

    @pytest.mark.usefixtures("new_python")
    def test_a_second_process_exits_at_once(self, service: ServiceFolder) -> None:
        daemon = service.start("run")
        with daemon:
            try:
                wait_for_log(daemon, "crawl starts: source=london")
                assert "another watchword" in get_error(service.run("once", expect=75))
            finally:
                daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=30) == 0

    def test_a_file_that_is_not_a_ledger_is_65(self, service: ServiceFolder) -> None:
        (service.folder / "var").mkdir(exist_ok=True)
        (service.folder / "var" / "ledger.sqlite3").write_text("a shopping list " * 100)
        assert "not a database" in get_error(service.run("once", "--no-crawl", expect=65))


def wait_for_log(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    deadline = time.monotonic() + 30
    for line in process.stderr:
        if words in line:
            return
        assert time.monotonic() < deadline
    pytest.fail(f"the process ended without logging {words!r}")


def test_the_example_config_shows_the_defaults(service: ServiceFolder, tmp_path: Path) -> None:
    """An unchanged copy of the example config sets no key to another value."""
    shown = service.run_json("config")
    bare = ServiceFolder(tmp_path / "bare", "[digests]\n").run_json("config")
    shown.pop("channels")
    bare.pop("channels")
    assert shown == bare


def test_every_key_stands_in_the_example_config(service: ServiceFolder) -> None:
    text = (REPOSITORY / "config.example.toml").read_text()
    for section, values in service.run_json("config").items():
        inner = values["london"] if section == "sources" else values
        for key in inner if isinstance(inner, dict) and section != "channels" else [section]:
            shown = rf"^#? ?\[*({section}\.)?{key}\b"
            assert re.search(shown, text, re.MULTILINE), f"{section}.{key}"
    uncommented = re.sub(r"^# (?=[a-z_]+ = |\[)", "", text, flags=re.MULTILINE)
    tomllib.loads(uncommented)


def test_the_command_is_installed() -> None:
    assert WATCHWORD_COMMAND.exists()

"""What a person sees on a terminal, and what a pipe gets: tables, colours, progress."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import termios
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.ledger import open_ledger
from alerts.matching import TopicMatcher
from alerts.recording import QuestionReading, RecordingRules, record_readings
from crawler.records import encode_record
from tests.support.old_ledgers import VERSIONS, load_sqlite
from tests.support.paths import WATCHWORD_COMMAND
from tests.support.samples import make_answer, make_question
from tests.support.service import (
    ServiceFolder,
    build_config,
    run_replica,
)

pytestmark = pytest.mark.process

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
LONG = "a very long query about benches OR trams OR ferries OR bridges OR tunnels OR towpaths"


@pytest.fixture
def service(tmp_path: Path) -> ServiceFolder:
    """A service with two subscriptions, one of which is wider than a terminal."""
    made = ServiceFolder(tmp_path, QUIET)
    made.run("subscribe", "ada@demo.example", "benches")
    made.run("subscribe", "bo@demo.example", LONG, "--every", "weekly")
    return made


def show(
    service: ServiceFolder, *arguments: str, columns: int = 80, **variables: str
) -> tuple[str, str]:
    """Run a command whose standard output and error are a terminal; return what each shows."""
    outputs = [pty.openpty() for _ in range(2)]
    for _, end in outputs:
        termios.tcsetwinsize(end, (24, columns))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"}
    }
    process = subprocess.Popen(
        [str(WATCHWORD_COMMAND), *arguments],
        cwd=service.folder,
        stdin=subprocess.DEVNULL,
        stdout=outputs[0][1],
        stderr=outputs[1][1],
        env={**environment, "TERM": "xterm-256color", **variables},
    )
    for _, end in outputs:
        os.close(end)
    texts = [read_all(ours) for ours, _ in outputs]
    process.wait(timeout=60)
    return texts[0].replace("\r\n", "\n"), texts[1].replace("\r\n", "\n")


def read_all(descriptor: int) -> str:
    """Return what is written to a terminal until its other end is closed."""
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux reports the end of a terminal like this
            break
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode()


def strip_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_list_is_a_table_that_fits_the_terminal(service: ServiceFolder, columns: int) -> None:
    shown, _ = show(service, "subscriptions", columns=columns)
    head, ada, bo = strip_colours(shown).splitlines()
    assert head.split() == ["Address", "Every", "Updates", "Topic"]
    assert ada.index("daily") == bo.index("weekly") == head.index("Every")
    assert all(len(line) <= columns for line in (head, ada, bo))
    assert bo.endswith("…") == (columns < 140)


def test_a_pipe_gets_everything(service: ServiceFolder) -> None:
    shown = service.run("subscriptions").stdout
    assert f"bo@demo.example\tweekly\tall\t{LONG}\n" in shown
    assert "Address" not in shown
    assert "\x1b" not in shown


def test_an_empty_list_says_so_to_a_person_alone(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    assert show(service, "subscriptions")[0] == "Nobody is subscribed yet.\n"
    assert service.run("subscriptions").stdout == ""


def test_states_have_a_colour_where_a_person_reads(service: ServiceFolder) -> None:
    assert "Status: \x1b[33mnot yet\x1b[0m" in show(service, "status")[0]
    assert show(service, "status", NO_COLOR="1")[0].endswith("Status: not yet\n")
    assert show(service, "status", TERM="dumb")[0].endswith("Status: not yet\n")


def test_colours_can_be_had_in_a_pipe(
    service: ServiceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b" not in service.run("status", expect=75).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "Status: \x1b[33mnot yet\x1b[0m" in service.run("status", expect=75).stdout
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b" not in service.run("status", "--json", expect=75).stdout


def test_an_error_has_a_colour_too(service: ServiceFolder) -> None:
    _, error = show(service, "thread", "2018/5425")
    assert error.startswith("\x1b[31m\x1b[1mwatchword:\x1b[0m there is no question")
    _, plain = show(service, "thread", "2018/5425", NO_COLOR="1")
    assert plain.startswith("watchword: there is no question")


def ingest(service: ServiceFolder) -> list[str]:
    records = [make_question(number, make_answer("Benches.")) for number in range(1, 40)]
    lines = b"\n".join(map(encode_record, records))
    (service.folder / "records.jsonl").write_bytes(lines)
    return ["ingest", "records.jsonl"]


def test_progress_is_a_bar_on_a_terminal(service: ServiceFolder) -> None:
    shown, error = show(service, *ingest(service))
    assert "reading" in strip_colours(error)
    assert "questions" in strip_colours(error)
    assert "reading" not in shown
    _, silent = show(service, *ingest(service), "--no-progress")
    assert silent == ""


def test_progress_is_silent_elsewhere_unless_it_is_asked_for(service: ServiceFolder) -> None:
    assert service.run(*ingest(service)).stderr == ""
    service.run("subscribe", "cy@demo.example", "benches", "--every", "immediate")
    service.run(*ingest(service), "--as-new")
    service.run("ingest", "--as-new", "records.jsonl")
    done = service.run("digest", "--progress")
    assert done.stdout.endswith("nothing to deliver\n")


def test_lines_of_progress_count_and_end(tmp_path: Path) -> None:
    """The last line of each task is written at once, however short it was."""
    service = ServiceFolder(tmp_path, QUIET)
    for name in ("ada", "bo", "cy"):
        service.run("subscribe", f"{name}@demo.example", "benches", "--every", "immediate")
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    with ledger.writing() as connection:
        new = QuestionReading(make_question(1, make_answer("Benches.")))
        record_readings(connection, [new], datetime.now(UTC), RecordingRules(as_new=True))
    TopicMatcher(ledger).match_new_changes()
    ledger.engine.dispose()
    done = service.run("digest", "--progress")
    assert done.stdout == "3 digests composed; 3 sent\n"
    assert done.stderr.splitlines() == [
        "composing digests: 3 of 3 digests",
        "sending: 3 of 3 messages",
    ]


def test_the_pages_of_a_crawl_are_counted(tmp_path: Path) -> None:
    with run_replica() as source:
        service = ServiceFolder(tmp_path, build_config(source.url))
        done = service.run("once", "--progress", "--json")
    lines = [json.loads(line)["progress"] for line in done.stderr.splitlines()]
    assert lines
    found = re.match(r"reading london: (\d+) of (\d+) pages", lines[-1])
    assert found is not None
    assert found[1] == found[2]
    assert int(found[1]) >= 30


def test_an_older_ledger_is_upgraded_step_by_step(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET, is_new=True)
    (tmp_path / "var").mkdir()
    load_sqlite(VERSIONS[0], tmp_path / "var" / "ledger.sqlite3")
    _, error = show(service, "topics", "list")
    pattern = re.compile(r"upgrading the ledger: (\d+) of (\d+) steps")
    steps = [pattern.fullmatch(line) for line in error.splitlines()]
    assert [int(step[1]) for step in steps if step] == list(range(1, len(steps) + 1))
    assert {int(step[2]) for step in steps if step} == {len(steps)}
    assert len(steps) >= 2
    assert show(service, "topics", "list")[1] == ""

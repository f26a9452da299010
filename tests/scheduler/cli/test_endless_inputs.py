"""Files without an end, or far longer than what they should be: one line says so."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.support.paths import WATCHWORD_COMMAND
from tests.support.samples import make_answer, make_question

pytestmark = pytest.mark.process

#: Ten times what the command takes for a short file is far more; all of these files are longer.
_MEMORY = 1_500_000_000


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a limit on its memory."""
    return subprocess.run(
        [str(WATCHWORD_COMMAND), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY)),
    )


def encode_record(number: int) -> bytes:
    return msgspec.json.encode(make_question(number, make_answer("Benches."))) + b"\n"


def test_a_page_without_an_end(tmp_path: Path) -> None:
    done = run(tmp_path, "parse", "/dev/zero")
    assert done.returncode == 65
    assert "/dev/zero: it has more than 5000000 bytes, which no page has" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_record_without_an_end(tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    with records.open("wb") as file:
        file.write(encode_record(1) + b'{"id": "')
        file.truncate(3_000_000_000)  # with a hole of zeros, which takes no room on the disk
    done = run(tmp_path, "parse", "records.jsonl")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert "records.jsonl:2: not a record: it has more than 10000000 bytes" in done.stderr


def test_records_have_no_limit_together(tmp_path: Path) -> None:
    one = encode_record(1)
    records = tmp_path / "records.jsonl"
    number = 6_000_000 // len(one)
    records.write_bytes(one * number)
    done = run(tmp_path, "parse", "records.jsonl")
    assert done.returncode == 0, done.stderr[-300:]
    assert len(done.stdout.splitlines()) == number


def test_a_query_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_bytes(encode_record(1))
    queries = tmp_path / "queries.txt"
    with queries.open("wb") as file:
        file.write(b"benches\n")
        file.truncate(3_000_000_000)
    done = run(tmp_path, "match", "queries.txt", "one.jsonl")
    assert "too long for a query; the rest is not read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_config_without_an_end(tmp_path: Path) -> None:
    done = run(tmp_path, "--config", "/dev/zero", "config")
    assert done.returncode == 78
    assert "/dev/zero: has more than 5000000 characters, which no config has" in done.stderr

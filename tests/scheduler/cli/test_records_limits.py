"""What `ingest` and `parse` say of input that no parser should be given."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.support.designs import build_page_2022
from tests.support.processor_time import assert_takes_less_than
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder, build_config

DEEP = "<table><tr><td>" * 50_000


@pytest.mark.slow
def test_a_deep_page_or_record_fails_alone(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, build_config("http://127.0.0.1:1"))
    (tmp_path / "deep.html").write_text(build_page_2022(DEEP))
    good, bad = make_question(1), make_question(2, make_answer("Yes.", html=DEEP))
    lines = b"\n".join(msgspec.json.encode(each) for each in (bad, good))
    (tmp_path / "records.jsonl").write_bytes(lines)
    (tmp_path / "null.jsonl").write_bytes(lines.splitlines()[1].replace(b"What", b"\\u0000What"))
    (tmp_path / "nested.jsonl").write_bytes(b'{"a":' * 5_000 + b"1" + b"}" * 5_000)
    names = ("deep.html", "nested.jsonl", "null.jsonl", "records.jsonl")
    with assert_takes_less_than(5):
        done = service.run("ingest", *names, expect=1)
    assert "nested more than 500 deep" in done.stderr
    assert "records.jsonl:1: not a record: its elements are nested" in done.stderr
    assert "nested.jsonl" in done.stderr
    assert "null.jsonl:1: not a record: it has null characters" in done.stderr
    assert "Traceback" not in done.stderr
    assert "1 " in done.stdout
    parsed = service.run("parse", *names, expect=1)
    assert parsed.stderr.count("nested more than 500 deep") == 2
    assert good.id in parsed.stdout


def test_a_file_of_another_kind_gets_a_few_lines_of_errors(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, build_config("http://127.0.0.1:1"))
    (tmp_path / "style.css").write_text("{\n" + "  color: red;\n" * 90 + "}\n")
    good = msgspec.json.encode(make_question(1))
    (tmp_path / "records.jsonl").write_bytes(b"\n".join([good, *[b"{}"] * 90, good]))
    done = service.run("parse", "style.css", expect=65)
    assert len(done.stderr.splitlines()) == 6
    assert "none of its first 5 lines is a record, so the rest is not read" in done.stderr
    among_others = service.run("parse", "records.jsonl", expect=1)
    assert among_others.stdout.count(make_question(1).id) >= 2  # the last line was read as well
    assert "the rest is not read" not in among_others.stderr

"""Each target takes random inputs for a moment, and a target that fails is found out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.formats import check_html, check_openmetrics, check_text_format, check_xml
from tests.fuzz.mutations import mutate
from tests.fuzz.runner import (
    MAX_SECONDS,
    CaseFailedError,
    FuzzTarget,
    run_target,
    run_targets,
)
from tests.fuzz.targets import open_targets

pytestmark = pytest.mark.slow


def test_every_reader_accepts_or_refuses_in_words(tmp_path: Path) -> None:
    with open_targets(tmp_path) as targets:
        reports = run_targets(targets, 12, 2026, tmp_path / "failures")
    assert [list(report.iter_failures()) for report in reports] == [[] for _ in targets]
    for report in reports:
        assert len(report.outcomes) > 1, f"{report.name} draws only one kind of input"


def crash(data: bytes) -> str:
    raise IndexError(len(data))


def refuse_without_a_word(data: bytes) -> str:
    raise CaseFailedError("refused without a word")


def loop(data: bytes) -> str:
    began = time.process_time()
    while time.process_time() - began < MAX_SECONDS + 0.1:
        pass
    return f"{len(data)} bytes"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (crash, "IndexError: 4"),
        (refuse_without_a_word, "refused without a word"),
        (loop, "s of processor time"),
    ],
)
def test_a_failure_is_reported_with_its_input(
    run: Callable[[bytes], str], reason: str, tmp_path: Path
) -> None:
    target = FuzzTarget("broken", lambda _chance: b"data", run)
    report = run_target(target, 0, 1, tmp_path)
    [failure] = report.iter_failures()
    assert reason in failure
    [path] = [path for paths in report.failures.values() for path in paths]
    assert path.read_bytes() == b"data"


def test_the_same_seed_draws_the_same_inputs() -> None:
    one, other = random.Random(5), random.Random(5)  # noqa: S311  # inputs, not secrets
    assert [mutate(one, b"<p>knife</p>") for _ in range(99)] == [
        mutate(other, b"<p>knife</p>") for _ in range(99)
    ]


def test_what_is_no_metrics_is_found() -> None:
    text = b"# TYPE a counter\n# HELP a Of it.\na_total 1\n"
    check_text_format(text)
    check_openmetrics(text + b"# EOF\n")
    for wrong, check in (
        (text, check_openmetrics),
        (b"", check_text_format),
        (b"a{b=1} x\n", check_text_format),
    ):
        with pytest.raises(CaseFailedError):
            check(wrong)


def test_what_is_no_xml_and_no_html_is_found() -> None:
    check_xml(b"<feed><title>a</title></feed>")
    check_html(b"<!doctype html><title>a</title><p>b")
    with pytest.raises(CaseFailedError):
        check_xml(b"<feed>\x00</feed>")
    with pytest.raises(CaseFailedError):
        check_html(b"<!doctype html><title>a</title><p>b</em>")


def test_what_the_first_input_loads_is_no_failure(tmp_path: Path) -> None:
    loaded: list[str] = []

    def load_once(data: bytes) -> str:
        if not loaded:
            loaded.append(loop(data))
        return "read"

    report = run_target(FuzzTarget("slow to load", lambda _: b"", load_once), 0, 1, tmp_path)
    assert not report.failures
    assert report.slowest < MAX_SECONDS

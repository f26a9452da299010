"""What commands answer: the same exit statuses for the same things, JSON where it is asked for."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
ADA = "ada@demo.example"


@pytest.fixture
def service(tmp_path: Path) -> ServiceFolder:
    return ServiceFolder(tmp_path, QUIET)


@pytest.mark.parametrize("limit", ["-3", "0", "1e3", "99999999999999999999"])
def test_a_limit_without_sense_is_wrong_usage(service: ServiceFolder, limit: str) -> None:
    service.run("search", "knife", "--limit", limit, expect=64)


def test_what_is_not_known_is_65_for_every_command(service: ServiceFolder) -> None:
    for command in (["thread", "2026/0003"], ["follow", ADA, "2026/0003"], ["approve", "paris"]):
        done = service.run(*command, expect=65)
        assert len(done.stderr.splitlines()) == 1


def test_nothing_to_approve_is_no_failure(service: ServiceFolder) -> None:
    assert service.run("approve").stdout.startswith("0 changes approved; ")
    assert service.run_json("reject", "--json")["rejected"] == 0


def test_changes_of_subscriptions_are_told_as_json(service: ServiceFolder) -> None:
    service.run("subscribe", ADA, "benches")
    for command, key in (("pause", "paused"), ("resume", "resumed"), ("unsubscribe", "ended")):
        assert service.run_json(command, ADA, "--json") == {"subscriber": ADA, key: 1}
    forgotten = service.run_json("forget", ADA, "--json")
    assert (forgotten["email"], forgotten["deleted"]) == (ADA, True)


def test_a_topic_is_named_as_it_was_typed(service: ServiceFolder) -> None:
    assert "is subscribed to police, daily" in service.run("subscribe", ADA, "police").stdout


def test_an_empty_archive_says_nothing_about_a_query(service: ServiceFolder) -> None:
    for command in (["subscribe", ADA, "violence"], ["preview", "violence"]):
        done = service.run(*command)
        shown = done.stdout + done.stderr
        assert "The archive is empty so far" in shown
        assert "Never used so far" not in shown


def test_a_benchmark_reads_the_peak_of_its_own_process() -> None:
    script = "from benchmarks.memory import read_peak_megabytes; print(read_peak_megabytes())"
    filled = bytearray(400 * 1024 * 1024)
    filled[:: resource.getpagesize()] = b"x" * len(range(0, len(filled), resource.getpagesize()))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert 0 < json.loads(done.stdout) < 200
    assert filled

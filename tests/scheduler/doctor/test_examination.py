"""A check that hangs or has a defect, and a config that cannot be used, stop nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from scheduler.clock import wall_clock
from scheduler.config import load_config
from scheduler.doctor import DnsLookup, Examination
from scheduler.doctor.examination import run_checks
from scheduler.doctor.report import CheckResult, ok
from tests.scheduler.doctor.conftest import ExaminedService


def test_a_check_that_hangs_and_one_with_a_defect(examined: ExaminedService) -> None:
    over = threading.Event()

    def hang(_: Examination) -> Iterator[CheckResult]:
        over.wait(20)
        yield ok("dns.hangs", "late")

    def fail(_: Examination) -> Iterator[CheckResult]:
        yield ok("dns.fails", "the first half")
        raise RuntimeError("on purpose")

    config = load_config(examined.service.folder / "config.toml")
    examination = Examination(config, wall_clock, DnsLookup(("127.0.0.1", examined.dns.port)))
    found = run_checks(examination, {"dns.hangs": hang, "dns.fails": fail}, seconds=0.2)
    over.set()
    assert [(one.check, one.state, one.detail) for one in found] == [
        ("dns.hangs", "failed", "it had not ended after 0 seconds"),
        ("dns.fails", "ok", "the first half"),
        ("dns.fails", "failed", "the check itself failed: RuntimeError: on purpose"),
    ]
    assert found[-1].advice == "please report this, with the log line"


@pytest.mark.process
def test_a_wrong_config_is_named_and_nothing_else_is_looked_at(examined: ExaminedService) -> None:
    examined.edit_config("port = ", "prot = ")
    done = examined.service.run("doctor", "--json", expect=78)
    first, *others = json.loads(done.stdout)["data"]["checks"]
    assert (first["check"], first["state"]) == ("config.read", "failed")
    assert "prot" in first["detail"]
    assert first["advice"].startswith("mend the line that it names")
    assert {one["state"] for one in others} == {"skipped"}
    examined.edit_config("prot = ", "port = ")
    assert examined.find("config.read").state == "ok"

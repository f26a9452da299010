"""``kill -9`` in any step, then run again: nothing is lost and nothing is sent twice.

The process is a real one. It is killed a moment after its log says that a step starts.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.service import (
    RunningReplica,
    ServiceFolder,
    build_config,
    count_sent_links,
    run_replica,
)
from tests.support.smtp_server import run_smtp_server

STEPS = ("crawl", "match", "publish", "compose", "deliver")
PEOPLE = 12


@pytest.fixture(scope="module")
def source() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


@pytest.fixture(scope="module")
def baseline(source: RunningReplica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a service after the first crawl; the source has new questions since."""
    service = ServiceFolder(
        tmp_path_factory.mktemp("baseline"), build_config(source.url, people=PEOPLE)
    )
    source.go_to_stage(0)
    service.run("once")
    assert service.emails == []
    source.go_to_stage(2)
    return service.folder


@pytest.fixture(scope="module")
def expected(
    source: RunningReplica, baseline: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Counter[str], int]:
    """What an uninterrupted run sends to each subscriber, and how many changes it records."""
    service = copy_service(baseline, tmp_path_factory.mktemp("uninterrupted"))
    service.run("once")
    sent = count_sent_links(service.emails)
    one = Counter({slug: n for (who, slug), n in sent.items() if who.startswith("reader0@")})
    assert one
    assert set(one.values()) == {1}
    return one, count_changes(service)


def copy_service(baseline: Path, folder: Path, extra: str = "") -> ServiceFolder:
    """Return another service in the state of the baseline."""
    shutil.copytree(baseline, folder, dirs_exist_ok=True)
    return ServiceFolder(folder, (baseline / "config.toml").read_text() + extra)


def count_changes(service: ServiceFolder) -> int:
    with sqlite3.connect(service.folder / "var" / "ledger.sqlite3") as ledger:
        count: int = ledger.execute("select count(*) from change").fetchone()[0]
    ledger.close()
    return count


def kill_in(
    service: ServiceFolder,
    step: str,
    delay: float,
    *options: str,
    wait: Callable[[], object] = lambda: None,
) -> bool:
    """Run ``once`` and kill it ``delay`` seconds after ``wait`` in a step.

    Return False if it ended before.
    """
    process = service.start("-vv", "once", *options)
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if ("crawl starts: " if step == "crawl" else f"a job starts: job={step}") in line:
                wait()
                time.sleep(delay)
                break
        process.kill()
        return process.wait() == -9


def wait_for_page(source: RunningReplica) -> None:
    """Wait until the crawl has begun to bring pages."""
    end = time.monotonic() + 30
    while not any("/find-an-answer/" in request for request in list(source.site.state.requests)):
        assert time.monotonic() < end, "the crawl brings nothing"
        time.sleep(0.01)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("delay", [0.0, 0.04])
def test_killed_in_a_step_and_run_again(
    source: RunningReplica,
    baseline: Path,
    tmp_path: Path,
    expected: tuple[Counter[str], int],
    step: str,
    delay: float,
) -> None:
    one, recorded = expected
    service = copy_service(baseline, tmp_path)
    source.site.state.requests.clear()
    wait = partial(wait_for_page, source) if step == STEPS[0] else lambda: None
    killed = kill_in(service, step, delay, wait=wait)
    assert killed or delay or step == STEPS[0]  # a fast machine may be done by then
    service.run("once")
    again = service.run_json("once", "--no-crawl", "--json")["pipeline"]
    assert (again["matches"], again["feeds"], again["digests"]) == (0, 0, 0)
    sent = count_sent_links(service.emails)
    assert sent == Counter(
        {(f"reader{n}@demo.example", slug): 1 for n in range(PEOPLE) for slug in one}
    )
    assert count_changes(service) == recorded


def test_killed_again_and_again_over_smtp(
    baseline: Path, tmp_path: Path, expected: tuple[Counter[str], int]
) -> None:
    """A message arrives twice, unchanged, only if the process died while handing it over."""
    one, _ = expected
    chance = random.Random(7)  # noqa: S311  # moments to kill at, not secrets
    with run_smtp_server() as server:
        server.on_dot = lambda: time.sleep(0.02)  # a window to be killed in
        extra = (
            '\n[mail]\nchannel = "smtp"\n[channels.smtp]\nhost = "127.0.0.1"\n'
            f'port = {server.port}\nsecurity = "none"\n'
        )
        service = copy_service(baseline, tmp_path, extra)
        assert kill_in(service, "deliver", 0.0)
        in_doubt = 0
        for _ in range(8):
            kill_in(service, "deliver", chance.uniform(0, 0.15), "--no-crawl")
            in_doubt += count_in_phase(service, "handing_over")
        service.run("once", "--no-crawl")
    copies: dict[str, set[bytes]] = {}
    for message, body in zip(server.parsed_messages, server.messages, strict=True):
        copies.setdefault(str(message["To"]), set()).add(body)
    assert sorted(copies) == sorted(f"reader{n}@demo.example" for n in range(PEOPLE))
    assert all(len(bodies) == 1 for bodies in copies.values())
    doubled = len(server.messages) - PEOPLE
    print(f"{doubled} of {PEOPLE} messages came twice, {in_doubt} were in doubt")  # noqa: T201
    assert doubled <= in_doubt
    assert count_in_phase(service, "sent") == PEOPLE
    assert one


def count_in_phase(service: ServiceFolder, phase: str) -> int:
    with sqlite3.connect(service.folder / "var" / "ledger.sqlite3") as ledger:
        count: int = ledger.execute(
            "select count(*) from message where phase = ?", (phase,)
        ).fetchone()[0]
    ledger.close()
    return count


def test_the_crawl_ends_with_its_parent(source: RunningReplica, tmp_path: Path) -> None:
    """A killed process leaves no crawler behind that still sends requests."""
    service = ServiceFolder(tmp_path, build_config(source.url).replace("0.01", "0.2"))
    source.go_to_stage(2)
    kill_in(service, "crawl", 1.5)
    assert source.requests
    time.sleep(1.0)
    _ = source.requests
    time.sleep(2.0)
    assert source.requests == []

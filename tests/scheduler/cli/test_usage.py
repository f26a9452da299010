"""Wrong usage: one line that says what is allowed, and what may have been meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.service import ServiceFolder

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
#: Today and this month, of which a program that runs at midnight has its own idea.
MONTH, DAY = r"20\d\d-\d\d", r"20\d\d-\d\d-\d\d"
HUGE = "9" * 30


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ServiceFolder:
    return ServiceFolder(tmp_path_factory.mktemp("usage"), QUIET)


@pytest.mark.parametrize("number", ["0", "-3", "10001", HUGE, "ten", "1e3", "2.5", ""])
@pytest.mark.parametrize("command", [["search", "x"], ["deliveries"], ["actions"]])
def test_a_number_out_of_bounds(service: ServiceFolder, command: list[str], number: str) -> None:
    done = service.run(*command, f"--limit={number}", expect=64)
    said = (
        f"watchword: Invalid value for '--limit': expected 1 to 10,000, got {number or 'nothing'}"
    )
    assert done.stderr.splitlines()[0] == said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["topics"], r"watchword: Missing command\."),
        (["backfill", "--months", "0"], "'--months': expected 1 to 1,200, got 0"),
        (["backfill", "--months", HUGE], f"expected 1 to 1,200, got {HUGE}"),
        (["backfill", "--since", "0001-01"], f"expected a month from 1990-01 to {MONTH}, got 0001"),
        (["backfill", "--since", "9999-12"], f"expected a month from 1990-01 to {MONTH}, got 9999"),
        (["backfill", "--since", "2020"], f"expected a month from 1990-01 to {MONTH}, got 2020"),
        (["suspended", "--resume", "--since", "2999-01-01"], f"from 2000-01-01 to {DAY}, got 2999"),
        (["suspended", "--resume", "--since", "yesterday"], "expected a day from 2000-01-01"),
        (["follow", "a@b.example", "x", "--overdue-after", "0"], "expected 1 to 3,650, got 0"),
        (["subscribe", "a@b.example", "x", "--hour", "24"], "expected 0 to 23, got 24"),
        (["subscribe", "a@b.example", "x", "--hour", "-1"], "expected 0 to 23, got -1"),
        (["subscribe", "a@b.example", "x", "--every", "dayly"], "'dayly' is not one of"),
        (["demo", "--port", "65536"], "expected 0 to 65,535, got 65536"),
    ],
)
def test_what_is_allowed_is_said(service: ServiceFolder, arguments: list[str], says: str) -> None:
    done = service.run(*arguments, expect=64)
    assert re.search(says, done.stderr.splitlines()[0])
    assert done.stderr.splitlines()[-1] == f"Try 'watchword {arguments[0]} --help' for help."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["saerch", "x"], "No such command 'saerch'. Did you mean 'search'?"),
        (["subscriptons"], "'subscriptions'"),
        (["search", "--limt", "3", "x"], "No such option '--limt'. Did you mean '--limit'?"),
        (["topics", "publsh", "x"], "Did you mean 'publish'?"),
    ],
)
def test_the_near_one_is_suggested(service: ServiceFolder, arguments: list[str], says: str) -> None:
    assert says in service.run(*arguments, expect=64).stderr.splitlines()[0]


@pytest.mark.parametrize("command", ["approve", "reject", "backfill"])
def test_a_source_is_suggested(service: ServiceFolder, command: str) -> None:
    [line] = service.run(command, "lndon", expect=65).stderr.splitlines()
    assert line == ("watchword: there is no source 'lndon' in the config; did you mean london?")
    [line] = service.run(command, "paris", expect=65).stderr.splitlines()
    assert line.endswith("there is no source 'paris' in the config; there are: london")


def test_the_program_alone_shows_a_few_commands(service: ServiceFolder) -> None:
    shown = service.run().stdout
    assert len(shown.splitlines()) < 16
    for command in ("demo", "subscribe", "once", "run", "status", "search"):
        assert f"\n  {command} " in shown
    assert "watchword --help" in shown
    assert "Missing command" in service.run("-v", expect=64).stderr


def test_the_versions_for_a_report(service: ServiceFolder) -> None:
    first, *others = service.run("--version").stdout.splitlines()
    assert first.startswith("watchword ")
    named = {line.split(" ")[0] for line in others}
    assert named >= {"Python", "SQLite", "Scrapy", "SQLAlchemy", "click", "Linux"}


@pytest.mark.parametrize(
    ("number", "noun"), [(0, "0 subscriptions"), (1, "1 subscription"), (2, "2 subscriptions")]
)
def test_plurals(tmp_path: Path, number: int, noun: str) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    for query in ("benches", "trams")[:number]:
        service.run("subscribe", "ada@demo.example", query)
    done = service.run("pause", "ada@demo.example", expect=None)
    assert done.stdout == f"{noun} of ada@demo.example paused\n"

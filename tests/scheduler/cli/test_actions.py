"""Commands that change something are in the log of actions, without anybody's address."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from scheduler.cli.options import RecordedCommand
from tests.scheduler.cli.test_help import COMMANDS, load
from tests.support.service import ServiceFolder

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
#: Commands that show what is there.
READING = {
    *(
        "subscriptions",
        "preview",
        "search",
        "explain",
        "match",
        "parse",
        "schema",
        "thread",
        "plan",
    ),
    *("dns", "doctor", "status", "approvals", "actions", "config", "topics list", "secrets list"),
}
#: Commands that a timer runs; the demo, which has a ledger of its own; `init`, before there is one.
JOBS = {"init", "run", "serve", "work", "schedule", "once", "digest", "bounces", "demo"}


def list_commands() -> Iterator[tuple[str, click.Command]]:
    """Each command with its name, ``topics publish``."""
    for name in COMMANDS:
        command = load(name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", one) for inner, one in command.commands.items())
        else:
            yield name, command


@pytest.fixture
def service(tmp_path: Path) -> ServiceFolder:
    return ServiceFolder(tmp_path, QUIET)


def test_each_command_reads_or_is_a_job_or_is_recorded() -> None:
    """A new command has to be one of them."""
    commands = dict(list_commands())
    recorded = {name for name, one in commands.items() if isinstance(one, RecordedCommand)}
    assert recorded | READING | JOBS == set(commands)
    assert not recorded & (READING | JOBS)


@pytest.mark.slow
def test_commands_are_recorded_with_who_when_and_what(service: ServiceFolder) -> None:
    service.run("subscribe", "ada@demo.example", "benches")
    service.run("pause", "ada@demo.example")
    service.run("approve", "london")
    service.run("takedown", "london:/questions/1", "--reason", "x", expect=None)
    service.run("takedown")
    service.run("forget", "--dry-run", "ada@demo.example")
    service.run("forget", "Ada@demo.example")
    service.run("subscriptions")
    done = [line.split("\t") for line in service.run("actions").stdout.splitlines()]
    user = pwd.getpwuid(os.getuid()).pw_name
    assert {line[1].partition(" (sudo")[0] for line in done} == {f"command by {user}"}
    assert all(line[0].endswith("UTC") for line in done)
    what = [tuple(line[2:]) for line in reversed(done)]
    ada = what[0][1]
    assert ada.startswith("address ")
    assert what == [
        ("subscribe", ada),
        ("pause", ada),
        ("approve", "london"),
        ("takedown", "london:/questions/1"),
        ("forget", ada),
    ]
    assert len(service.run("actions", "--about", "ada@demo.example").stdout.splitlines()) == 3
    assert service.run("actions", "--about", "bo@demo.example").stdout == ""
    assert "ada@" not in service.run("actions", "--json").stdout


def test_no_token_is_recorded(service: ServiceFolder) -> None:
    service.run("subscribe", "ada@demo.example", "benches")
    service.run("unsubscribe", "a-token-from-an-unsubscribe-email", expect=1)
    assert "the owner of a token" in service.run("actions").stdout
    assert "a-token" not in service.run("actions").stdout


@pytest.mark.slow
def test_a_backup_is_recorded_with_its_target(service: ServiceFolder, tmp_path: Path) -> None:
    target = tmp_path / "b@ckups"
    service.run("backup", "b@ckups")
    service.run("backup", "s3://key:swordfish@bucket/w", expect=64)
    service.run("backup", "s3://bucket.invalid/w", expect=None)  # whatever becomes of it
    shown = service.run("actions").stdout
    assert f"backup\t{target}" in shown
    assert "swordfish" not in shown
    assert len(service.run("actions", "--about", str(target)).stdout.splitlines()) == 1
    assert service.run("actions", "--about", str(tmp_path / "others")).stdout == ""

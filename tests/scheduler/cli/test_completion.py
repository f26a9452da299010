"""Completion in bash, zsh and fish, as docs/reference/command-line.md describes it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY, WATCHWORD_COMMAND
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process

QUIET = (
    '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n[[topics]]\nquery = "benches"\n'
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ServiceFolder:
    made = ServiceFolder(tmp_path_factory.mktemp("completion"), QUIET)
    made.run("once", "--no-crawl")
    return made


def call(folder: Path, instruction: str, **variables: str) -> str:
    """Run the program as a shell does that completes; return what it prints."""
    return subprocess.run(
        [str(WATCHWORD_COMMAND)],
        cwd=folder,
        env={**os.environ, "_WATCHWORD_COMPLETE": instruction, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout


def complete(service: ServiceFolder, line: str) -> list[str]:
    """Return what bash offers for the last word of a line."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    printed = call(
        service.folder,
        "bash_complete",
        COMP_WORDS=shlex.join(words),
        COMP_CWORD=str(len(words) - 1),
    )
    return [found.partition(",")[2] for found in printed.split()]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("watchword subs", ["subscribe", "subscriptions"]),
        ("watchword topics p", ["publish"]),
        ("watchword subscribe a@b.example x --every d", ["daily"]),
        ("watchword subscribe a@b.example x --detail ", ["full", "titles"]),
        ("watchword search --lim", ["--limit"]),
        ("watchword approve ", ["london"]),
        ("watchword backfill l", ["london"]),
        ("watchword topics hide b", ["benches"]),
        ("watchword topics hide z", []),
        ("watchword --config missing.toml approve ", []),
    ],
)
def test_what_is_offered(service: ServiceFolder, line: str, offered: list[str]) -> None:
    assert complete(service, line) == offered


def test_completing_makes_no_ledger(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET, is_new=True)
    assert complete(service, "watchword topics hide ") == []
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script_and_its_line(service: ServiceFolder, shell: str) -> None:
    script = call(service.folder, f"{shell}_source")
    assert f"_WATCHWORD_COMPLETE={shell}_complete" in script
    page = (REPOSITORY / "docs" / "reference" / "command-line.md").read_text()
    assert re.search(rf"^\| {shell} \| .*_WATCHWORD_COMPLETE={shell}_source", page, re.MULTILINE)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_script(service: ServiceFolder, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = service.folder / f"complete.{shell}"
    script.write_text(call(service.folder, f"{shell}_source"))
    subprocess.run([shell, "-n", str(script)], check=True, capture_output=True, timeout=60)

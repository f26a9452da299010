"""The tutorial is true: its commands are run as they stand, from the installation on."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.console_blocks import list_commands, run_commands
from tests.support.paths import REPOSITORY


def list_needed() -> list[str]:
    """Return what an installation takes from the checkout, and the tutorial."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    named = ("LICENSE", "README.md", "pyproject.toml", "docs/tutorial")
    return [*named, *wheel["packages"], *wheel["force-include"]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for name in list_needed():
        source, target = REPOSITORY / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def link_libraries(folder: Path) -> Path:
    """Make a folder with the libraries that are installed here, without Watchword itself."""
    [installed] = [path for path in sys.path if path.endswith("site-packages")]
    folder.mkdir()
    for entry in Path(installed).iterdir():
        if not entry.name.startswith(("watchword", "_watchword", "pip", "alerts", "crawler")):
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(400)  # an installation, which waits for a busy machine
def test_every_command_of_the_tutorial_prints_what_is_shown(checkout: Path, tmp_path: Path) -> None:
    """The libraries come from this environment; everything else is as for a newcomer."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(link_libraries(tmp_path / "libraries")),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads 0 as: without isolation
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    commands = list(list_commands((checkout / "docs/tutorial/first-alerts.md").read_text()))
    assert len(commands) > 10
    for command, (status, printed) in zip(
        commands, run_commands(commands, checkout, environment), strict=True
    ):
        assert status == 0, f"{command.command}\n{printed}"
        assert command.matches(printed), f"{command.command}\n{printed}"
    assert (checkout / ".venv" / "bin" / "watchword").is_file()

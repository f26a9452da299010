"""The wheel holds everything that the checkout does, and works when it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = "-m pip wheel --quiet --no-deps --no-build-isolation --disable-pip-version-check"
    subprocess.run(
        [sys.executable, *command.split(), "--wheel-dir", str(folder), str(REPOSITORY)],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_what_is_needed_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].removesuffix(f"-{VERSION}.dist-info") for name in names} == {
        "crawler",
        "alerts",
        "scheduler",
        "watchword",
    }
    for wanted in (
        "alerts/queries/query.lark",
        "alerts/language/locale/cy/LC_MESSAGES/watchword.po",
        "alerts/templates/mail/digest.html",
        "alerts/templates/replica/question.html",
        "alerts/templates/demo/index.html",
        "alerts/ledger/migrations/versions/0001_the_first_schema.py",
        "alerts/web/static/htmx-2.0.10.min.js",
        "alerts/web/static/htmx-LICENSE.txt",
        "crawler/reading/people.toml",
        "crawler/replica/demo.toml",
        "crawler/replica/inventions.toml",
        "scheduler/config.example.toml",
    ):
        assert wanted in names


def test_the_installed_command_works_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own that borrows our libraries, and with no checkout in sight."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=True)
    [site] = (home / "lib").glob("python3*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    [ours] = [p for p in sys.path if p.endswith("site-packages")]
    # Not a .pth file: ours would bring the editable install, and with it the checkout.
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for entry in Path(ours).iterdir():
        if "watchword" not in entry.name and entry.name not in {"alerts", "crawler", "scheduler"}:
            (libraries / entry.name).symlink_to(entry)
    (site / "libraries.pth").write_text(f"{libraries}\n")
    start = "import sys, scheduler.cli; sys.exit(scheduler.cli.main())"
    place = "import scheduler; print(scheduler.__file__)"
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def python(*arguments: str) -> str:
        return subprocess.check_output(
            [str(home / "bin" / "python"), "-P", *arguments], cwd=folder, env=environment, text=True
        )

    assert python("-c", place).startswith(str(home))
    summary = json.loads(python("-c", start, "demo", "--once", "--out", "shown"))
    assert summary["total"]["sent"] == len(summary["mails"]) > 0

"""`watchword init --system`: by root, with the folders of a machine that is made for the test."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.process

#: A Python that every user may run.
PYTHON = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
UNSHARE, USERADD = shutil.which("unshare"), Path("/usr/sbin/useradd")
ANSWERS = ("--public-url", "https://watch.example.org", "--from", "alerts@example.org")
#: What the real machine has stays as it is: its folders are hidden by those of the test.
SCRIPT = """
set -e
mount --bind "$1/etc" /etc
mount --bind "$1/lib" /var/lib
mount --bind "$1/opt" /opt
cd /
shift
exec "$@"
"""

if os.geteuid() or not (UNSHARE and PYTHON.exists() and USERADD.exists()):
    pytest.skip("it needs root, unshare, useradd and the system's Python", allow_module_level=True)


def remove_service(etc: Path) -> None:
    """Remove what the real machine has of the service, if somebody has installed it there."""
    shutil.rmtree(etc / "watchword", ignore_errors=True)
    for unit in (etc / "systemd" / "system").glob("**/watchword*"):
        unit.unlink()
    for name in ("passwd", "shadow", "group", "gshadow"):
        lines = (etc / name).read_text().splitlines(keepends=True)
        kept = "".join(line for line in lines if not line.startswith("watchword:"))
        (etc / name).write_text(kept)


class Machine:
    """The folders /etc, /var/lib and /opt of a machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lib").mkdir()
        (folder / "opt").mkdir()
        shutil.copytree("/etc", folder / "etc", symlinks=True)
        remove_service(folder / "etc")
        program = folder / "opt" / "watchword"
        program.write_text(f"#!{PYTHON}\nfrom scheduler.cli import main\nmain()\n")
        program.chmod(0o755)

    def run(self, *command: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """A command on the machine, by root."""
        assert UNSHARE is not None
        packages = os.pathsep.join((str(REPOSITORY), sysconfig.get_paths()["purelib"]))
        done = subprocess.run(
            [UNSHARE, "--mount", "sh", "-c", SCRIPT, "sh", str(self.folder), *command],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": packages},
        )
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def list_files(self, name: str) -> dict[str, tuple[str, int]]:
        """What is in a folder, with owner and permissions."""
        users = {
            int(line.split(":")[2]): line.split(":")[0]
            for line in (self.folder / "etc" / "passwd").read_text().splitlines()
        }
        folder = self.folder / name
        found = [folder, *folder.rglob("*")]
        return {
            str(path.relative_to(self.folder)): (
                users[path.stat().st_uid],
                stat.S_IMODE(path.stat().st_mode),
            )
            for path in found
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_root_makes_a_whole_service_with_one_command(machine: Machine) -> None:
    done = machine.run("/opt/watchword", "init", "--system", *ANSWERS, "--json")
    data = json.loads(done.stdout)["data"]
    assert data["config"] == "/etc/watchword/config.toml"
    assert data["next"][1] == "systemctl enable --now watchword watchword-backup.timer"
    own = "watchword"
    assert machine.list_files("etc/watchword") == {
        "etc/watchword": (own, 0o750),
        "etc/watchword/Caddyfile": (own, 0o644),
        "etc/watchword/config.toml": (own, 0o600),
        "etc/watchword/secrets": (own, 0o700),
        "etc/watchword/secrets/dkim.pem": (own, 0o600),
        "etc/watchword/secrets/operator-password": (own, 0o600),
    }
    assert machine.list_files("lib/watchword") == {"lib/watchword": (own, 0o750)}
    units = machine.folder / "etc" / "systemd" / "system"
    for name, command in (("watchword", "run"), ("watchword-backup", "backup")):
        text = (units / f"{name}.service").read_text()
        assert re.search(rf"^ExecStart=/opt/watchword {command} ", text, re.MULTILINE)
        assert "User=watchword\n" in text
        assert (units / f"{name}.service").stat().st_uid == 0
    assert (units / "watchword-backup.timer").exists()
    # It works: the user of the service makes the ledger, and backups are expected.
    as_user = ("runuser", "-u", "watchword", "--", "/opt/watchword")
    config = ("--config", "/etc/watchword/config.toml")
    machine.run(*as_user, "once", "--no-crawl", *config)
    shown = machine.run(*as_user, "status", *config, expect=75).stdout
    assert "no backup has been made yet" in shown
    assert machine.list_files("lib/watchword")["lib/watchword/ledger.sqlite3"][0] == own


def test_what_is_there_is_left_alone(machine: Machine) -> None:
    machine.run("/opt/watchword", "init", "--system", *ANSWERS)
    config = machine.folder / "etc" / "watchword" / "config.toml"
    before = config.read_bytes()
    done = machine.run("/opt/watchword", "init", "--system", "--yes", expect=78)
    assert "/etc/watchword/config.toml is there already: nothing was changed" in done.stderr
    assert config.read_bytes() == before
    machine.run("/opt/watchword", "init", "--system", *ANSWERS, "--replace")
    assert config.with_name("config.toml.former").read_bytes() == before


@pytest.mark.parametrize(
    ("command", "why", "status"),
    [
        (("runuser", "-u", "nobody", "--"), "only root may make a service", 78),
        ((), "--system has its own folders", 64),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_made(
    machine: Machine, command: tuple[str, ...], why: str, status: int
) -> None:
    options = () if command else ("--folder", "here")
    done = machine.run(
        *command, "/opt/watchword", "init", "--system", "--yes", *options, expect=status
    )
    assert why in done.stderr
    assert not (machine.folder / "etc" / "watchword").exists()


def test_a_program_in_a_closed_folder_is_named(machine: Machine) -> None:
    (machine.folder / "opt" / "closed").mkdir(mode=0o700)
    program = machine.folder / "opt" / "closed" / "watchword"
    shutil.copy(machine.folder / "opt" / "watchword", program)
    done = machine.run("/opt/closed/watchword", "init", "--system", "--yes", expect=78)
    assert "/opt/closed is closed to the user watchword" in done.stderr
    assert "watchword" not in (machine.folder / "etc" / "passwd").read_text()

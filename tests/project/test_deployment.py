"""The files of docs/deployment name commands, options, files and queues that exist."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from alerts.errors import ExitStatus
from scheduler.cluster import QUEUES
from scheduler.cluster.roles import STOP_SECONDS
from scheduler.daemon import GRACE_SECONDS
from tests.support.deployment import DEPLOYMENT, load_deployed, parse_command
from tests.support.paths import REPOSITORY

_UNITS = sorted(DEPLOYMENT.glob("*.service"))
_TIMERS = sorted(DEPLOYMENT.glob("*.timer"))
#: The units whose names do not end in the command that they start.
_COMMANDS = {"watchword.service": "run"}
#: Units that end by themselves.
_ONE_SHOTS = {"watchword-once.service", "watchword-backup.service"}
_CONFIGURATION = (REPOSITORY / "docs" / "reference" / "configuration.md").read_text()
_ANALYZE = shutil.which("systemd-analyze")
#: What systemd puts for the specifiers and variables of our units.
_FILLED_IN = {"%i": "8080", "${QUEUES}": ",".join(QUEUES), "${CONCURRENCY}": "2"}


def read_unit(unit: Path) -> dict[str, str]:
    """Return the last value of each key of ``[Service]``."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys are case-sensitive
    parser.read(unit)
    return dict(parser["Service"])


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    line = read_unit(unit)["ExecStart"]
    for name, value in _FILLED_IN.items():
        line = line.replace(name, value)
    program, *arguments = shlex.split(line)
    assert Path(program).name == "watchword"
    assert arguments[0] == _COMMANDS.get(unit.name, re.split(r"[-@.]", unit.name)[1])
    parse_command(arguments)


@pytest.mark.parametrize(
    "unit", [unit for unit in _UNITS if unit.name not in _ONE_SHOTS], ids=lambda unit: unit.name
)
def test_a_unit_outlasts_the_database_and_waits_for_jobs(unit: Path) -> None:
    """Status 0 is no reason to stay down: a worker may leave with it after a restart."""
    service = read_unit(unit)
    assert service["Restart"] == "always"
    jobs_take = GRACE_SECONDS if unit.name in _COMMANDS else STOP_SECONDS
    assert int(service["TimeoutStopSec"]) > jobs_take
    assert int(service["WatchdogSec"]) > load_deployed("cluster.toml").cluster.stalled_seconds


@pytest.mark.parametrize("timer", _TIMERS, ids=lambda timer: timer.name)
def test_a_timer_starts_a_unit_that_ends(timer: Path) -> None:
    unit = timer.with_suffix(".service")
    assert unit.name in _ONE_SHOTS
    assert read_unit(unit)["Type"] == "oneshot"


def test_the_unit_of_backups_may_write_where_they_are_kept_and_in_the_ledger() -> None:
    service = read_unit(DEPLOYMENT / "watchword-backup.service")
    target = parse_command(shlex.split(service["ExecStart"])[1:]).params["target"]
    assert str(target) == f"/var/lib/{service['StateDirectory']}"
    of_service = read_unit(DEPLOYMENT / "watchword.service")
    assert service["ReadWritePaths"] == of_service["WorkingDirectory"]
    assert service["ProtectSystem"] == "strict"
    assert (service["StateDirectoryMode"], service["UMask"]) == ("0700", "0077")


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.name)
def test_the_credentials_of_a_unit_are_secrets_of_the_config(unit: Path) -> None:
    """systemd leaves out a credential that is not there, only where it stands without a path."""
    sections = dict(
        re.findall(r"^### `\[(.+)\]`\n((?:(?!###).*\n)*)", _CONFIGURATION, re.MULTILINE)
    )
    lines = re.findall(r"^LoadCredential=(.+)$", unit.read_text(), re.MULTILINE)
    assert lines
    for line in lines:
        section, key = line.partition(":")[0].rsplit(".", 1)
        row = rf"^\| `{key}` \| (may hold a )?secret"
        assert re.search(row, sections[section], re.MULTILINE), line


@pytest.mark.skipif(_ANALYZE is None, reason="systemd is not installed")
@pytest.mark.process
@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.name)
def test_a_unit_may_do_little(unit: Path) -> None:
    done = subprocess.run(
        [str(_ANALYZE), "security", "--offline=true", "--threshold=25", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.skipif(_ANALYZE is None, reason="systemd is not installed")
@pytest.mark.process
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    names = []
    for unit in (*_UNITS, *_TIMERS):
        text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
        names.append(tmp_path / unit.name.replace("@", "@8080"))
        names[-1].write_text(text)
    done = subprocess.run(
        [str(_ANALYZE), "verify", "--man=no", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, told) == (ExitStatus.OK, [])


def test_the_unit_of_a_worker_takes_every_queue() -> None:
    unit = (DEPLOYMENT / "watchword-work@.service").read_text()
    named = re.search(r"^Environment=QUEUES=(\S+)", unit, re.MULTILINE)
    assert named is not None
    assert set(named[1].split(",")) == set(QUEUES)


@pytest.mark.parametrize("name", ["cluster.toml", "containers.toml"])
def test_a_config_loads_and_shares_what_all_processes_need(name: str) -> None:
    config = load_deployed(name)
    assert config.ledger.url.reveal().startswith("postgresql://")
    assert config.mail.channel == "smtp"


def test_nothing_that_processes_share_is_on_one_machine() -> None:
    config = load_deployed("cluster.toml")
    for folder in (config.ledger.sent_log, config.feeds.path, config.archive.path):
        assert str(folder).startswith("s3://")


def test_a_document_links_to_every_file() -> None:
    folders = [REPOSITORY / "docs" / name for name in ("explanation", "how-to")]
    documents = "".join(path.read_text() for folder in folders for path in folder.glob("*.md"))
    for path in DEPLOYMENT.iterdir():
        assert f"deployment/{path.name}" in documents, path.name


def test_the_matrix_of_the_forge_has_the_supported_versions() -> None:
    yaml = pytest.importorskip("yaml", reason="the environment is older than the lock: make check")
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == classified
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
            for target in re.findall(r"make ([a-z-]+)", step.get("run", "")):
                assert f"\n{target}:" in (REPOSITORY / "Makefile").read_text()


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.name)
def test_no_unit_forbids_what_a_crawl_over_tls_needs(unit: Path) -> None:
    """cffi, under pyOpenSSL, takes memory that is written and executed for its callbacks."""
    assert read_unit(unit).get("MemoryDenyWriteExecute", "no") == "no"

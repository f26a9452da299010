"""The files of docs/deployment name commands, options, files and queues that exist."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from alerts.errors import ExitStatus
from scheduler.cli.group import watchword
from scheduler.cluster import QUEUES
from scheduler.cluster.roles import STOP_SECONDS
from scheduler.config import Config, load_config
from scheduler.daemon import GRACE_SECONDS
from tests.support.paths import REPOSITORY

_FOLDER = REPOSITORY / "docs" / "deployment"
_UNITS = sorted(_FOLDER.glob("*.service"))
_TIMERS = sorted(_FOLDER.glob("*.timer"))
#: The units whose names do not end in the command that they start.
_COMMANDS = {"watchword.service": "run"}
#: Units that end by themselves.
_ONE_SHOTS = {"watchword-once.service", "watchword-backup.service"}
_CONFIGURATION = (REPOSITORY / "docs" / "reference" / "configuration.md").read_text()
_ANALYZE = shutil.which("systemd-analyze")
#: What systemd puts for the specifiers and variables of our units.
_FILLED_IN = {"%i": "8080", "${QUEUES}": ",".join(QUEUES), "${CONCURRENCY}": "2"}


@pytest.fixture(scope="module")
def compose() -> Any:
    """The compose file."""
    yaml = pytest.importorskip("yaml", reason="the environment is older than the lock: make check")
    return yaml.safe_load((_FOLDER / "compose.yaml").read_text())


def parse_command(arguments: list[str]) -> click.Context:
    """Return what a command line means; a wrong one raises ``click.UsageError``."""
    name, *more = arguments
    above = click.Context(watchword, info_name="watchword")
    command = watchword.get_command(above, name)
    assert command is not None, f"there is no command {name}"
    return command.make_context(name, more, parent=above)


def read_unit(unit: Path) -> dict[str, str]:
    """Return the last value of each key of ``[Service]``."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys are case-sensitive
    parser.read(unit)
    return dict(parser["Service"])


def load(name: str) -> Config:
    """Load a config of the folder."""
    return load_config(_FOLDER / name)


def list_commands(compose: Any) -> Iterator[list[str]]:
    """The command lines of all containers of ours."""
    for service in compose["services"].values():
        if service.get("image") == "watchword":
            yield service["command"]


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
    assert int(service["WatchdogSec"]) > load("cluster.toml").cluster.stalled_seconds


@pytest.mark.parametrize("timer", _TIMERS, ids=lambda timer: timer.name)
def test_a_timer_starts_a_unit_that_ends(timer: Path) -> None:
    unit = timer.with_suffix(".service")
    assert unit.name in _ONE_SHOTS
    assert read_unit(unit)["Type"] == "oneshot"


def test_the_unit_of_backups_may_write_where_they_are_kept_and_in_the_ledger() -> None:
    service = read_unit(_FOLDER / "watchword-backup.service")
    target = parse_command(shlex.split(service["ExecStart"])[1:]).params["target"]
    assert str(target) == f"/var/lib/{service['StateDirectory']}"
    assert service["ReadWritePaths"] == read_unit(_FOLDER / "watchword.service")["WorkingDirectory"]
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
    unit = (_FOLDER / "watchword-work@.service").read_text()
    named = re.search(r"^Environment=QUEUES=(\S+)", unit, re.MULTILINE)
    assert named is not None
    assert set(named[1].split(",")) == set(QUEUES)


def test_containers_run_commands_that_exist_and_take_every_queue(compose: Any) -> None:
    found = [parse_command(arguments) for arguments in list_commands(compose)]
    assert {one.info_name for one in found} == {"schedule", "work", "serve"}
    queues = [one.params["queues"] for one in found if one.info_name == "work"]
    assert sorted(",".join(queues).split(",")) == sorted(QUEUES)


def test_only_containers_with_pages_are_asked_for_one(compose: Any) -> None:
    for service in compose["services"].values():
        if service.get("image") == "watchword":
            is_off = service.get("healthcheck", {}).get("disable", False)
            assert is_off is (service["command"][0] in {"schedule", "work"})


def test_one_container_does_everything_on_one_machine() -> None:
    yaml = pytest.importorskip("yaml", reason="the environment is older than the lock: make check")
    compose = yaml.safe_load((_FOLDER / "compose-one-machine.yaml").read_text())
    assert set(compose["services"]) == {"database", "mail", "watchword"}
    service = compose["services"]["watchword"]
    assert parse_command(service["command"]).info_name == "run"
    assert int(service["stop_grace_period"].rstrip("s")) > GRACE_SECONDS
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    for volume in service["volumes"]:
        source, _, place = volume.partition(":")
        assert source in compose["volumes"] or (_FOLDER / source).exists()
        assert Path(place.removesuffix(":ro")).is_absolute()
    web = load("containers.toml").web
    assert web.host != "127.0.0.1"  # that of the container alone
    assert service["ports"] == [f"127.0.0.1:8080:{web.port}"]


def list_copied_files() -> list[str]:
    """What the image copies from the checkout."""
    text = (_FOLDER / "Dockerfile").read_text()
    return " ".join(re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE)).split()


def test_the_image_holds_what_the_wheel_is_made_of() -> None:
    """Hatchling fails on a file to include that is not there."""
    wheel = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wanted = [*wheel["targets"]["wheel"]["packages"], *wheel["targets"]["wheel"]["force-include"]]
    copied = re.findall(
        r"^COPY (?!--)(.*) \S+$", (_FOLDER / "Dockerfile").read_text(), re.MULTILINE
    )
    folders = tuple(" ".join(copied).split())
    assert [name for name in wanted if not any(Path(name).is_relative_to(f) for f in folders)] == []


def test_containers_find_their_files_and_wait_for_jobs(compose: Any) -> None:
    build = compose["x-watchword"]["build"]
    assert (_FOLDER / build["context"] / build["dockerfile"]).exists()
    assert int(compose["x-watchword"]["stop_grace_period"].rstrip("s")) > STOP_SECONDS
    mounted = re.findall(r"- \./(\S+):/", (_FOLDER / "compose.yaml").read_text())
    made = {"pgbouncer-users.txt"}  # by the operator, with passwords
    assert {name for name in mounted if not (_FOLDER / name).exists()} == made


def test_the_image_copies_what_exists() -> None:
    copied = re.findall(
        r"^COPY (?!--)(.*) \S+$", (_FOLDER / "Dockerfile").read_text(), re.MULTILINE
    )
    for name in " ".join(copied).split():
        assert (REPOSITORY / name).exists(), name


@pytest.mark.parametrize("name", ["cluster.toml", "containers.toml"])
def test_a_config_loads_and_shares_what_all_processes_need(name: str) -> None:
    config = load(name)
    assert config.ledger.url.reveal().startswith("postgresql://")
    assert config.mail.channel == "smtp"


def test_nothing_that_processes_share_is_on_one_machine() -> None:
    config = load("cluster.toml")
    for folder in (config.ledger.sent_log, config.feeds.path, config.archive.path):
        assert str(folder).startswith("s3://")


def test_a_document_links_to_every_file() -> None:
    folders = [REPOSITORY / "docs" / name for name in ("explanation", "how-to")]
    documents = "".join(path.read_text() for folder in folders for path in folder.glob("*.md"))
    for path in _FOLDER.iterdir():
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

"""The Dockerfile and the compose files name what exists, and start what works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.ledger import open_ledger
from scheduler.cluster import QUEUES
from scheduler.cluster.roles import STOP_SECONDS
from scheduler.daemon import GRACE_SECONDS
from tests.support.deployment import DEPLOYMENT, load_deployed, parse_command
from tests.support.empty_ledger import place_empty_ledger
from tests.support.paths import REPOSITORY
from tests.support.web_client import run_web_client


@pytest.fixture(scope="module")
def compose() -> Any:
    """The compose file."""
    yaml = pytest.importorskip("yaml", reason="the environment is older than the lock: make check")
    return yaml.safe_load((DEPLOYMENT / "compose.yaml").read_text())


def list_commands(compose: Any) -> Iterator[list[str]]:
    """The command lines of all containers of ours."""
    for service in compose["services"].values():
        if service.get("image") == "watchword":
            yield service["command"]


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
    compose = yaml.safe_load((DEPLOYMENT / "compose-one-machine.yaml").read_text())
    assert set(compose["services"]) == {"database", "mail", "watchword"}
    service = compose["services"]["watchword"]
    assert parse_command(service["command"]).info_name == "run"
    assert int(service["stop_grace_period"].rstrip("s")) > GRACE_SECONDS
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    for volume in service["volumes"]:
        source, _, place = volume.partition(":")
        assert source in compose["volumes"] or (DEPLOYMENT / source).exists()
        assert Path(place.removesuffix(":ro")).is_absolute()
    web = load_deployed("containers.toml").web
    assert web.host != "127.0.0.1"  # that of the container alone
    assert service["ports"] == [f"127.0.0.1:8080:{web.port}"]


def test_containers_find_their_files_and_wait_for_jobs(compose: Any) -> None:
    build = compose["x-watchword"]["build"]
    assert (DEPLOYMENT / build["context"] / build["dockerfile"]).exists()
    assert int(compose["x-watchword"]["stop_grace_period"].rstrip("s")) > STOP_SECONDS
    mounted = re.findall(r"- \./(\S+):/", (DEPLOYMENT / "compose.yaml").read_text())
    made = {"pgbouncer-users.txt"}  # by the operator, with passwords
    assert {name for name in mounted if not (DEPLOYMENT / name).exists()} == made


@pytest.mark.parametrize("name", ["compose.yaml", "compose-one-machine.yaml"])
def test_the_service_takes_the_secrets_that_a_container_is_given(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = pytest.importorskip("yaml", reason="the environment is older than the lock: make check")
    services = yaml.safe_load((DEPLOYMENT / name).read_text())["services"].values()
    [given] = {
        tuple(one["environment"].items()) for one in services if one.get("image") == "watchword"
    }
    for variable, value in given:
        monkeypatch.setenv(variable, value.replace("${DATABASE_PASSWORD:?}", "secret"))
    ours = {variable for variable, _ in given if variable.startswith("WATCHWORD_")}
    assert ours == {"WATCHWORD_LEDGER_URL"}
    url = load_deployed("containers.toml").ledger.url.reveal()
    assert url == "postgresql://watchword:secret@database/watchword"


def read_dockerfile() -> dict[str, list[str]]:
    """The arguments of each instruction of the Dockerfile, by its name."""
    text = re.sub(r" *\\\n *", " ", (DEPLOYMENT / "Dockerfile").read_text())
    found: dict[str, list[str]] = {}
    for name, arguments in re.findall(r"^([A-Z]+) (.+)$", text, re.MULTILINE):
        found.setdefault(name, []).append(arguments)
    return found


def list_copied_files() -> list[str]:
    """What the image copies from the checkout."""
    copied = [line.split()[:-1] for line in read_dockerfile()["COPY"] if line[0] != "-"]
    return [name for names in copied for name in names]


def test_the_image_holds_what_the_wheel_is_made_of() -> None:
    """Hatchling fails on a file to include that is not there."""
    wheel = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wanted = [*wheel["targets"]["wheel"]["packages"], *wheel["targets"]["wheel"]["force-include"]]
    folders = list_copied_files()
    assert [name for name in wanted if not any(Path(name).is_relative_to(f) for f in folders)] == []


def test_the_image_copies_what_exists() -> None:
    for name in list_copied_files():
        assert (REPOSITORY / name).exists(), name


def test_the_image_installs_extras_that_exist_and_starts_a_command_that_exists() -> None:
    image = read_dockerfile()
    [extras] = re.findall(r"pip install .*'\.\[(.+)\]'", "\n".join(image["RUN"]))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert list(project["scripts"]) == json.loads(image["ENTRYPOINT"][-1])
    assert parse_command(json.loads(image["CMD"][-1])).info_name == "run"


def test_the_user_of_the_image_is_not_root_and_has_the_folder_of_its_volume() -> None:
    image = read_dockerfile()
    [made] = [line for line in image["RUN"] if "useradd" in line]
    [user] = image["USER"]
    assert f"useradd --system --uid {user} " in made
    assert int(user) > 0
    assert f"install -d -o watchword -g watchword {image['WORKDIR'][-1]}" in made
    assert f"state:{image['WORKDIR'][-1]}\n" in (DEPLOYMENT / "compose.yaml").read_text()


@pytest.mark.process
def test_the_health_check_of_the_image_tells_whether_a_process_answers(
    now: datetime, tmp_path: Path
) -> None:
    [line] = read_dockerfile()["HEALTHCHECK"]
    _, *arguments = json.loads(line.partition("CMD ")[2])
    usual = f":{load_deployed('containers.toml').web.port}/"
    assert usual in arguments[-1]

    def check(port: str) -> int:
        command = [*arguments[:-1], arguments[-1].replace(usual, f":{port}/")]
        done = subprocess.run([sys.executable, *command], stderr=subprocess.DEVNULL, check=False)
        return done.returncode

    ledger = open_ledger(place_empty_ledger(tmp_path / "ledger.sqlite3"))
    with run_web_client(ledger, now, tmp_path / "feeds") as client:
        port = client.url.rpartition(":")[2]
        assert check(port) == 0
    ledger.engine.dispose()
    assert check(port) == 1

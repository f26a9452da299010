"""The unit and the proxy's config that `watchword init` fills in."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scheduler.setup.deployment_files import (
    PROXY_NAME,
    UNIT_NAME,
    ServicePlace,
    fill_proxy,
    fill_unit,
    read_deployment_file,
)

AT_HOME = ServicePlace(
    program=Path("/home/ada/.local/bin/watchword"),
    config=Path("/home/ada/my $watch/config.toml"),
    data=Path("/home/ada/my $watch/100%"),
    user="ada",
    group="staff",
)
ELSEWHERE = ServicePlace(
    program=Path("/opt/watchword/bin/watchword"),
    config=Path("/etc/watchword/config.toml"),
    data=Path("/srv/watchword"),
    user="watchword",
    group="watchword",
)


def read_values(unit: str) -> dict[str, str]:
    """The keys of a unit that are set once."""
    return dict(re.findall(r"^([A-Za-z]+)=(.*)$", unit, re.MULTILINE))


def test_the_unit_starts_the_service_where_it_is() -> None:
    values = read_values(fill_unit(read_deployment_file(UNIT_NAME), ELSEWHERE))
    command = "/opt/watchword/bin/watchword run --config /etc/watchword/config.toml"
    assert values["ExecStart"] == command
    assert (values["User"], values["Group"]) == ("watchword", "watchword")
    assert values["WorkingDirectory"] == values["ReadWritePaths"] == "/srv/watchword"
    assert values["ProtectHome"] == "yes"
    assert not values.keys() & {"StateDirectory", "StateDirectoryMode"}


def test_the_unit_lets_a_service_in_a_home_be_read_and_quotes_its_paths() -> None:
    values = read_values(fill_unit(read_deployment_file(UNIT_NAME), AT_HOME))
    assert values["ProtectHome"] == "read-only"
    assert values["ExecStart"].endswith('--config "/home/ada/my $$watch/config.toml"')
    assert values["WorkingDirectory"] == "/home/ada/my $watch/100%%"
    assert values["ReadWritePaths"] == '"/home/ada/my $watch/100%%"'


@pytest.mark.process
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    if (command := shutil.which("systemd-analyze")) is None:
        pytest.skip("needs systemd-analyze (Debian: apt-get install systemd)")
    place = ServicePlace(Path("/bin/true"), tmp_path / "a b.toml", tmp_path, "root", "root")
    unit = tmp_path / UNIT_NAME
    unit.write_text(fill_unit(read_deployment_file(UNIT_NAME), place))
    checked = subprocess.run(
        (command, "verify", "--man=no", str(unit)), capture_output=True, check=False, text=True
    )
    assert [line for line in checked.stderr.splitlines() if UNIT_NAME in line] == []


def test_a_unit_without_a_key_that_is_filled_in_is_refused() -> None:
    unit = read_deployment_file(UNIT_NAME).replace("ProtectHome=yes\n", "")
    with pytest.raises(ValueError, match="ProtectHome"):
        fill_unit(unit, ELSEWHERE)


@pytest.mark.parametrize(
    ("public_url", "site"),
    [
        ("https://alerts.example.net", "alerts.example.net"),
        ("https://bürger.example:8443", "xn--brger-kva.example:8443"),
    ],
)
def test_the_proxy_serves_the_public_name_and_asks_the_port(public_url: str, site: str) -> None:
    text = fill_proxy(read_deployment_file(PROXY_NAME), public_url, 9000)
    assert f"\n{site} {{\n" in text
    assert "reverse_proxy 127.0.0.1:9000" in text
    assert "watch.example.org" not in text

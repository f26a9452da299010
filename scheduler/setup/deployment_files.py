"""The unit and the proxy's config of a new service, from those that the documentation explains."""

from __future__ import annotations

import grp
import os
import pwd
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

UNIT_NAME = "watchword.service"
PROXY_NAME = "Caddyfile"
DEPLOYMENT_NAMES = (UNIT_NAME, PROXY_NAME)

#: The first line of the proxy's config that is no comment: the name of the pages.
_SITE = re.compile(r"^[^\s#]+ \{\n", re.MULTILINE)
#: Where the pages are in the proxy's config of the documentation.
_EXAMPLE_UPSTREAM = "127.0.0.1:8080"
#: The program in the units of the documentation.
_EXAMPLE_PROGRAM = "/opt/watchword/bin/watchword"
#: Folders that ``ProtectHome=yes`` hides (systemd.exec).
_HOMES = ("/home", "/root", "/run/user")


@dataclass(frozen=True)
class ServicePlace:
    """Where a service is on this machine. All paths are absolute."""

    program: Path  #: the command ``watchword``
    config: Path
    data: Path  #: the folder that it writes into
    user: str
    group: str

    @property
    def has_home(self) -> bool:
        """Whether a part of it is in somebody's home."""
        paths = (self.program, self.config, self.data)
        return any(path.is_relative_to(home) for path in paths for home in _HOMES)


def build_deployment_files(place: ServicePlace, public_url: str, port: int) -> dict[str, str]:
    """Return the files that start a service and put TLS before its pages, by their name."""
    return {
        UNIT_NAME: fill_unit(read_deployment_file(UNIT_NAME), place),
        PROXY_NAME: fill_proxy(read_deployment_file(PROXY_NAME), public_url, port),
    }


def find_place(program: Path, config: Path, data: Path) -> ServicePlace:
    """Return the place of a service that runs as the user of this process."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    # The link that a tool such as pipx makes stays as it is when the version behind it changes.
    return ServicePlace(program.absolute(), config.absolute(), data.absolute(), user, group)


def read_deployment_file(name: str) -> str:
    """Return a file of ``docs/deployment``: from inside the wheel, else from the checkout."""
    installed = Path(__file__).parents[1] / "deployment"
    folder = installed if installed.is_dir() else Path(__file__).parents[2] / "docs" / "deployment"
    return (folder / name).read_text("utf-8")


def fill_unit(unit: str, place: ServicePlace) -> str:
    """Return the unit for a service at its place.

    Raises:
        ValueError: The unit lacks a key that is to be filled in.
    """
    command = f"{_quote(place.program)} run --config {_quote(place.config)}"
    values = {
        "ExecStart": command.replace("$", "$$"),  # it is expanded there, and nowhere else
        "User": place.user,
        "Group": place.group,
        "WorkingDirectory": _escape(place.data),
        "ProtectHome": "read-only" if place.has_home else "yes",
    }
    for key, value in values.items():
        unit = _replace_line(unit, key, f"{key}={value}")
    # The folder of the data is made by init: systemd makes none of its own.
    unit = _replace_line(unit, "StateDirectory", f"ReadWritePaths={_quote(place.data)}")
    unit = _replace_line(unit, "StateDirectoryMode", None)
    return f"# Made by watchword init for {place.config}.\n{unit[unit.index('[Unit]') :]}"


def fill_program(unit: str, program: Path) -> str:
    """Return a unit of the documentation with the path of the program; timers stay as they are."""
    called = _quote(program.absolute()).replace("$", "$$")
    return unit.replace(f"ExecStart={_EXAMPLE_PROGRAM} ", f"ExecStart={called} ")


def fill_proxy(caddyfile: str, public_url: str, port: int) -> str:
    """Return the proxy's config for the address and the port of the pages.

    Args:
        caddyfile: That of the documentation.
        public_url: ``https://watch.example.org``.
        port: Of the pages on this machine.

    Raises:
        ValueError: It has no site, or asks another port.
    """
    parts = urlsplit(public_url)
    site = (parts.hostname or "").encode("idna").decode()
    if parts.port:
        site += f":{parts.port}"
    block = _SITE.search(caddyfile)
    if block is None or _EXAMPLE_UPSTREAM not in caddyfile:
        raise ValueError(f"the Caddyfile has no site that asks {_EXAMPLE_UPSTREAM}")
    filled = caddyfile[block.end() :].replace(_EXAMPLE_UPSTREAM, f"127.0.0.1:{port}")
    return f"# Made by watchword init for {public_url}.\n{site} {{\n{filled}"


def _replace_line(unit: str, key: str, line: str | None) -> str:
    """Put a line in the place of the one that sets a key, or leave that out."""
    pattern = re.compile(rf"^{key}=.*\n", re.MULTILINE)
    if len(pattern.findall(unit)) != 1:
        raise ValueError(f"the unit does not set {key} once")
    return pattern.sub(lambda _: "" if line is None else f"{line}\n", unit)


def _escape(path: Path) -> str:
    """Write a path for systemd, which expands ``%`` (systemd.unit)."""
    return str(path).replace("%", "%%")


def _quote(path: Path) -> str:
    """Write a path as one word of a command or of a list of paths (systemd.syntax)."""
    escaped = _escape(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if re.search(r"[\s'\"\\;]", escaped) else escaped

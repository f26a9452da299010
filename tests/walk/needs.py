"""What the walk needs on this machine, and the files that it fetches before it begins."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPOSITORY
from tests.walk.command import run_here
from tests.walk.machine import build_base, fetch_packages

#: Program → Debian package that has it.
_PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "dpkg-deb": "dpkg",
    "curl": "curl",
}
#: What the operator installs from Debian.
PACKAGES = ("caddy", "pipx", "postfix")
#: pipx brings these up to date by itself.
_OF_PIPX = ("pip", "setuptools", "wheel")
#: Debian's. Wheels are made here for it.
_PYTHON = (3, 11)


@dataclass(frozen=True)
class Supplies:
    """What is there when the walk begins."""

    base: Path  #: an installation of Debian, with the packages of the operator in its cache
    wheels: Path  #: all that pip installs
    service: Path  #: the wheel of the service
    fetch_seconds: float  #: that fetching took: an operator waits for it too

    @property
    def caddy_package(self) -> Path:
        """Debian's package of Caddy."""
        return next((self.base / "var/cache/apt/archives").glob("caddy_*.deb"))


def list_missing() -> list[str]:
    """Return what is missing here, each with what to do; nothing where the walk can be made."""
    missing = []
    if os.geteuid() != 0:
        missing.append("root: it makes a container and a network (sudo make walk)")
    wanted = [package for name, package in _PROGRAMS.items() if shutil.which(name) is None]
    if wanted:
        missing.append(f"programs (Debian: apt-get install {' '.join(wanted)})")
    if sys.version_info[:2] != _PYTHON:
        missing.append("Python 3.11, which Debian 12 has (make walk PYTHON=python3.11)")
    return missing


def fetch_supplies(folder: Path) -> Supplies:
    """Fetch what is not in a folder yet, and build the wheel of the service anew."""
    folder.mkdir(parents=True, exist_ok=True)
    base, wheels, dist = folder / "debian", folder / "wheels", folder / "dist"
    build_base(base)
    shutil.rmtree(dist, ignore_errors=True)
    _run_pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={dist}", str(REPOSITORY))
    service = next(dist.glob("watchword-*.whl"))
    timer, began = folder / "seconds", time.monotonic()
    # What is to be installed depends on the dependencies of the service alone.
    if (
        not timer.exists()
        or timer.stat().st_mtime < (REPOSITORY / "pyproject.toml").stat().st_mtime
    ):
        fetch_packages(base, PACKAGES)
        shutil.rmtree(wheels, ignore_errors=True)
        _run_pip("wheel", f"--wheel-dir={wheels}", str(service), *_OF_PIPX)
        next(wheels.glob("watchword-*.whl")).unlink()
        timer.write_text(f"{time.monotonic() - began:.0f}")
    return Supplies(base, wheels, service, float(timer.read_text()))


def _run_pip(*arguments: str) -> None:
    run_here(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)

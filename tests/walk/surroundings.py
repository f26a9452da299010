"""The pretended Internet: started, given names, and used to look at the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPOSITORY
from tests.walk.command import run_here
from tests.walk.network import HOST_NAME, MACHINE_ADDRESS, OUTSIDE_ADDRESS, RESOLVER, enter_outside
from tests.walk.outside import ZONE_NAME

#: What has an address before the operator publishes anything. A name has two labels more than its
#: address backwards.
_FIRST_NAMES = f"""\
$TTL 60
www.london.gov.uk. A {OUTSIDE_ADDRESS}
acme-v02.api.letsencrypt.org. A {OUTSIDE_ADDRESS}
{HOST_NAME}. A {MACHINE_ADDRESS}
{HOST_NAME}. MX 10 {HOST_NAME}.
{".".join(reversed(MACHINE_ADDRESS.split(".")))}.in-addr.arpa. PTR {HOST_NAME}.
"""
_ASK_OUTSIDE = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
#: Caddy makes its authority when it starts, within a second.
_MAX_START_SECONDS = 30


@dataclass(frozen=True)
class Surroundings:
    """The pretended Internet while it runs."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate of the authority that everybody trusts."""
        return self.folder / ".local/share/caddy/pki/authorities/local/root.crt"

    def publish(self, records: str) -> None:
        """Add names, as lines of a zone file."""
        zone = self.folder / ZONE_NAME
        fresh = zone.with_suffix(".new")
        fresh.write_text(zone.read_text() + records)
        fresh.rename(zone)

    def list_texts(self, name: str) -> list[str]:
        """Return the lines of the zone that begin with a name."""
        lines = (self.folder / ZONE_NAME).read_text().splitlines()
        return [line for line in lines if line.startswith(f"{name} ")]

    def fetch(self, path: str) -> str:
        """Return what a stranger gets at an address of the service, with its status and headers."""
        there = f"{HOST_NAME}:443:{MACHINE_ADDRESS}"
        curl = ("curl", "--silent", "--show-error", "--include", "--max-time", "30")
        trust = ("--cacert", str(self.authority), "--resolve", there)
        return run_here(*enter_outside(), *curl, *trust, f"https://{HOST_NAME}{path}")


@contextmanager
def open_surroundings(folder: Path, caddy_package: Path) -> Iterator[Surroundings]:
    """Run the pretended Internet while the context is open.

    Args:
        folder: An empty folder for its files.
        caddy_package: Debian's package of Caddy.
    """
    run_here("dpkg-deb", "--extract", str(caddy_package), str(folder / "caddy"))
    (folder / ZONE_NAME).write_text(_FIRST_NAMES)
    surroundings = Surroundings(folder)
    (folder / "resolv.conf").write_text(RESOLVER)
    # Its authority must find the operator's names, so it must not ask this machine's resolver.
    names = ("unshare", "--mount", "/bin/sh", "-c", _ASK_OUTSIDE, str(folder / "resolv.conf"))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            (*enter_outside(), *names, sys.executable, "-m", "tests.walk.outside", str(folder)),
            stdout=log,
            stderr=log,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
    try:
        deadline = time.monotonic() + _MAX_START_SECONDS
        while not surroundings.authority.exists():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"the outside has not started: see {folder / 'log'}")
            time.sleep(0.2)
        yield surroundings
    finally:
        process.terminate()
        process.wait()

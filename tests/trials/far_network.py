"""A network of its own for a worker, whose links to the database and the mail server can be cut.

A link that is cut drops what is sent and says nothing, as a broken switch does: connections stay
half open. It needs Linux and root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: Links of the worker, with the third number of the network's addresses: 10.177.1.0/30.
_LINKS = {"database": 1, "mail": 2}
_IP = "ip"


@dataclass(frozen=True)
class FarNetwork:
    """The network of a worker that is elsewhere."""

    name: str

    @property
    def before(self) -> tuple[str, ...]:
        """The command that starts another one in the network."""
        return (_IP, "netns", "exec", self.name)

    @staticmethod
    def get_address(link: str) -> str:
        """The address of this side of a link, where servers are to listen."""
        return f"10.177.{_LINKS[link]}.1"

    def cut(self, link: str) -> None:
        """Drop all that is sent over a link, both ways, without a reply."""
        _run(_IP, "link", "set", f"{self.name}{_LINKS[link]}", "down")

    def mend(self, link: str) -> None:
        """Let a link carry again."""
        _run(_IP, "link", "set", f"{self.name}{_LINKS[link]}", "up")


def find_hindrance() -> str | None:
    """Return why there can be no such network here; None if there can."""
    if os.geteuid() != 0:
        return "networks of their own need root"
    if shutil.which(_IP) is None:
        return "networks of their own need ip (Debian: apt-get install iproute2)"
    name = f"wwprobe{os.getpid() % 1000}"
    command = (_IP, "netns", "add", name)
    made = subprocess.run(command, capture_output=True, check=False, text=True)
    if made.returncode:
        return f"networks of their own are not allowed here: {made.stderr.strip()}"
    _run(_IP, "netns", "del", name)
    return None


@contextmanager
def make_far_network() -> Iterator[FarNetwork]:
    """Yield a network with two links to this one; it is gone afterwards."""
    network = FarNetwork(f"wwfar{os.getpid() % 1000}")
    _run(_IP, "netns", "add", network.name)
    try:
        _run(_IP, "-n", network.name, "link", "set", "lo", "up")
        for number in _LINKS.values():
            _add_link(network.name, f"{network.name}{number}", f"10.177.{number}")
        yield network
    finally:
        _run(_IP, "netns", "del", network.name)  # with its ends of the links, and so both ends


def _add_link(name: str, near: str, prefix: str) -> None:
    far = f"{near}f"
    _run(_IP, "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
    _run(_IP, "address", "add", f"{prefix}.1/30", "dev", near)
    _run(_IP, "-n", name, "address", "add", f"{prefix}.2/30", "dev", far)
    _run(_IP, "link", "set", near, "up")
    _run(_IP, "-n", name, "link", "set", far, "up")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)

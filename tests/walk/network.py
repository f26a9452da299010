"""The machine's only network: a link to a namespace that stands for the rest of the world."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.walk.command import run_here

MACHINE_NAMESPACE = "ww-walk-machine"
OUTSIDE_NAMESPACE = "ww-walk-outside"
#: Addresses that are nobody's (RFC 5737).
OUTSIDE_ADDRESS = "198.51.100.1"
MACHINE_ADDRESS = "198.51.100.2"
#: What a machine that asks the outside for names has in /etc/resolv.conf.
RESOLVER = f"nameserver {OUTSIDE_ADDRESS}\n"
#: The machine, for everybody.
HOST_NAME = "watch.example.org"


@contextmanager
def open_network() -> Iterator[None]:
    """Make both ends of the link while the context is open."""
    _remove()
    try:
        for name in (MACHINE_NAMESPACE, OUTSIDE_NAMESPACE):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        outside = ("eth0", "netns", OUTSIDE_NAMESPACE)
        machine = ("eth0", "netns", MACHINE_NAMESPACE)
        _ip("link", "add", *outside, "type", "veth", "peer", "name", *machine)
        for name, address in (
            (OUTSIDE_NAMESPACE, OUTSIDE_ADDRESS),
            (MACHINE_NAMESPACE, MACHINE_ADDRESS),
        ):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        yield
    finally:
        _remove()


def enter_outside() -> tuple[str, ...]:
    """Return the command that starts another one outside the machine."""
    return ("nsenter", f"--net=/run/netns/{OUTSIDE_NAMESPACE}")


def _remove() -> None:
    for name in (MACHINE_NAMESPACE, OUTSIDE_NAMESPACE):
        with suppress(RuntimeError):
            _ip("netns", "del", name)


def _ip(*arguments: str) -> None:
    run_here("ip", *arguments)

"""From which IP address the service's emails reach other servers."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import msgspec

from scheduler.config import Config

#: One of the root servers of DNS: an address that is routed everywhere. Nothing is sent to it.
_FAR_AWAY = ("198.41.0.4", 53)


class SendingHost(msgspec.Struct, frozen=True):
    """From where emails go out."""

    ip: str | None  #: None where it is not known here
    reason: str = ""  #: why it is not known


def find_sending_host(config: Config, given: str | None) -> SendingHost:
    """Return from which address emails reach other servers.

    It is known where the relay is on this machine and this machine has a public address.

    Args:
        config: The config.
        given: What the operator says; None for nothing.
    """
    if given is not None:
        return SendingHost(given)
    host = getattr(config.channels[config.mail.channel], "host", None)
    if host is None:
        return SendingHost(None, f"the channel {config.mail.channel} sends nothing to others")
    if not _is_this_machine(host):
        return SendingHost(None, f"{host} sends them on; --sending-ip names its address")
    ip = _find_outgoing_ip()
    if ip is None or not ip_address(ip).is_global:
        return SendingHost(None, "this machine has no public address; --sending-ip names one")
    return SendingHost(ip)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return host == socket.getfqdn()


def _find_outgoing_ip() -> str | None:
    """Return the address from which this machine reaches others; None without a route."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_FAR_AWAY)
            return str(probe.getsockname()[0])
    except OSError:
        return None

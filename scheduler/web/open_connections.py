"""The open connections of a server: how many there may be, and which one makes room for another.

A client that neither reads nor asks costs nothing to itself, so it can open as many connections as
the server accepts. A new connection beyond a limit is therefore accepted as long as another one
waits for its client: that one is closed, from the network that has the most.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

from alerts.limits import name_network
from scheduler.web.http_limits import HttpLimits

#: Seconds that a connection must have waited for its client before it is closed for another one. A
#: request arrives within a few round trips of its connection, each of 0.3 s at most.
_MIN_STALL_SECONDS = 1.0
_UNNAMED = ""


class Connection(Protocol):
    """What is counted."""

    @property
    def waiting_since(self) -> float | None:
        """When it began to wait for its client (monotonic time); None while it does not."""

    def abort(self) -> None:
        """Close it at once."""


class OpenConnections:
    """Counts the connections of one server by the network of their client.

    Args:
        limits: how many there may be.
        proxies: addresses and networks of proxies. A proxy's connections are those of many clients,
            so only the limit of all counts for it. ``*`` stands for every address.
        ticks: a clock in seconds.
    """

    def __init__(
        self,
        limits: HttpLimits,
        proxies: Sequence[str] = (),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._ticks = limits, ticks
        self._is_all_proxies = "*" in proxies
        self._proxies = [_parse_network(one) for one in proxies if one != "*"]
        self._networks: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._total = 0

    def admit(self, connection: Connection, host: str) -> bool:
        """Count a new connection; close one that waits for its client where there are too many.

        Args:
            connection: the new one.
            host: the address of its client; "" where it has none.

        Returns:
            False if there are too many and all are being answered; then it is not counted.
        """
        network = name_network(host) if host else _UNNAMED
        mine = self._networks.get(network, {})
        if len(mine) >= self._limits.max_for_network and not self._is_proxy(host):
            if not self._close_one([mine]):
                return False
        elif self._total >= self._limits.max_connections and not self._close_one(self._by_size()):
            return False
        self._networks[network][connection] = None
        self._total += 1
        return True

    def discard(self, connection: Connection, host: str) -> None:
        """Forget a connection that is closed."""
        network = name_network(host) if host else _UNNAMED
        mine = self._networks.get(network, {})
        if connection in mine:
            del mine[connection]
            self._total -= 1
            if not mine:
                del self._networks[network]

    def abort_all(self) -> None:
        """Close all connections at once."""
        for connections in list(self._networks.values()):
            for one in list(connections):
                one.abort()

    def _by_size(self) -> list[dict[Connection, None]]:
        return sorted(self._networks.values(), key=len, reverse=True)

    def _close_one(self, networks: Iterable[dict[Connection, None]]) -> bool:
        """Close the connection that has waited longest, in the first network that has one."""
        latest = self._ticks() - _MIN_STALL_SECONDS
        for connections in networks:
            waiting = [
                (one.waiting_since, place, one)
                for place, one in enumerate(connections)
                if one.waiting_since is not None and one.waiting_since <= latest
            ]
            if waiting:
                min(waiting)[2].abort()
                return True
        return False

    def _is_proxy(self, host: str) -> bool:
        if self._is_all_proxies:
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(network is not None and address in network for network in self._proxies)


def _parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """Return an address or a network; None for a name, which no connection comes from."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None

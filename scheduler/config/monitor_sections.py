"""The sections of what is shown to monitors. Pure; see :mod:`scheduler.config.sections`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from alerts.secret import Secret
from scheduler.config.section import ConfigSection, check_password


class MetricsSection(ConfigSection, frozen=True):
    """``[metrics]``: who may read ``/metrics``; without a key there is no such page."""

    #: what a monitor sends as ``Authorization: Bearer ...``; at least 16 characters
    token: Secret | None = None
    #: networks that may ask, like ``10.0.0.0/8`` and ``::1/128``; with a token, both are needed
    networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_password("token", self.token)
        for written in self.networks:
            try:
                ip_network(written)
            except ValueError as error:
                raise ValueError(f"networks: {error}; write one like 10.0.0.0/8") from error

    @property
    def known_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks that may ask."""
        return tuple(ip_network(written) for written in self.networks)

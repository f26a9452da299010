"""The sections of what is shown to monitors. Pure; see :mod:`scheduler.config.sections`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from alerts.secret import Secret, SecretAddress
from scheduler.config.fields import IntervalMinutes
from scheduler.config.section import ConfigSection, check_password


class LogSection(ConfigSection, frozen=True):
    """``[log]``: the log lines on standard error."""

    #: ``console`` for people, or ``json``: one object a line; ``--log-json`` is the same
    format: Literal["console", "json"] = "console"


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


class PingSection(ConfigSection, frozen=True):
    """``[ping]``: a dead man's switch, such as healthchecks, which notices when pings stop."""

    #: pinged after rounds, and with the exit status of ``watchword once``
    round: SecretAddress | None = None
    #: pinged before and after each crawl; ``{source}`` stands for the name of the source
    crawl: SecretAddress | None = None
    #: the time between two pings after rounds while nothing changes
    round_minutes: IntervalMinutes = 5
    #: the size of the last log lines that are sent along; healthchecks keeps 10 or 100
    body_kilobytes: Annotated[float, Meta(ge=0.1, le=100)] = 10

    @property
    def is_used(self) -> bool:
        """Whether anything is pinged."""
        return self.round is not None or self.crawl is not None

    def __post_init__(self) -> None:
        for key, address in (("round", self.round), ("crawl", self.crawl)):
            if address is None:
                continue
            parts = urlsplit(address.reveal())
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError(f"{key}: expected a URL like https://hc-ping.com/... ({address})")

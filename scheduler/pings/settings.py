"""What pings need of the config."""

from __future__ import annotations

from typing import Protocol

from alerts.secret import SecretAddress


class PingSettings(Protocol):
    """The section ``[ping]``."""

    @property
    def round(self) -> SecretAddress | None:
        """The check of rounds."""

    @property
    def crawl(self) -> SecretAddress | None:
        """The check of crawls, perhaps with ``{source}`` in it."""

    @property
    def round_minutes(self) -> float:
        """The time between two pings of rounds while nothing changes."""

    @property
    def body_kilobytes(self) -> float:
        """The most that is sent of the log."""

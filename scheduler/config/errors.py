"""The error of a config that cannot be used."""

from __future__ import annotations

from alerts.errors import ExitStatus, WatchwordError


class ConfigError(WatchwordError):
    """The config cannot be used; the message names the file, the key, and what to write."""

    exit_status = ExitStatus.CONFIG

"""Logs: one line an event on standard error, for a person or (``--log-json``) for a machine."""

from __future__ import annotations

import logging
import sys


def configure(level: int = logging.WARNING, *, as_json: bool = False) -> None:
    """Send our log lines, and those of the libraries from WARNING on, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        from pythonjsonlogger.json import JsonFormatter

        handler.setFormatter(
            JsonFormatter(
                "{levelname}{name}{message}",
                style="{",
                timestamp="ts",
                rename_fields={"levelname": "level", "name": "logger", "message": "event"},
            )
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("watchword").setLevel(level)

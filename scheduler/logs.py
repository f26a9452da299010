"""Logging: one line per event on standard error, as text or (``--log-json``) as JSON."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from alerts.refusals import mask_addresses


class _TextLines(logging.Formatter):
    """Lines, and the stacks below them, without whom email addresses name."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Logs are kept when subscribers are not, and who reads them may vary."""
        return mask_addresses(super().format(record))


class _JsonLines(JsonFormatter):
    """The same as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return mask_addresses(super().format(record))


def configure(level: int = logging.WARNING, *, as_json: bool = False) -> None:
    """Send log lines to standard error: ours from ``level`` on, libraries' from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonLines(
            "{levelname}{name}{message}",
            style="{",
            timestamp="ts",
            rename_fields={"levelname": "level", "name": "logger", "message": "event"},
        )
        if as_json
        else _TextLines("%(asctime)s %(message)s", "%H:%M:%S")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("watchword").setLevel(level)
    # It warns when a job still runs at its next time, which is no fault: the job runs later.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # It logs the errors that it raises, with their stack: ours says in a line what follows.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

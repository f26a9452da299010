"""Log lines on standard error: for people, or as JSON (``--log-json``, ``[log] format``).

Our own events hold no secrets. What libraries and servers say may quote one, in log lines, errors
and tracebacks, so whatever this process prints there passes :mod:`scheduler.redaction`.
"""

from __future__ import annotations

import logging

from alerts.refusals import mask_addresses
from crawler.event_log import LogFormat, Redaction, configure_logging
from scheduler.pings import RECENT_LINES
from scheduler.redaction import redact_line

#: The package of the engine of a cluster.
_ENGINE = "procrastinate"


def keep_recent_lines() -> None:
    """Keep the last lines from INFO on for pings, also where fewer are shown."""
    logger = logging.getLogger("watchword")
    [shown] = logging.getLogger().handlers
    shown.setLevel(logger.level)
    logger.setLevel(min(logger.level, logging.INFO))
    RECENT_LINES.filters = list(shown.filters)
    RECENT_LINES.setFormatter(shown.formatter)
    logger.addHandler(RECENT_LINES)


def configure(level: int = logging.WARNING, *, as_json: bool = False) -> None:
    """Send log lines to standard error: ours from ``level`` on, libraries' from WARNING on."""
    log_format: LogFormat = "json" if as_json else "console"
    configure_logging(log_format, (_shorten_engine_error, Redaction(_redact)), level)
    # It warns when a job still runs at its next time, which is no fault: the job runs later.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # It logs the errors that it raises, with their stack: ours says in a line what follows.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


def _shorten_engine_error(record: logging.LogRecord) -> bool:
    """Tell an error of the engine of a cluster in a line, with its cause.

    Each restart of the database would fill the log with stacks of the engine's own connections.
    """
    error = record.exc_info[1] if record.exc_info else None
    if error and (record.name.startswith(_ENGINE) or type(error).__module__.startswith(_ENGINE)):
        cause = error.__cause__ or error
        record.msg, record.args = " ".join(f"{record.getMessage()}: {cause}".split()), None
        record.exc_info = None
        if hasattr(record, "fields"):
            record.fields = {**record.fields, "reason": str(cause)}
    return True


def _redact(text: str) -> str:
    """Logs are kept when subscribers are not, and are read by others than the ledger."""
    return mask_addresses(redact_line(text))

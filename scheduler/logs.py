"""Log lines on standard error: for people, or as JSON (``--log-json``, ``[log] format``).

Our own events hold no secrets. What libraries and servers say may quote one, in log lines, errors
and tracebacks, so whatever this process prints there passes :func:`redact_line`.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType

from alerts.refusals import mask_addresses
from alerts.secret import Secret, redact

#: The package of the engine of a cluster.
_ENGINE = "procrastinate"
#: The secrets of the config that this process has loaded.
_SECRETS: list[Secret] = []


def hide(secrets: Iterable[Secret]) -> None:
    """Leave some secrets, and no others, out of all that is printed from now on."""
    _SECRETS[:] = secrets


def redact_line(line: str) -> str:
    """Return a text without the secrets that were given to :func:`hide`."""
    return redact(line, _SECRETS)


def print_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Write the traceback of an exception that nobody handled; to be ``sys.excepthook``."""
    lines = traceback.format_exception(kind, error, trace)
    sys.stderr.write(redact_line("".join(lines)))


def keep_recent_lines() -> None:
    """Keep the last lines from INFO on for pings, also where fewer are shown."""
    # With what sends them, which commands without pings need not import.
    from scheduler.pings import RECENT_LINES  # noqa: PLC0415

    logger = logging.getLogger("watchword")
    [shown] = logging.getLogger().handlers
    shown.setLevel(logger.level)
    logger.setLevel(min(logger.level, logging.INFO))
    RECENT_LINES.filters = list(shown.filters)
    RECENT_LINES.setFormatter(shown.formatter)
    logger.addHandler(RECENT_LINES)


def configure(level: int = logging.WARNING, *, as_json: bool = False) -> None:
    """Send log lines to standard error: ours from ``level`` on, libraries' from WARNING on."""
    # structlog takes 0.1 s to import, which the help would wait for.
    from crawler.event_log import LogFormat, Redaction, configure_logging  # noqa: PLC0415

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

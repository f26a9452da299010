"""Log lines as events: what happened in a few words, and the facts as fields.

    log = get_logger("watchword.jobs")
    log.info("digests are composed", digests=3)

Events are written by structlog over the standard logging, so libraries' lines, handlers and levels
are as everywhere. A record's message is the event with its fields behind it, for whatever handler;
the formatters here write the fields by themselves. A field is a word of ours; its value is text, a
number, or a list or table of these.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

LogFormat = Literal["console", "json"]

#: In which a process tells those that it starts how log lines look. It is none of the config's
#: variables, which a crawl is not given.
_VARIABLE = "LOG_LINES_AS"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return what logs events by the standard logger ``name``: ``watchword.jobs``."""
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, _to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return cast("structlog.stdlib.BoundLogger", logger)


def _to_record(
    _logger: WrappedLogger, _method: str, fields: EventDict
) -> tuple[tuple[str], dict[str, Any]]:
    """Return the arguments with which the standard logger makes a record of an event."""
    event = fields.pop("event")
    exc_info = fields.pop("exc_info", None)
    extra = {"event": event, "fields": dict(fields)}
    # No argument follows, so a percent sign in a value is left as it is.
    return (write_event(event, fields),), {"exc_info": exc_info, "extra": extra}


def write_event(event: str, fields: Mapping[str, Any]) -> str:
    """Return an event and its fields as one line: ``crawl ended: source=london verdict=ok``."""
    written = " ".join(f"{name}={_write_value(value)}" for name, value in fields.items())
    return f"{event}: {written}" if written else event


def _write_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}:{one}" for key, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "none"
    text = " ".join(str(value).splitlines())
    return f'"{text}"' if not text or any(c.isspace() for c in text) else text


class Redaction(logging.Filter):
    """Takes out of records what must not be shown; a filter of handlers."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        """Prepare; ``redact`` returns a text without it."""
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the message, the fields and the traceback of a record."""
        record.msg, record.args = self._redact(record.getMessage()), None
        if hasattr(record, "fields"):
            record.fields = self._redact_value(record.fields)
        if record.exc_info:
            record.exc_text = self._redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True

    def _redact_value(self, value: Any) -> Any:
        """Return the value of a field as JSON can hold it, redacted."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {str(key): self._redact_value(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._redact_value(one) for one in value]
        return self._redact(str(value))


def build_formatter(log_format: LogFormat) -> logging.Formatter:
    """Return what writes records as lines: moment with its zone, level, event, logger, fields.

    Args:
        log_format: ``console`` for people: the moment in the zone of the machine, and the traceback
            below the line. ``json`` for programs: one object a line, ``ts`` in UTC.
    """
    renderer = _render_json if log_format == "json" else _render_console
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_take_record],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _take_record(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Put into an event what its record holds."""
    record: logging.LogRecord = fields["_record"]
    found: EventDict = {
        "_record": record,
        "_from_structlog": False,
        "ts": datetime.fromtimestamp(record.created, UTC),
        "level": record.levelname.lower(),
        "event": getattr(record, "event", fields["event"]),
        "logger": record.name,
        **_rename_taken(getattr(record, "fields", {})),
    }
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    if record.exc_text:
        found["traceback"] = record.exc_text
    return found


def _rename_taken(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields so that none takes the place of what every line has."""
    taken = {"ts", "level", "event", "logger", "traceback"}
    return {f"{name}_" if name in taken else name: value for name, value in fields.items()}


def _render_json(_logger: WrappedLogger, _method: str, fields: EventDict) -> str:
    fields["ts"] = fields["ts"].isoformat(timespec="milliseconds")
    render = structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    return cast("str", render(None, "", fields))


def _render_console(_logger: WrappedLogger, _method: str, fields: EventDict) -> str:
    moment = fields.pop("ts").astimezone().isoformat(sep=" ", timespec="seconds")
    level, event, logger = (fields.pop(name) for name in ("level", "event", "logger"))
    traceback = fields.pop("traceback", "")
    owner = "" if logger.startswith("watchword") else f"{logger}: "
    line = f"{moment} {level:7} {owner}{write_event(event, fields)}"
    return f"{line}\n{traceback}" if traceback else line


#: What `logging.Handler.addFilter` takes.
Filter = logging.Filter | Callable[[logging.LogRecord], bool]


def configure_logging(
    log_format: LogFormat,
    filters: Iterable[Filter] = (),
    level: int = logging.WARNING,
) -> None:
    """Send log lines to standard error: ours from ``level`` on, libraries' from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    for one in filters:
        handler.addFilter(one)
    handler.setFormatter(build_formatter(log_format))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("watchword").setLevel(level)
    os.environ[_VARIABLE] = log_format


def configure_child(redact: Callable[[str], str]) -> None:
    """Write log lines as the process does that started this one.

    Args:
        redact: Returns a text without what must not be shown.
    """
    is_json = os.environ.get(_VARIABLE) == "json"
    configure_logging("json" if is_json else "console", [Redaction(redact)])

"""What the demo writes on the terminal: what happens at the source, and the emails that follow."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from crawler.event_log import build_formatter
from scheduler.demo.inbox import Inbox
from scheduler.demo.pages import EVENT_LABELS
from scheduler.demo.source import DemoSource, SourceEvent

#: Bytes of a log file; it is begun again then, and the one before is kept.
_MAX_LOG_BYTES = 1_000_000
#: Columns of the word that says what a line is about.
_LABEL_WIDTH = 14


class Reporter:
    """Writes a line for each event and each email, once."""

    def __init__(self, source: DemoSource, inbox: Inbox, write_line: Callable[[str], None]) -> None:
        """Begin after what there is already.

        Args:
            source: Whose events to report.
            inbox: Whose emails to report.
            write_line: Writes a line.
        """
        self._source = source
        self._inbox = inbox
        self._write_line = write_line
        self._last_event: SourceEvent | None = None
        self._emails = {email.key for email in inbox.list_messages()}

    def report(self) -> None:
        """Write what is new."""
        for event in self._take_new_events():
            self._write(event.moment, EVENT_LABELS[event.kind], event.title)
        emails = self._inbox.list_messages()
        for email in reversed(emails):
            if email.key not in self._emails:
                self._write(email.moment, "Email", f"to {email.to}: {email.subject}")
        self._emails = {email.key for email in emails}

    def _take_new_events(self) -> list[SourceEvent]:
        """Return the events since the last call, oldest first."""
        new: list[SourceEvent] = []
        for event in tuple(self._source.events):
            if event is self._last_event:
                break
            new.append(event)
        self._last_event = new[0] if new else self._last_event
        return new[::-1]

    def _write(self, moment: datetime, label: str, text: str) -> None:
        shown = "".join(character if character.isprintable() else "?" for character in text)
        self._write_line(f"{moment.astimezone():%H:%M:%S}  {label:{_LABEL_WIDTH}}  {shown}")


@contextmanager
def log_to_file(path: Path) -> Iterator[None]:
    """Write log lines into a file instead of the terminal while the block runs."""
    root = logging.getLogger()
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_MAX_LOG_BYTES, backupCount=1)
    handler.setFormatter(build_formatter("console"))
    former = root.handlers[:]
    root.handlers[:] = [handler]
    try:
        yield
    finally:
        root.handlers[:] = former
        handler.close()

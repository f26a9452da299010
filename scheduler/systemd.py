"""What a service says to systemd (sd_notify(3), sd_watchdog_enabled(3)), without its library."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from alerts.errors import WatchwordError
from crawler.event_log import get_logger

log = get_logger("watchword.systemd")

#: Seconds between two reports where systemd has set no watchdog: it only shows the text.
_REPORT_SECONDS = 10.0


def notify_systemd(*assignments: str) -> None:
    """Send assignments to the service manager, if there is one that listens.

    Args:
        assignments: ``READY=1``, ``WATCHDOG=1``, ``STOPPING=1`` or ``STATUS=`` and a line of text.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # an abstract socket
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.sendto("\n".join(assignments).encode(), address)


def find_watchdog_seconds() -> float | None:
    """Return after how many seconds of silence systemd ends this process; None if it never does."""
    process = os.environ.get("WATCHDOG_PID", "")
    if process and process != str(os.getpid()):
        return None  # meant for the process that started this one
    with suppress(ValueError):
        return int(os.environ.get("WATCHDOG_USEC", "")) / 1_000_000 or None
    return None


class DaemonReports:
    """Tells systemd, in a thread of its own, what a daemon does and that it is well.

    It is well while the database answers and its main loop turns. Where nobody listens, there is
    no thread, and nothing is asked.

    Args:
        look: Asks the database for something. Raises `WatchwordError` when it does not answer.
        describe: Returns a line about what the daemon does.
    """

    def __init__(self, look: Callable[[], object], describe: Callable[[], str]) -> None:
        self._look = look
        self._describe = describe
        self._watchdog_seconds = find_watchdog_seconds()
        #: The loop may stand still for half the time that systemd waits: the other half is for the
        #: next report.
        self._max_pause = (self._watchdog_seconds or _REPORT_SECONDS) / 2
        self._turned_at = time.monotonic()
        self._is_ready = False
        self._shown = ""  #: the line that systemd was told last
        self._is_over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Report while the block runs; say at its end that the daemon stops."""
        if "NOTIFY_SOCKET" not in os.environ:
            yield
            return
        thread = threading.Thread(target=self._run, name="systemd", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join(timeout=1)  # it may be waiting for the database

    def turn(self) -> None:
        """Say that the main loop turns, the first time that the daemon is ready.

        What the daemon does is said again as soon as it is something else.
        """
        self._turned_at = time.monotonic()
        if "NOTIFY_SOCKET" not in os.environ:
            return
        line = self._describe()
        if not self._is_ready:
            self._is_ready = True
            self._notify("READY=1", f"STATUS={line}")
        elif line != self._shown:
            self._notify(f"STATUS={line}")
        self._shown = line

    def stop(self) -> None:
        """Say that the daemon stops, and nothing after it."""
        if not self._is_over.is_set():
            self._is_over.set()
            notify_systemd("STOPPING=1", "STATUS=stopping")

    def _run(self) -> None:
        # A quarter of the time that systemd waits: two reports may be lost or late.
        seconds = (self._watchdog_seconds or 4 * _REPORT_SECONDS) / 4
        while not self._is_over.wait(seconds):
            self._report()

    def _report(self) -> None:
        try:
            self._look()
        except WatchwordError as error:
            self._notify(f"STATUS=the database does not answer: {error}")
            return
        if not self._is_ready:
            return
        pause = time.monotonic() - self._turned_at
        if pause > self._max_pause:
            log.error("the main loop has stood still", seconds=round(pause))
            self._notify(f"STATUS=the main loop has stood still for {pause:.0f} s")
        else:
            self._notify("WATCHDOG=1", f"STATUS={self._describe()}")

    def _notify(self, *assignments: str) -> None:
        if not self._is_over.is_set():
            notify_systemd(*assignments)

"""Running jobs within a boundary: how each began and ended is noted in the ledger.

The boundary is for defects and for faults that nobody foresaw: one step of a round that fails is
logged, counted and noted, and the other steps go on. From the second failure in a row on, an alarm
says so.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger import Ledger, LedgerUnavailable, WriterLost, jobs
from alerts.operator import update_job_alarms
from scheduler.clock import Clock, ClockDoubted

log = logging.getLogger("watchword.jobs")

T = TypeVar("T")

#: Errors after which no other step can do anything either.
_ENDS_ROUND = (LedgerUnavailable, WriterLost)


class JobFailure(msgspec.Struct, frozen=True):
    """A job that failed."""

    name: str
    reason: str
    exit_status: int  #: that a command ends with because of it


class UnwrittenFailure(msgspec.Struct, frozen=True):
    """A failure that the ledger does not know yet, because it could not be written."""

    failure: JobFailure
    begun_at: datetime
    ended_at: datetime


class JobNotes:
    """Runs jobs one after another, and collects those that fail."""

    def __init__(
        self, ledger: Ledger, clock: Clock, unwritten: deque[UnwrittenFailure] | None = None
    ) -> None:
        """Note jobs.

        Args:
            ledger: Where jobs are noted.
            clock: When they begin and end.
            unwritten: Failures of earlier runs that could not be noted at their time. They are
                noted with the next job, and new ones are added.
        """
        self._ledger = ledger
        self._clock = clock
        self._unwritten = deque[UnwrittenFailure]() if unwritten is None else unwritten
        self.failures: list[JobFailure] = []

    def run(
        self,
        name: str,
        work: Callable[[], T],
        otherwise: T,
        find_error: Callable[[T], WatchwordError | None] = lambda _result: None,
    ) -> T:
        """Run a job; return its result, or ``otherwise`` if it fails.

        Args:
            name: The job's name in the ledger: ``match``.
            work: What to do.
            otherwise: What to return after a failure, which is added to :attr:`failures`.
            find_error: Returns why a result that is returned counts as a failure all the same.

        Raises:
            LedgerUnavailable: The ledger cannot be used now.
            WriterLost: Another process has become the writer.
        """
        log.debug("%s starts", name)
        begun_at = self._clock()
        try:
            with self._ledger.writing() as connection:
                self._write_failures(connection)
                jobs.begin(connection, name, begun_at)
            self._unwritten.clear()
            result = work()
            if error := find_error(result):
                self._add_failure(name, error, begun_at)
                return result
            with self._ledger.writing() as connection:
                if jobs.end_well(connection, name, self._clock()):
                    update_job_alarms(connection, self._clock())
        except _ENDS_ROUND as error:
            self._add_failure(name, error, begun_at)
            raise
        except Exception as error:  # noqa: BLE001  # the boundary of a job, see the module
            self._add_failure(name, error, begun_at)
            return otherwise
        return result

    @contextmanager
    def noting_loss(self, name: str) -> Iterator[None]:
        """Count it as a failure of a job if what comes before the job fails, and raise it.

        A clock that is doubted has an alarm of its own, and does not count.
        """
        begun_at = self._clock()
        try:
            yield
        except ClockDoubted:
            raise
        except Exception as error:
            self._add_failure(name, error, begun_at)
            raise

    def _add_failure(self, name: str, error: Exception, begun_at: datetime) -> None:
        """Log a failure, count it, and note it in the ledger unless the ledger is its cause."""
        failure = describe_failure(name, error)
        self.failures.append(failure)
        is_expected = isinstance(error, WatchwordError | OSError)
        log.error("%s failed: %s", name, failure.reason, exc_info=None if is_expected else error)
        self._unwritten.append(UnwrittenFailure(failure, begun_at, self._clock()))
        if isinstance(error, LedgerUnavailable):
            return  # another attempt would wait as long: the next job notes it
        try:
            with self._ledger.as_bystander().writing() as connection:
                self._write_failures(connection)
        except LedgerUnavailable:
            return
        self._unwritten.clear()

    def _write_failures(self, connection: Connection) -> None:
        for one in self._unwritten:
            failure = one.failure
            jobs.fail(connection, failure.name, failure.reason, one.begun_at, one.ended_at)
        if self._unwritten:
            update_job_alarms(connection, self._clock())


def describe_failure(name: str, error: Exception) -> JobFailure:
    """Return why a job failed, in one line."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, WatchwordError):
        return JobFailure(name, reason, error.exit_status)
    if isinstance(error, OSError):
        return JobFailure(name, reason, ExitStatus.PARTIAL)
    return JobFailure(name, f"{type(error).__name__}: {reason}", ExitStatus.PARTIAL)

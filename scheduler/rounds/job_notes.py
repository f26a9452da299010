"""Running jobs within a boundary: how each began and ended is noted in the ledger.

The boundary is for defects and for faults that nobody foresaw: one step of a round that fails is
logged, counted and noted, and the other steps go on. From the second failure in a row on, an alarm
says so.

A job with work is noted as begun before its work, so that one that hangs or is killed is seen. A
job that has nothing to do only looks; that it did is written once a minute: see
:class:`scheduler.rounds.liveness.Liveness`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger import Ledger, LedgerUnavailable, WriterLost, jobs
from alerts.operator import update_job_alarms
from crawler.event_log import get_logger
from scheduler.clock import Clock, ClockDoubted
from scheduler.rounds.liveness import Liveness

log = get_logger("watchword.jobs")

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
    shard: str | None = None  #: the part of the work that failed; None for all of it
    was_noted: bool = False  #: whether the ledger knows that it had begun


class JobNotes:
    """Runs jobs one after another, and collects those that fail."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        unwritten: deque[UnwrittenFailure] | None = None,
        liveness: Liveness | None = None,
        *,
        is_alone: bool = True,
    ) -> None:
        """Note jobs.

        Args:
            ledger: Where jobs are noted.
            clock: When they begin and end.
            unwritten: Failures of earlier runs that could not be noted at their time. They are
                noted with the next job, and new ones are added.
            liveness: What earlier runs found idle.
            is_alone: Whether nobody else may run the same jobs at this time, as in the daemon; see
                :mod:`alerts.ledger.jobs`.
        """
        self._ledger = ledger
        self._clock = clock
        self._unwritten = deque[UnwrittenFailure]() if unwritten is None else unwritten
        self._liveness = liveness or Liveness()
        self._is_alone = is_alone
        self._known: dict[str, jobs.JobRecord] | None = None  #: as read in this round
        self._noted: set[str] = set()  #: jobs that go on, whose beginning is in the ledger
        self._around: dict[str, datetime] = {}  #: jobs around others, with when they began
        self.failures: list[JobFailure] = []

    def run(
        self,
        name: str,
        work: Callable[[], T],
        otherwise: T,
        find_error: Callable[[T], WatchwordError | None] = lambda _result: None,
        *,
        is_due: Callable[[], bool] = lambda: True,
        shard: str | None = None,
    ) -> T:
        """Run a job; return its result, or ``otherwise`` if it fails or is not due.

        Args:
            name: The job's name in the ledger: ``match``.
            work: What to do.
            otherwise: What to return after a failure, which is added to :attr:`failures`, and where
                there is nothing to do.
            find_error: Returns why a result that is returned counts as a failure all the same.
            is_due: Returns whether there is anything to do. It must only read. It is not asked
                while a failure waits to be noted.
            shard: The part of the job's work that this is; None for all of it.

        Raises:
            LedgerUnavailable: The ledger cannot be used now.
            WriterLost: Another process has become the writer.
        """
        begun_at = self._clock()

        def run_within() -> T:
            if not self._unwritten and not is_due():
                self._end_idle(name)
                return otherwise
            self._note_beginning(name, begun_at)
            result = work()
            if error := find_error(result):
                self._add_failure(name, error, begun_at, shard)
                return result
            self._note_good_end(name, shard)
            return result

        return self._within_boundary(name, begun_at, run_within, otherwise, shard)

    def run_around(self, name: str, work: Callable[[], T], otherwise: T) -> T:
        """Run a job that consists of others, as a round does of its steps.

        It has begun, as far as the ledger knows, when the first of them has something to do.
        Arguments and exceptions are those of :meth:`run`.
        """
        begun_at = self._clock()

        def run_within() -> T:
            self._around[name] = begun_at
            if self._unwritten:
                self._note_beginning(name, begun_at)
            result = work()
            if self._around.pop(name, None) is not None:
                self._end_idle(name)
            else:
                self._note_good_end(name, None)
            return result

        try:
            return self._within_boundary(name, begun_at, run_within, otherwise, None)
        finally:
            self._around.pop(name, None)

    def write_liveness(self, job: str) -> None:
        """Write that idle jobs looked for work, if a minute has passed since the last time.

        Args:
            job: What fails if the ledger cannot be used.

        Raises:
            LedgerUnavailable: The ledger cannot be used now.
            WriterLost: Another process has become the writer.
        """
        with self.noting_loss(job):
            self._liveness.write(self._ledger, self._clock(), is_alone=self._is_alone)

    def _within_boundary(
        self,
        name: str,
        begun_at: datetime,
        work: Callable[[], T],
        otherwise: T,
        shard: str | None,
    ) -> T:
        log.debug("a job starts", job=name)
        try:
            return work()
        except _ENDS_ROUND as error:
            self._add_failure(name, error, begun_at, shard)
            raise
        except Exception as error:  # noqa: BLE001  # the boundary of a job, see the module
            self._add_failure(name, error, begun_at, shard)
            return otherwise
        finally:
            self._noted.discard(name)

    def _note_beginning(self, name: str, begun_at: datetime) -> None:
        """Note that a job begins, and those around it that have not been noted yet."""
        begun = {**self._around, name: begun_at}
        with self._take_unwritten() as failures, self._ledger.writing_shard() as connection:
            jobs.lock(connection, begun.keys() | {one.failure.name for one in failures})
            self._write_failures(connection, failures)
            for job, moment in begun.items():
                jobs.begin(connection, job, moment, is_alone=self._is_alone)
        self._around.clear()
        self._noted |= begun.keys()

    def _note_good_end(self, name: str, shard: str | None) -> None:
        with self._ledger.writing_shard() as connection:
            if jobs.end_well(connection, name, self._clock(), shard):
                update_job_alarms(connection, self._clock())
        self._noted.discard(name)

    def _end_idle(self, name: str) -> None:
        """Keep that a job had nothing to do; note it at once where the ledger says otherwise."""
        if self._known is None:
            with self._ledger.reading() as connection:
                self._known = {job.name: job for job in jobs.list_all(connection)}
        known, now = self._known.get(name), self._clock()
        if known is None or known.is_settled or not (self._is_alone or known.failures_in_a_row):
            self._liveness.note_idle(name, now)
            return
        with self._ledger.writing_shard() as connection:
            jobs.note_idle(connection, {name: now}, is_alone=self._is_alone)
            update_job_alarms(connection, now)

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

    def _add_failure(
        self, name: str, error: Exception, begun_at: datetime, shard: str | None = None
    ) -> None:
        """Log a failure, count it, and note it in the ledger unless the ledger is its cause."""
        failure = describe_failure(name, error)
        self.failures.append(failure)
        is_expected = isinstance(error, WatchwordError | OSError)
        log.error(
            "a job failed", job=name, reason=failure.reason, exc_info=None if is_expected else error
        )
        was_noted = name in self._noted
        self._unwritten.append(UnwrittenFailure(failure, begun_at, self._clock(), shard, was_noted))
        self._noted.discard(name)
        if isinstance(error, LedgerUnavailable):
            return  # another attempt would wait as long: the next job notes it
        bystander = self._ledger.as_bystander()
        with (
            suppress(LedgerUnavailable),
            self._take_unwritten() as failures,
            bystander.writing_shard() as connection,
        ):
            jobs.lock(connection, {one.failure.name for one in failures})
            self._write_failures(connection, failures)

    @contextmanager
    def _take_unwritten(self) -> Iterator[Sequence[UnwrittenFailure]]:
        """Take the failures to write, which no other thread writes then; keep them on an error."""
        taken: list[UnwrittenFailure] = []
        with suppress(IndexError):
            while True:
                taken.append(self._unwritten.popleft())
        try:
            yield taken
        except BaseException:
            self._unwritten.extendleft(reversed(taken))
            raise

    def _write_failures(self, connection: Connection, failures: Sequence[UnwrittenFailure]) -> None:
        for one in failures:
            jobs.fail(
                connection,
                one.failure.name,
                one.failure.reason,
                one.begun_at,
                one.ended_at,
                shard=one.shard,
                was_noted=one.was_noted,
            )
        if failures:
            update_job_alarms(connection, self._clock())
            self._known = None


def describe_failure(name: str, error: Exception) -> JobFailure:
    """Return why a job failed, in one line."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, WatchwordError):
        return JobFailure(name, reason, error.exit_status)
    if isinstance(error, OSError):
        return JobFailure(name, reason, ExitStatus.PARTIAL)
    return JobFailure(name, f"{type(error).__name__}: {reason}", ExitStatus.PARTIAL)

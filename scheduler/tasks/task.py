"""What a task is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection

from alerts.ledger import LedgerUnavailable, WriterLost
from crawler.event_log import get_logger
from scheduler.service import Service

log = get_logger("watchword.jobs")

#: Called with how many are done, and of how many.
ProgressCallback: TypeAlias = Callable[[int, int], None]

#: The key of a task whose work is not divided.
WHOLE = "all"


@dataclass(frozen=True)
class Task:
    """A kind of work, in pieces that have keys."""

    #: Also of its queue in a cluster, and of its row among the notes of jobs in the ledger.
    name: str
    #: Workers take the job with the highest number first.
    priority: int
    #: Returns the keys of the pieces that wait at a time. It is called every few seconds and must
    #: cost no more than a few reads of an index.
    list_waiting: Callable[[Connection, datetime], Sequence[str]]
    #: Does one piece; returns how many things of which kind were done.
    run: Callable[[Service, str], Counter[str]]
    #: Returns the keys of pieces that wait for a reason which the ledger does not know.
    list_others: Callable[[Service], Sequence[str]] = lambda _service: ()
    #: Does some pieces together, where one process does all of them; None if that is no gain.
    run_together: Callable[[Service, Sequence[str]], Counter[str]] | None = None

    def list_keys(self, service: Service) -> Sequence[str]:
        """Return the keys of all pieces that wait now."""
        with service.ledger.reading() as connection:
            found = self.list_waiting(connection, service.clock())
        return found or self.list_others(service)

    def is_waiting(self, service: Service) -> bool:
        """Return whether any piece waits now."""
        return bool(self.list_keys(service))

    def run_waiting(self, service: Service) -> Counter[str]:
        """Do each piece that waits, and those that come up by that, each once.

        A piece that fails does not hold up those that are not done together with it. The first
        failure is raised in the end.

        Returns:
            How many things of which kind were done.

        Raises:
            LedgerUnavailable: The ledger cannot be used now; nothing more was tried.
            WriterLost: Another process has become the writer; nothing more was tried.
        """
        known: set[str] = set()
        done: Counter[str] = Counter()
        failures: list[Exception] = []
        while keys := [key for key in self.list_keys(service) if key not in known]:
            known.update(keys)
            for some in self._group(keys):
                try:
                    done.update(self._run_some(service, some))
                except (LedgerUnavailable, WriterLost):
                    raise
                except Exception as error:  # noqa: BLE001  # the boundary of a piece; raised below
                    failures.append(error)
        for failure in failures[1:]:
            log.error("a job failed in another piece too", job=self.name, reason=failure)
        if failures:
            raise failures[0]
        return done

    def _group(self, keys: Sequence[str]) -> list[Sequence[str]]:
        """Return the keys as they are done: all together, or one after another."""
        return [[key] for key in keys] if self.run_together is None else [keys]

    def _run_some(self, service: Service, keys: Sequence[str]) -> Counter[str]:
        if self.run_together is not None:
            return self.run_together(service, keys)
        return self.run(service, keys[0])

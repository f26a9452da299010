"""What a task is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection

from scheduler.service import Service

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
    #: Does some pieces, in the one process that does all of them; None where :attr:`run` does each.
    run_together: Callable[[Service, Sequence[str]], Counter[str]] | None = None

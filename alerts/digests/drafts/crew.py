"""The processes that write drafts, as the process sees them that puts drafts into the outbox."""

from __future__ import annotations

import math
import socket
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import TypeAlias, cast

from alerts.digests.drafts.draft import DraftBatch
from alerts.digests.drafts.draft_settings import DraftSettings
from crawler.event_log import get_logger

log = get_logger("watchword.compose")

#: The ids of subscribers who are looked at in one transaction.
Batch: TypeAlias = Sequence[int]

#: A batch takes a second or two, and the first one another for the start: a minute means trouble.
_ANSWER_SECONDS = 60.0
#: Batches that a process is given at once, so that it need not wait while one is committed.
_BATCHES_AHEAD = 2


def draft_in_processes(
    settings: DraftSettings,
    batches: Iterable[Batch],
    processes: int,
    patience: float = _ANSWER_SECONDS,
) -> Generator[tuple[Batch, DraftBatch | None], None, None]:
    """Yield each of some batches with its drafts, in the order in which they are ready.

    The processes end when the generator does. The batches of one that ends early or does not answer
    are yielded without drafts. At most two batches for each process are kept in memory.

    Args:
        settings: What the processes write with.
        batches: The batches; they are taken when a process is free.
        processes: How many processes to start.
        patience: Seconds for which one may give no answer; then it is ended.
    """
    left = iter(batches)
    with ExitStack() as stack:
        crew = _start(settings, processes, patience)
        for writer in crew:
            stack.callback(writer.end)
        while sum(writer.give(left) for writer in crew):
            for writer in _wait(crew, patience):
                drafts = writer.receive()
                if drafts is not None:
                    yield drafts
                    continue
                crew.remove(writer)
                log.warning("a process that writes digests ahead has ended")
                writer.end()
                yield from ((batch, None) for batch in writer.given)
    yield from ((batch, None) for batch in left)


def _start(settings: DraftSettings, processes: int, patience: float) -> list[_Writer]:
    """Start as many of the processes as the machine allows."""
    crew: list[_Writer] = []
    try:
        crew.extend(_Writer(settings, patience) for _ in range(processes))
    except OSError as error:
        log.warning("no more processes that write digests ahead can be started", reason=error)
    return crew


def _wait(crew: Sequence[_Writer], patience: float) -> list[_Writer]:
    """Return the processes that have answered or ended; all of them if that takes too long."""
    busy = [writer for writer in crew if writer.given]
    ready = set(wait([writer.connection for writer in busy], patience))
    return [writer for writer in busy if not ready or writer.connection in ready]


class _Writer:
    """One process, and our end of the socket to it."""

    def __init__(self, settings: DraftSettings, patience: float) -> None:
        self.given: deque[Batch] = deque()  #: what it has not answered yet
        ours, theirs = socket.socketpair()
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # it may stop in mid-answer
            ours.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", math.ceil(patience), 0))
        with theirs, ExitStack() as failed:
            failed.callback(ours.close)
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "alerts.digests.drafts.draft_process"),
                    str(theirs.fileno()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us; the process ends when its socket does
            )
            failed.pop_all()
        self.connection = Connection(ours.detach())
        self._send(settings)

    def give(self, batches: Iterator[Batch]) -> int:
        """Give it batches until it has enough; return how many it is to answer."""
        for batch in islice(batches, _BATCHES_AHEAD - len(self.given)):
            self.given.append(batch)
            self._send(tuple(batch))
        return len(self.given)

    def _send(self, value: object) -> None:
        with suppress(OSError):  # it has ended: to receive says so
            self.connection.send(value)

    def receive(self) -> tuple[Batch, DraftBatch | None] | None:
        """Return the next batch and its drafts; None if the process does not answer."""
        try:
            if not self.connection.poll():
                return None
            drafts = cast("DraftBatch | None", self.connection.recv())
        except (EOFError, OSError):
            return None
        return self.given.popleft(), drafts

    def end(self) -> None:
        """End the process at once: it only reads."""
        self._process.kill()
        self._process.wait()
        self.connection.close()

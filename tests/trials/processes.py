"""The processes of a cluster, started again when they end, as a service manager does."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import WATCHWORD_COMMAND

#: Seconds before a process that ended is started again, as ``RestartSec=1``.
_PAUSE = 1.0


@dataclass
class SupervisedProcess:
    """One process of the cluster, however often it was started."""

    name: str  #: ``work 1``
    arguments: tuple[str, ...]  #: of the command
    before: tuple[str, ...] = ()  #: a command that starts it in other surroundings
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def role(self) -> str:
        """``work``, ``schedule`` or ``serve``."""
        return self.name.partition(" ")[0]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)


class Supervisor:
    """Starts the processes of a cluster, and starts each again when it ends."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Prepare to run processes in ``folder``, which has the config."""
        self.processes: dict[str, SupervisedProcess] = {}
        #: Names and exit statuses of processes that ended without being killed.
        self.exits: list[tuple[str, int]] = []
        self._folder, self._environment = folder, environment
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def add(self, name: str, *arguments: str, before: tuple[str, ...] = ()) -> SupervisedProcess:
        """Start a process, and keep it running."""
        made = SupervisedProcess(name, arguments, before)
        self._start(made)
        self.processes[name] = made
        return made

    def read_logs(self) -> dict[str, str]:
        """What each process has logged."""
        return {name: self._find_log(name).read_text(errors="replace") for name in self.processes}

    def _find_log(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '-')}.log"

    def _start(self, one: SupervisedProcess) -> None:
        with self._find_log(one.name).open("ab") as log:
            one.process = subprocess.Popen(
                [*one.before, str(WATCHWORD_COMMAND), *one.arguments],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        one.starts += 1

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            for one in list(self.processes.values()):
                status = one.process.poll() if one.process else None
                if status is None:
                    continue
                if status != -signal.SIGKILL:
                    self.exits.append((one.name, status))
                if self._over.wait(_PAUSE):
                    return
                self._start(one)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch the processes during the block; let them end after it, and kill who does not."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()
            self._end_all()

    def _end_all(self, seconds: float = 20) -> None:
        for one in self.processes.values():
            one.send(signal.SIGCONT)
            one.send(signal.SIGTERM)
        end = time.monotonic() + seconds
        for one in self.processes.values():
            assert one.process is not None
            try:
                one.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()

"""Programs of ours that tests start, forked by a process that has imported the packages.

While they are on, `subprocess.Popen` lets `tests.support.fork_server` start the command, a crawl, a
worker of the web server or a writer of digests, which takes a twentieth of the processor time.
Other programs it starts as ever, and ours too where they are to start in another way: with other
``PYTHON`` variables, as another user, after a function of the caller's.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.support.coverage_probes import FOLDER_OF_CRAWLS
from tests.support.paths import REPOSITORY, WATCHWORD_COMMAND

#: Bytes of a request at most; an environment of many variables takes 20 kB.
MAX_REQUEST_BYTES = 200_000
#: Standard input, output and error.
STREAMS = (0, 1, 2)

#: The modules that the packages start as programs: ``python -P -m MODULE``.
_MODULES = (
    "alerts.digests.drafts.draft_process",
    "crawler.fetching",
    "scheduler.web.worker_process",
)
#: The same of the tests.
_HELPERS = "tests.support."
#: It edits modules before they are imported.
_STARTED_ANEW = ("tests.support.edited_program",)
#: Folder of the scripts that tests start.
_SCRIPTS = str(REPOSITORY / "tests" / "support")
#: Signals that a program may have been told to ignore by who started it.
_MAY_BE_IGNORED = (signal.SIGHUP, signal.SIGINT)
#: Resources that a test may limit.
_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE)
#: Exit status where the fork server has ended first, by which nobody knows the program's own.
_UNKNOWN_STATUS = 255 << 8
_STARTING_PYTHON = subprocess.Popen
#: The fork server that this process has started, which ends when its standard input is closed.
_RUNNING: list[subprocess.Popen[bytes]] = []
#: The address of the fork server that this process uses, once there is one.
_ADDRESSES: list[str] = []
#: The arguments of `Popen._execute_child` on POSIX.
_NAMES = (
    *("args", "executable", "preexec_fn", "close_fds", "pass_fds", "cwd", "env"),
    *("startupinfo", "creationflags", "shell"),
    *("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite"),
    *("restore_signals", "gid", "gids", "uid", "umask", "start_new_session", "process_group"),
)


class StartRequest(msgspec.Struct, frozen=True):
    """A program to start. Its streams and the files that it is to have come with the request."""

    arguments: tuple[str, ...]  #: of the program; the first one is its name
    module: str | None  #: what ``-m`` names; without it, the first argument is a file
    environment: dict[str, str]
    folder: str
    umask: int
    ignored_signals: tuple[int, ...]
    limits: dict[int, tuple[int, int]]  #: of resources
    is_session: bool  #: whether it leads a session of its own
    files: tuple[int, ...] = ()  #: the numbers that the files after the streams have over there


@contextmanager
def fork_programs(*, wanted: bool = True) -> Iterator[None]:
    """Let the fork server start our programs within the block, or let it not if not ``wanted``."""
    before = subprocess.Popen
    subprocess.Popen = _ForkedProgram if wanted else _STARTING_PYTHON  # type: ignore[misc]
    try:
        yield
    finally:
        subprocess.Popen = before  # type: ignore[misc]
        if before is _STARTING_PYTHON:
            _stop_server()


def use_server(address: str) -> None:
    """Let the fork server at an address start our programs until this process ends."""
    _ADDRESSES[:] = [address]
    subprocess.Popen = _ForkedProgram  # type: ignore[misc]


class _ForkedProgram(subprocess.Popen[Any]):
    """A program that the fork server starts, if it is one of ours."""

    _connection: socket.socket | None = None

    def _execute_child(self, *given: Any) -> None:
        wanted = dict(zip(_NAMES, given, strict=True))
        request = _build_request(wanted)
        if request is None:
            super()._execute_child(*given)  # type: ignore[misc]
            return
        pipes = [wanted[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        streams = [own if pipe == -1 else pipe for own, pipe in zip(STREAMS, pipes, strict=True)]
        self._connection = _ask_server(request, [*streams, *request.files])
        self.pid = int(self._connection.recv(100))
        self._child_created = True
        self._close_pipe_fds(*given[_NAMES.index("p2cread") : _NAMES.index("errwrite") + 1])  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._connection is None:
            found: tuple[int, int] = super()._try_wait(wait_flags)  # type: ignore[misc]
            return found
        ended = select.poll()
        ended.register(self._connection, select.POLLIN)
        if not ended.poll(0 if wait_flags & os.WNOHANG else None):
            return 0, 0
        received = self._connection.recv(100)
        self._connection.close()
        return self.pid, int(received or _UNKNOWN_STATUS)

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if self._connection is None:
            found: int | None = super()._internal_poll(*given, **named)  # type: ignore[misc]
            return found
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode


def _build_request(wanted: Mapping[str, Any]) -> StartRequest | None:
    """The request for a program of ours; None for another, or if it is to start in another way."""
    ours = _find_program(wanted["args"])
    environment = dict(os.environ if wanted["env"] is None else wanted["env"])
    ordinary = {
        "executable": None, "preexec_fn": None, "close_fds": True, "shell": False,
        "gid": None, "gids": None, "uid": None, "umask": -1, "process_group": -1,
    }  # fmt: skip
    if (
        ours is None
        or any(wanted[name] != usual for name, usual in ordinary.items())
        or _get_python_variables(environment) != _get_python_variables(os.environ)
    ):
        return None
    module, arguments = ours
    return StartRequest(
        arguments=arguments,
        module=module,
        environment=environment,
        folder=str(Path(wanted["cwd"] or ".").absolute()),
        umask=_read_umask(),
        ignored_signals=tuple(filter(_is_ignored, _MAY_BE_IGNORED)),
        limits={number: resource.getrlimit(number) for number in _LIMITS},
        is_session=wanted["start_new_session"],
        files=tuple(wanted["pass_fds"]),
    )


def _find_program(arguments: object) -> tuple[str | None, tuple[str, ...]] | None:
    """The module and the arguments of a program of ours."""
    if not isinstance(arguments, Sequence) or isinstance(arguments, str | bytes):
        return None
    words = tuple(map(os.fspath, arguments))
    if words[0] == str(WATCHWORD_COMMAND):
        return None, words
    if words[0] != sys.executable:
        return None
    match words[1:]:
        case [script, *_] if script.startswith(_SCRIPTS):
            return None, words[1:]
        case ["-P", "-m", module, *_] | ["-m", module, *_] if _is_forked(module):
            return module, words[words.index(module) :]
    return None


def _is_forked(module: str) -> bool:
    return module in _MODULES or (module.startswith(_HELPERS) and module not in _STARTED_ANEW)


def _get_python_variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) == signal.SIG_IGN


def _read_umask() -> int:
    found = re.search(r"^Umask:\s*(\d+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1], 8)


def _ask_server(request: StartRequest, files: Sequence[int]) -> socket.socket:
    """Send a request with its files; return the connection, which brings the answers."""
    address = _ADDRESSES[0] if _ADDRESSES else _start_server()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_REQUEST_BYTES)
        connection.connect(f"\0{address}")
        socket.send_fds(connection, [encode_request(request)], files)
    except BaseException:
        connection.close()
        raise
    return connection


def encode_request(request: StartRequest) -> bytes:
    """Return a request as JSON. Names of files may hold bytes that are not UTF-8."""
    return json.dumps(msgspec.to_builtins(request, str_keys=True)).encode()


def decode_request(sent: bytes) -> StartRequest:
    """Return what :func:`encode_request` was given."""
    return msgspec.convert(json.loads(sent), StartRequest, strict=False)


def _start_server() -> str:
    """Start a fork server of this process; return its address."""
    address = f"watchword-tests-{os.getpid()}"
    measured = "measured_" if FOLDER_OF_CRAWLS in os.environ else ""
    server = _STARTING_PYTHON(
        [sys.executable, "-P", "-m", f"tests.support.{measured}fork_server", address],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert server.stdout is not None
    server.stdout.readline()  # it listens
    server.stdout.close()
    _RUNNING.append(server)
    _ADDRESSES.append(address)
    return address


def _stop_server() -> None:
    """End the server that this process has started, if it has."""
    _ADDRESSES.clear()
    while _RUNNING:
        server = _RUNNING.pop()
        assert server.stdin is not None
        server.stdin.close()
        server.wait()

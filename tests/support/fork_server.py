"""A process that has imported the packages, and forks for each program that a test starts.

To start Python and import the libraries takes half a second of processor time, more than most
programs of the tests take to do their work. The process has also run a round of a small service, so
that templates and SQL are compiled. What is forked is a process like any other: it has its own
arguments, environment, folder, streams and session, takes signals, and ends as Python ends. See
`tests.support.forked_programs` for the other end.

``python -P -m tests.support.fork_server ADDRESS`` serves until its standard input ends.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import resource
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TextIO

from crawler.records import encode_record
from tests.support import forked_programs
from tests.support.compiled_statements import share_compiled_statements
from tests.support.compiled_templates import share_compiled_templates
from tests.support.forked_programs import MAX_REQUEST_BYTES, STREAMS, StartRequest, decode_request
from tests.support.samples import make_question
from tests.support.service import ServiceFolder

#: Python's exit status where its output could not be written.
_UNWRITTEN = 120
#: What is imported before the first fork.
_PACKAGES = ("alerts", "crawler", "scheduler")
#: Entry points, which must be new to the process that they are run in, and frozen migrations.
_NOT_IMPORTED = ("__main__", "draft_process", "worker_process", "migrations")
#: What Scrapy imports by its settings when a crawl starts.
_FOR_CRAWLS = (
    "scrapy.core.downloader.handlers.http11",
    "scrapy.downloadermiddlewares.httpcompression",
    "scrapy.downloadermiddlewares.httpproxy",
    "scrapy.downloadermiddlewares.redirect",
    "scrapy.downloadermiddlewares.retry",
    "scrapy.dupefilters",
    "scrapy.extensions.memusage",
    "scrapy.pqueues",
    "scrapy.spidermiddlewares.depth",
    "scrapy.squeues",
    "scrapy.statscollectors",
    "twisted.internet.asyncioreactor",
    "twisted.web.client",
)

#: A service that asks nobody for anything.
_CONFIG = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
#: What is shared until a process ends.
_KEPT = ExitStack()

#: What signals that may be ignored do in a program to which nobody has said anything.
_USUAL_HANDLERS: dict[int, Any] = {
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


def main() -> None:
    """Serve, and in each forked process run what was asked for."""
    address = sys.argv[1]
    request = _serve(address)
    if request is not None:
        forked_programs.use_server(address)
        _end(_run(request))


def _end(status: int) -> NoReturn:
    """End as Python ends, but leave the memory to the system: to take it apart takes a while."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads that are no daemons
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # closed, or taken away by the program
            status = status or _UNWRITTEN
    os._exit(status)


def _serve(address: str) -> StartRequest | None:
    """Fork for each request; return it in the new process, and None at the end of the server."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"\0{address}")
    listener.listen(100)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    _import_packages()
    _prepare()
    selector = selectors.PollSelector()  # the one kind that has no file
    selector.register(listener, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    return _answer_requests(listener, selector)


def _import_packages() -> None:
    for package in _PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not any(part in module.name for part in _NOT_IMPORTED):
                importlib.import_module(module.name)
    for name in _FOR_CRAWLS:
        importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules  # a crawl chooses its own


def _prepare() -> None:
    """Compile what programs share, by a round of a service with a question and an alert."""
    _KEPT.enter_context(share_compiled_statements())
    _KEPT.enter_context(share_compiled_templates())
    with tempfile.TemporaryDirectory() as folder:
        service = ServiceFolder(Path(folder), _CONFIG)
        service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
        (service.folder / "records.jsonl").write_bytes(encode_record(make_question(1)))
        service.run("ingest", "--as-new", "records.jsonl")
        service.run("once", "--no-crawl")
        service.run("status")
    assert threading.active_count() == 1  # a fork has no other
    gc.collect()
    gc.freeze()  # a search for garbage would copy the pages of memory that are shared


def _answer_requests(
    listener: socket.socket, selector: selectors.BaseSelector
) -> StartRequest | None:
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return None
            if key.fileobj is listener:
                request = _start(listener, selector)
                if request is not None:
                    return request
            else:
                _tell_end(selector, key)


def _start(listener: socket.socket, selector: selectors.BaseSelector) -> StartRequest | None:
    """Fork for a request; return it in the new process."""
    connection, _ = listener.accept()
    received, files, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, 100)
    request = decode_request(received)
    pid = os.fork()
    if pid == 0:
        others = [key.data[1] for key in selector.get_map().values() if key.data]
        _forget_sockets(listener, connection, *others)
        _take_files(files, request)
        return request
    for file in files:
        os.close(file)
    with suppress(OSError):  # who asked has ended meanwhile
        connection.send(str(pid).encode())
    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))
    return None


def _tell_end(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Take the status of a process that has ended, and send it to who started it."""
    pid, connection = key.data
    selector.unregister(key.fileobj)
    os.close(key.fd)
    _, status = os.waitpid(pid, 0)
    with connection, suppress(OSError):
        connection.send(str(status).encode())


def _forget_sockets(*sockets: socket.socket) -> None:
    """Let no socket of the server close its number, which is another file's by then."""
    for one in sockets:
        one.detach()


def _take_files(files: list[int], request: StartRequest) -> None:
    """Give the files that came with a request their numbers, and close all others."""
    wanted = (*STREAMS, *request.files)
    above = max(*files, *wanted) + 1
    for number, file in enumerate(files):  # out of the way of the numbers that are wanted
        os.dup2(file, above + number)
    for number, place in enumerate(wanted):
        os.dup2(above + number, place)
    _close_all_but(wanted)


def _close_all_but(kept: Iterable[int]) -> None:
    begin = 0
    for number in sorted(kept):
        if begin < number:
            os.closerange(begin, number)
        begin = number + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))


def _run(request: StartRequest) -> int:
    """Be the program that was asked for; return its exit status."""
    if request.is_session:
        os.setsid()
    os.chdir(request.folder)
    os.umask(request.umask)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    for number, usual in _USUAL_HANDLERS.items():  # this server may have been started with nohup
        if number in request.ignored_signals:
            signal.signal(number, signal.SIG_IGN)
        elif signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)
    for number, limits in request.limits.items():
        resource.setrlimit(number, limits)
    sys.stdin = sys.__stdin__ = _reopen(sys.stdin, 0)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _reopen(sys.stdout, 1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _reopen(sys.stderr, 2)  # type: ignore[misc]
    sys.argv = list(request.arguments)
    try:
        if request.module is not None:
            runpy.run_module(request.module, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(request.arguments[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        raise
    except Exception as error:  # noqa: BLE001  # reported as Python reports what nobody has caught
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _reopen(before: TextIO | None, number: int) -> TextIOWrapper:
    """A standard stream as Python opens it, in the place of the server's own."""
    assert isinstance(before, TextIOWrapper)
    file = os.fdopen(number, "rb" if number == 0 else "wb", closefd=False)
    return TextIOWrapper(
        file,
        encoding=before.encoding,
        errors=before.errors,
        line_buffering=number == 2 or file.isatty(),
        write_through=before.write_through,
    )


if __name__ == "__main__":
    main()

"""A process that does heavy work of the web server: ``python -m scheduler.web.worker_process FD``.

It reads calls from a socket and writes what they return, one after the other, until the other end
is closed. It runs at a lower priority than the pages and the daemon.
"""

from __future__ import annotations

import os
import pickle
import sys
from multiprocessing.connection import Connection

from starlette.exceptions import HTTPException

from alerts.errors import WatchwordError
from alerts.refusals import mask_addresses
from alerts.web import WorkContext, WorkSettings
from crawler.event_log import configure_child, get_logger
from scheduler.clock import wall_clock
from scheduler.web.work_calls import WorkCall, WorkFailed

log = get_logger("watchword.web")

#: On the scale of nice(1), a step of ten is a ninth of the processor time if others want it too.
_NICENESS = 10


def main() -> None:
    """Answer calls until the web server has ended."""
    os.nice(_NICENESS)
    configure_child(mask_addresses)
    with Connection(int(sys.argv[1])) as connection:
        settings: WorkSettings = connection.recv()
        context = settings.open(wall_clock)
        while True:
            try:
                call = connection.recv()
                connection.send_bytes(_answer(context, call))
            except (EOFError, BrokenPipeError):
                return


def _answer(context: WorkContext, call: WorkCall) -> bytes:
    """Return a pickled pair: whether the call returned, and what it returned or raised."""
    try:
        return pickle.dumps((True, call.work(context, *call.args, **call.named)))
    except (WatchwordError, HTTPException) as error:
        return pickle.dumps((False, error))
    except Exception as error:  # the boundary of a call: the web server answers 500
        log.exception("a request failed")
        return pickle.dumps((False, WorkFailed(repr(error))))


if __name__ == "__main__":
    main()

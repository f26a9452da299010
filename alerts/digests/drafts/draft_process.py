"""A process that writes drafts: ``python -m alerts.digests.drafts.draft_process FD``.

It reads from a socket whose digests to write, and answers with drafts, one batch after the other,
until the other end is closed. It only reads the ledger, so it can be killed at any time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from alerts.digests.drafts.draft import DraftBatch, write_drafts
from alerts.digests.drafts.draft_settings import DraftSettings
from alerts.digests.drafts.run import DigestRun
from alerts.ledger import Ledger
from alerts.refusals import mask_addresses
from crawler.event_log import configure_child, get_logger

log = get_logger("watchword.compose")

#: On the scale of nice(1): a third of the processor time if the process that puts drafts into the
#: outbox, and that serves pages, wants it too.
_NICENESS = 5


def main() -> None:
    """Write drafts until the other process has ended or wants no more."""
    os.nice(_NICENESS)
    configure_child(mask_addresses)
    with Connection(int(sys.argv[1])) as connection:
        try:
            settings: DraftSettings = connection.recv()
            ledger, run = settings.open()
            while True:
                connection.send(_answer(ledger, run, connection.recv()))
        except (EOFError, OSError):  # the other end is closed
            return


def _answer(ledger: Ledger, run: DigestRun, subscriber_ids: Sequence[int]) -> DraftBatch | None:
    """Return drafts; None if they cannot be written: then the other process composes instead."""
    try:
        with ledger.reading() as connection:
            return write_drafts(connection, subscriber_ids, run)
    except Exception:  # the boundary around one batch
        log.exception("digests cannot be written ahead, so they are composed one after another")
        return None


if __name__ == "__main__":
    main()

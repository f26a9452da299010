"""A process that matches what a ledger on PostgreSQL holds, in small steps; made to be killed.

``python -m tests.support.match_process LEDGER TOPICS_PER_RANGE MATCHES_PER_STEP [LAST]``: it prints
a line in each transaction, before the commit. In the transaction with the number LAST it stays.
"""

from __future__ import annotations

import sys
import time
from itertools import count

from sqlalchemy import Connection, event

from alerts.ledger import open_ledger, topic_ranges
from alerts.matching import TopicMatcher, batch_step


def main(url: str, topics_per_range: str, matches_per_step: str, last: str = "0") -> None:
    """Match until nothing is left that no other process is at."""
    transactions = count(1)

    def tell(connection: Connection) -> None:
        """Say how many matches are about to be committed, and let others have their turn."""
        mine = "SELECT count(*) FROM match WHERE xmin = pg_current_xact_id()::xid"
        number = connection.exec_driver_sql(mine).scalar_one()
        if number:
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            time.sleep(1000 if next(transactions) == int(last) else 0.01)

    topic_ranges.TOPICS_PER_RANGE = int(topics_per_range)
    batch_step.MAX_MATCHES = int(matches_per_step)
    ledger = open_ledger(url)
    event.listen(ledger.engine, "commit", tell)
    TopicMatcher(ledger).match_new_changes()


if __name__ == "__main__":
    main(*sys.argv[1:])

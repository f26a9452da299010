"""A process that delivers what an outbox holds, beside others; made to be stopped and killed.

``python delivery_worker.py LEDGER PORT SENDING HANDING_OVER LAST_BYTE [NAME=VALUE ...]``: the
periods of its leases in seconds, then ``connections``, ``sharers``, ``per_second`` or ``per_day``.
It ends when all messages that may be sent are sent, and says how long it worked.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from alerts.delivery import ChannelTable, ChannelUnavailable, DeliveryPolicy, deliver_due
from alerts.delivery.channels import smtp
from alerts.ledger import Ledger, LedgerUnavailable, open_ledger
from alerts.ledger.claims import LeasePeriods
from alerts.ledger.deliveries import count_by_phase

NOW = datetime(2026, 7, 17, 12, tzinfo=UTC)


def main(url: str, port: str, *periods: str, **more: str) -> None:
    """Deliver again and again until nothing is left to do."""
    settings = smtp.SmtpSettings(
        "127.0.0.1",
        int(port),
        "none",
        envelope_from="w@demo.example",
        timeout_seconds=5,
        connections=int(more.get("connections", "1")),
    )
    policy = DeliveryPolicy(
        per_second=float(more["per_second"]) if "per_second" in more else None,
        per_day=int(more["per_day"]) if "per_day" in more else None,
        sharers=int(more.get("sharers", "1")),
        periods=LeasePeriods(*(timedelta(seconds=float(period)) for period in periods)),
    )
    ledger, channels = open_ledger(url), ChannelTable((settings,))
    while not deliver(ledger, channels, policy):
        time.sleep(0.05)


def deliver(ledger: Ledger, channels: ChannelTable, policy: DeliveryPolicy) -> bool:
    """Deliver once; return whether nothing is left."""
    try:
        done: Counter[str] = deliver_due(ledger, channels, lambda: NOW, policy)
        with ledger.reading() as connection:
            left = set(count_by_phase(connection)) & {"queued", "sending", "handing_over"}
    except (LedgerUnavailable, ChannelUnavailable):
        return False
    return done["over_limit"] > 0 or not left


if __name__ == "__main__":
    main(*sys.argv[1:6], **dict(one.split("=") for one in sys.argv[6:]))

"""A process that matches, composes and delivers what a ledger holds; made to be killed.

``python sender.py LEDGER PORT DOUBT [LOG]``: what ``watchword once --no-crawl`` does after the
feeds, without the start of a command, so that most kills fall into the work.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from alerts.delivery import ChannelTable, DeliveryPolicy, deliver_due
from alerts.delivery.channels import smtp
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import open_ledger
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.rendering import Templates

NOW = datetime(2026, 7, 17, 12, tzinfo=UTC)


def main(url: str, port: str, doubt: str, log: str | None = None) -> None:
    """Go round until nothing is left to do."""
    ledger = open_ledger(url)
    sys.stdout.write("composing\n")
    sys.stdout.flush()
    head = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://x.example")
    settings = smtp.SmtpSettings(
        "127.0.0.1",
        int(port),
        "none",
        envelope_from="w@demo.example",
        timeout_seconds=5,
        connections=4,
        log=Path(log) if log else None,
    )
    channels = ChannelTable((settings,))
    TopicMatcher(ledger).match_new_changes()
    compose_due_digests(ledger, DigestSettings(Templates(), head), NOW)
    sys.stdout.write("delivering\n")
    sys.stdout.flush()
    terms = DeliveryPolicy("hold" if doubt == "hold" else "resend")
    while deliver_due(ledger, channels, lambda: NOW, terms):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What all digests of one run share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from alerts.digests.subscriber_digest import DigestContext, DigestSettings
from alerts.ledger import takedowns
from alerts.ledger.due_calendar import DueCalendar


class DigestRun:
    """One run of composing: its moment, and what was read and rendered for several digests.

    Args:
        settings: How digests are written.
        now: The moment, in UTC.
    """

    def __init__(self, settings: DigestSettings, now: datetime) -> None:
        self._settings = settings
        self.now = now
        self.calendar = DueCalendar(now, settings.batch_interval)
        self.taken_down = 0  #: the number of takedowns that :attr:`context` takes account of
        self.drafts_used = 0  #: digests that other processes wrote
        self.context: DigestContext = settings.create_context(now)

    def heed_takedowns(self, connection: Connection) -> None:
        """Forget the texts of questions if one was taken down since they were read.

        It is called in each transaction before any text is used.
        """
        number = takedowns.count(connection)
        if number != self.taken_down:
            self.taken_down, self.context = number, self._settings.create_context(self.now)

"""What the listings of a crawl named, held against what the ledger knows for the same days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions
from crawler.plan import ListingWindow
from crawler.report import QuestionsListed

#: One question leaves a listing by itself: it is withdrawn, or its meeting is postponed.
_MIN_UNNAMED = 2


class WindowCoverage(msgspec.Struct, frozen=True):
    """How much of what the ledger knows for some days the listings named."""

    window: ListingWindow
    known: int  #: questions in the ledger that a listing of these days should name
    named: int  #: of these, the questions that the listings of the crawl do name

    @property
    def is_doubtful(self) -> bool:
        """Whether none of the known questions was named, or less than half of them."""
        return self.named * 2 < self.known and self.known - self.named >= _MIN_UNNAMED


def explain_coverage(windows: Iterable[WindowCoverage]) -> str | None:
    """Return why the listings of a crawl are not believed, None if they are. Pure.

    One window can be wrong while the others are right. Where nothing at all that is known was
    named, a single known question is enough.
    """
    measured = [window for window in windows if window.known]
    bad = [window for window in measured if window.is_doubtful]
    if not bad and measured and not any(window.named for window in measured):
        bad = measured
    if not bad:
        return None
    worst = min(bad, key=lambda each: (each.named / each.known, -each.known))
    days = f"{worst.window.since} to {worst.window.until}"
    return f"the listings name {worst.named} of the {worst.known} questions known for {days}"


class ListedQuestions:
    """The questions that the listings of one crawl name, collected page by page."""

    def __init__(self) -> None:
        self._windows: set[ListingWindow] = set()
        self._identities: set[str] = set()

    def add(self, page: QuestionsListed) -> None:
        """Add a page of a listing."""
        self._windows.add(ListingWindow(page.since, page.until))
        self._identities.update(page.ids)

    def resolve(self, connection: Connection) -> set[str]:
        """Return the ids in the ledger of the questions named so far."""
        return questions.resolve_identities(connection, self._identities)

    def measure_coverage(
        self, connection: Connection, source: str, started_at: datetime
    ) -> list[WindowCoverage]:
        """Return how much of what was known before the crawl its listings named, by window.

        Args:
            connection: A connection to the ledger.
            source: The source's name: ``london``.
            started_at: When the crawl started; what it found itself is left out.
        """
        named = self.resolve(connection)
        measured = []
        for window in sorted(self._windows, key=lambda each: each.since):
            known = questions.list_listable(
                connection, source, window.since, window.until, started_at
            )
            measured.append(WindowCoverage(window, len(known), len(known & named)))
        return measured

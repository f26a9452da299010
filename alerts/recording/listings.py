"""What the listings of a crawl named, held against what the ledger knows for the same days."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions
from crawler.report import QuestionsListed


class ListingCoverage(msgspec.Struct, frozen=True):
    """How much of what the ledger knows the listings named."""

    known: int = 0  #: questions in the ledger that the listings should name
    named: int = 0  #: of these, the questions that they do name

    @property
    def is_doubtful(self) -> bool:
        """Whether the listings name none of the known questions, or less than half of them.

        Single questions leave a listing: they are withdrawn, or their meeting is postponed.
        """
        return self.named * 2 < self.known


class ListedQuestions:
    """The questions that the listings of one crawl name, collected page by page."""

    def __init__(self) -> None:
        self._windows: set[tuple[date, date]] = set()
        self._identities: set[str] = set()

    def add(self, page: QuestionsListed) -> None:
        """Add a page of a listing."""
        self._windows.add((page.since, page.until))
        self._identities.update(page.ids)

    def resolve(self, connection: Connection) -> set[str]:
        """Return the ids in the ledger of the questions named so far."""
        return questions.resolve_identities(connection, self._identities)

    def measure_coverage(
        self, connection: Connection, source: str, started_at: datetime
    ) -> ListingCoverage:
        """Return how much of what was known before the crawl its listings named.

        Args:
            connection: A connection to the ledger.
            source: The source's name: ``london``.
            started_at: When the crawl started; what it found itself is left out.
        """
        known: set[str] = set()
        for since, until in self._windows:
            known |= questions.list_listable(connection, source, since, until, started_at)
        return ListingCoverage(len(known), len(known & self.resolve(connection)))

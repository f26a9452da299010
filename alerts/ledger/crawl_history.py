"""Crawls that are over, as pages list and count them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Connection, func, select

from alerts.ledger.crawl_runs import CrawlPurpose
from alerts.ledger.schema import crawl_run
from alerts.ledger.utc_days import build_utc_day, read_day

#: Verdicts of crawls that read everything there was to read.
GOOD_VERDICTS = ("ok", "empty")


class ListedCrawl(msgspec.Struct, frozen=True):
    """A crawl in a list."""

    id: int
    source: str
    started_at: datetime
    finished_at: datetime | None  #: None while it runs, and for ever if its process died
    verdict: str | None
    reason: str | None
    purpose: CrawlPurpose
    changes: Mapping[str, int]  #: alerting changes that it brought, by kind

    @property
    def duration(self) -> timedelta | None:
        """How long it took; None where it has not ended."""
        return self.finished_at - self.started_at if self.finished_at else None


def list_crawls(
    connection: Connection, limit: int, source: str | None = None, before: int | None = None
) -> list[ListedCrawl]:
    """Return crawls, also backfills and those that run, newest first.

    Args:
        connection: The ledger.
        limit: How many to return at most.
        source: Only crawls of this source; None for all.
        before: Only crawls with a smaller id; None for all.
    """
    names = [name for name in ListedCrawl.__struct_fields__ if name != "changes"]
    columns = [crawl_run.c[name] for name in names]
    wanted = select(*columns, crawl_run.c.change_counts).order_by(crawl_run.c.id.desc())
    if source is not None:
        # From the newest row on: the index of sources has all crawls of years, to be sorted first.
        wanted = wanted.where((crawl_run.c.source + "") == source)
    if before is not None:
        wanted = wanted.where(crawl_run.c.id < before)
    rows = connection.execute(wanted.limit(limit)).mappings()
    return [
        ListedCrawl(
            **{name: row[name] for name in names}, changes=_read_counts(row["change_counts"])
        )
        for row in rows
    ]


def _read_counts(text: str | None) -> dict[str, int]:
    return msgspec.json.decode(text, type=dict[str, int]) if text else {}


class CrawlDay(msgspec.Struct, frozen=True):
    """How many crawls of a source there were on one day, in UTC."""

    day: date
    good: int  #: that read everything
    crawls: int

    @property
    def state(self) -> str:
        """``good``, ``part``, ``bad``, or ``none`` for a day without a crawl."""
        if not self.crawls:
            return "none"
        return "good" if self.good == self.crawls else "part" if self.good else "bad"


def count_by_day(
    connection: Connection, source: str, first: date, last: date, since: datetime
) -> list[CrawlDay]:
    """Return the days from ``first`` to ``last``, each with its regular crawls that have a verdict.

    Args:
        connection: The ledger.
        source: The source.
        first: The oldest day.
        last: The newest day.
        since: When the oldest day begins.
    """
    day = build_utc_day(connection, crawl_run.c.started_at)
    rows = connection.execute(
        select(day.label("day"), crawl_run.c.verdict, func.count().label("number"))
        .where(
            crawl_run.c.source == source,
            crawl_run.c.purpose == "regular",
            crawl_run.c.started_at >= since,
            crawl_run.c.verdict.is_not(None),
        )
        .group_by(day, crawl_run.c.verdict)
    ).all()
    good: dict[date, int] = {}
    all_of_them: dict[date, int] = {}
    for row in rows:
        when = read_day(row.day)
        all_of_them[when] = all_of_them.get(when, 0) + row.number
        good[when] = good.get(when, 0) + (row.number if row.verdict in GOOD_VERDICTS else 0)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [CrawlDay(one, good.get(one, 0), all_of_them.get(one, 0)) for one in days]


def count_since(connection: Connection, source: str, moment: datetime) -> int:
    """Return how many regular crawls of a source started after a moment and have a verdict."""
    return connection.execute(
        select(func.count()).where(
            crawl_run.c.source == source,
            crawl_run.c.purpose == "regular",
            crawl_run.c.started_at > moment,
            crawl_run.c.verdict.is_not(None),
        )
    ).scalar_one()

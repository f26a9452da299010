"""Crawl runs: each pass over a source is a row, judged when it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, update

from alerts.ledger.schema import crawl_run


class CrawlRun(msgspec.Struct, frozen=True):
    """One pass; ``verdict`` is None while it runs, and for good when its process died."""

    id: int
    source: str
    started_at: datetime
    finished_at: datetime | None
    verdict: str | None
    reason: str | None
    report: str | None  #: crawler.report.CrawlReport as JSON


#: A run that looks for news, and one that reads the past.
CrawlPurpose = Literal["regular", "backfill"]


def start_run(
    connection: Connection, source: str, now: datetime, purpose: CrawlPurpose = "regular"
) -> int:
    """Open a run and give its id."""
    key = connection.execute(
        insert(crawl_run).values(source=source, started_at=now, is_complete=False, purpose=purpose)
    )
    inserted = key.inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


class CrawlResult(msgspec.Struct, frozen=True):
    """Our judgement of a run."""

    verdict: str
    reason: str
    report: str  #: crawler.report.CrawlReport as JSON; ``null`` without one
    is_complete: bool  #: its listings were read to their end
    change_counts: Mapping[str, int] = {}  #: how many changes of each kind it brought that alert


def finish_run(connection: Connection, run_id: int, result: CrawlResult, now: datetime) -> None:
    """Close a run with our judgement of it."""
    values = msgspec.structs.asdict(result)
    values["change_counts"] = (
        msgspec.json.encode(result.change_counts).decode() if result.change_counts else None
    )
    connection.execute(
        update(crawl_run).where(crawl_run.c.id == run_id).values(**values, finished_at=now)
    )


def has_baseline(connection: Connection, source: str) -> bool:
    """Whether a pass over ``source`` ever listed it whole; before that, nothing is news."""
    wanted = select(func.count()).where(
        crawl_run.c.source == source, crawl_run.c.is_complete, crawl_run.c.purpose == "regular"
    )
    return connection.execute(wanted).scalar_one() > 0


def list_recent(
    connection: Connection, source: str, limit: int, verdicts: Collection[str] = ()
) -> list[CrawlRun]:
    """The newest judged runs of ``source`` that looked for news, newest first.

    Only those of one of the given verdicts where any are given.
    """
    columns = [crawl_run.c[name] for name in CrawlRun.__struct_fields__]
    wanted = select(*columns).where(
        crawl_run.c.source == source,
        crawl_run.c.purpose == "regular",
        crawl_run.c.verdict.is_not(None),
    )
    if verdicts:
        wanted = wanted.where(crawl_run.c.verdict.in_(verdicts))
    rows = connection.execute(wanted.order_by(crawl_run.c.id.desc()).limit(limit))
    return [CrawlRun(**row._mapping) for row in rows]


def get_first_start(connection: Connection, source: str) -> datetime | None:
    """When the first run of ``source`` that looked for news began."""
    return connection.execute(
        select(func.min(crawl_run.c.started_at)).where(
            crawl_run.c.source == source, crawl_run.c.purpose == "regular"
        )
    ).scalar()


def get_last_complete_finish(connection: Connection, source: str) -> datetime | None:
    """When a run of ``source`` last came to its good end."""
    return connection.execute(
        select(func.max(crawl_run.c.finished_at)).where(
            crawl_run.c.source == source, crawl_run.c.purpose == "regular", crawl_run.c.is_complete
        )
    ).scalar()


def has_finished_since(connection: Connection, source: str, since: datetime) -> bool:
    """Whether a run of ``source`` that began after ``since`` is over, with whatever verdict.

    The newest one, as long as it has none, may be at work right now.
    """
    newest = select(func.max(crawl_run.c.id)).where(crawl_run.c.source == source)
    over = select(func.count()).where(
        crawl_run.c.source == source,
        crawl_run.c.purpose == "regular",
        crawl_run.c.started_at > since,
        or_(crawl_run.c.verdict.is_not(None), crawl_run.c.id != newest.scalar_subquery()),
    )
    return connection.execute(over).scalar_one() > 0


def get_peak_counts(connection: Connection, source: str, since: datetime) -> dict[str, int]:
    """The most changes of each kind that one run brought since ``since``."""
    rows = connection.execute(
        select(crawl_run.c.change_counts).where(
            crawl_run.c.source == source,
            crawl_run.c.change_counts.is_not(None),
            crawl_run.c.started_at >= since,
        )
    )
    most: dict[str, int] = {}
    for news in rows.scalars():
        for kind, number in msgspec.json.decode(news, type=dict[str, int]).items():
            most[kind] = max(most.get(kind, 0), number)
    return most

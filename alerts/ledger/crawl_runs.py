"""Crawl runs: one row for each crawl, with its verdict once it has ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, update

from alerts.ledger.schema import crawl_run


class CrawlRun(msgspec.Struct, frozen=True):
    """One crawl. ``verdict`` is None while it runs, and for ever if its process died."""

    id: int
    source: str
    started_at: datetime
    finished_at: datetime | None
    verdict: str | None
    reason: str | None
    report: str | None  #: :class:`crawler.report.CrawlReport` as JSON


#: Whether a crawl looks for new changes, or reads the past.
CrawlPurpose = Literal["regular", "backfill"]


def start_run(
    connection: Connection, source: str, now: datetime, purpose: CrawlPurpose = "regular"
) -> int:
    """Record the start of a crawl and return its id."""
    result = connection.execute(
        insert(crawl_run).values(source=source, started_at=now, is_complete=False, purpose=purpose)
    )
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


class CrawlResult(msgspec.Struct, frozen=True):
    """What is recorded of a crawl that has ended."""

    verdict: str
    reason: str
    report: str  #: :class:`crawler.report.CrawlReport` as JSON; ``null`` without one
    is_complete: bool  #: every listing was read to its end
    change_counts: Mapping[str, int] = {}  #: alerting changes that it brought, by kind


def finish_run(connection: Connection, run_id: int, result: CrawlResult, now: datetime) -> None:
    """Record the end of a crawl."""
    values = msgspec.structs.asdict(result)
    values["change_counts"] = (
        msgspec.json.encode(result.change_counts).decode() if result.change_counts else None
    )
    connection.execute(
        update(crawl_run).where(crawl_run.c.id == run_id).values(**values, finished_at=now)
    )


#: A source may have a page that never comes. After three crawls whose listings were read to their
#: end, what is still missing is what the operator has been told of.
_BASELINE_TRIES = 3


def has_baseline(connection: Connection, source: str) -> bool:
    """Return whether a regular crawl of a source was ever whole.

    Until then, what is found is the baseline and alerts nobody. A crawl whose listings were empty
    is none, and one that missed pages only together with two others.
    """
    wanted = select(crawl_run.c.verdict).where(
        crawl_run.c.source == source, crawl_run.c.is_complete, crawl_run.c.purpose == "regular"
    )
    verdicts = list(connection.execute(wanted.distinct()).scalars())
    if "ok" in verdicts:
        return True
    if "partial" not in verdicts:
        return False
    missed = wanted.where(crawl_run.c.verdict == "partial").limit(_BASELINE_TRIES)
    return len(connection.execute(missed).all()) == _BASELINE_TRIES


def find_unconfirmed_baseline(connection: Connection, source: str) -> datetime | None:
    """Return when the first crawl of a source that was whole started.

    Returns:
        None if there was none, or if a later one was whole as well.
    """
    rows = connection.execute(
        select(crawl_run.c.started_at)
        .where(
            crawl_run.c.source == source,
            crawl_run.c.is_complete,
            crawl_run.c.purpose == "regular",
            crawl_run.c.verdict == "ok",
        )
        .limit(2)
    ).all()
    return rows[0].started_at if len(rows) == 1 else None


def list_recent(
    connection: Connection, source: str, limit: int, verdicts: Collection[str] = ()
) -> list[CrawlRun]:
    """Return the newest regular crawls of a source that have a verdict, newest first.

    Args:
        connection: The ledger.
        source: The source: ``london``.
        limit: How many to return at most.
        verdicts: Return only crawls with one of these verdicts; empty for all.
    """
    columns = [crawl_run.c[name] for name in CrawlRun.__struct_fields__]
    wanted = select(*columns).where(
        # From the newest row on: the index of sources has all crawls of years, to be sorted first.
        (crawl_run.c.source + "") == source,
        crawl_run.c.purpose == "regular",
        crawl_run.c.verdict.is_not(None),
    )
    if verdicts:
        wanted = wanted.where(crawl_run.c.verdict.in_(verdicts))
    rows = connection.execute(wanted.order_by(crawl_run.c.id.desc()).limit(limit))
    return [CrawlRun(**row._mapping) for row in rows]


def get_first_start(connection: Connection, source: str) -> datetime | None:
    """Return when the first regular crawl of a source started; None if there was none."""
    return connection.execute(
        select(func.min(crawl_run.c.started_at)).where(
            crawl_run.c.source == source, crawl_run.c.purpose == "regular"
        )
    ).scalar()


def get_last_complete_finish(connection: Connection, source: str) -> datetime | None:
    """Return when the last complete regular crawl ended; None if there was none."""
    wanted = select(crawl_run.c.finished_at).where(
        crawl_run.c.source == source, crawl_run.c.purpose == "regular", crawl_run.c.is_complete
    )
    # Crawls of a source do not overlap, so the last that started ended last; an index knows it.
    return connection.execute(wanted.order_by(crawl_run.c.started_at.desc()).limit(1)).scalar()


def has_finished_since(connection: Connection, source: str, since: datetime) -> bool:
    """Return whether a regular crawl of a source that started after ``since`` is over.

    The newest crawl is over when it has a verdict; older ones without a verdict died.
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
    """Return the most alerting changes of each kind that one crawl brought since a time."""
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

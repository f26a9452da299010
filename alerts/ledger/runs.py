"""Crawl runs: each pass over a source is a row, judged when it ends."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from alerts.ledger.tables import crawl_run


class Run(msgspec.Struct, frozen=True):
    """One pass; ``verdict`` is None while it runs, and for good when its process died."""

    id: int
    source: str
    started_at: datetime
    finished_at: datetime | None
    verdict: str | None
    reason: str | None


def begin(connection: Connection, source: str, now: datetime) -> int:
    """Open a run and give its id."""
    key = connection.execute(insert(crawl_run).values(source=source, started_at=now, whole=False))
    inserted = key.inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


def finish(
    connection: Connection,
    run: int,
    now: datetime,
    verdict: str,
    reason: str,
    report: str,
    whole: bool,
) -> None:
    """Close a run with our judgement of it; ``whole``: its listings were read to their end."""
    connection.execute(
        update(crawl_run)
        .where(crawl_run.c.id == run)
        .values(finished_at=now, verdict=verdict, reason=reason, report=report, whole=whole)
    )


def has_baseline(connection: Connection, source: str) -> bool:
    """Whether a pass over ``source`` ever listed it whole; before that, nothing is news."""
    wanted = select(func.count()).where(crawl_run.c.source == source, crawl_run.c.whole)
    return connection.execute(wanted).scalar_one() > 0


def latest(connection: Connection, source: str, verdicts: tuple[str, ...] = ()) -> Run | None:
    """The newest run of ``source``, of one of the given verdicts where any are given."""
    wanted = select(*(crawl_run.c[name] for name in Run.__struct_fields__)).where(
        crawl_run.c.source == source
    )
    if verdicts:
        wanted = wanted.where(crawl_run.c.verdict.in_(verdicts))
    row = connection.execute(wanted.order_by(crawl_run.c.id.desc()).limit(1)).one_or_none()
    return Run(**row._mapping) if row else None

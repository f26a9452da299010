"""Deleting what is old: what became of messages, crawls that are over, and alarms.

Questions, their changes and their matches are the archive, and are kept. Rows are deleted in small
transactions, so that none holds a lock for long. Rows of a table are looked at in the order of
their ids, which is that of time, from the oldest on; so nothing needs an index of times, and
nothing is looked at that is far from old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    func,
    select,
    true,
)

from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.engine import Ledger
from alerts.ledger.inserts import iter_parameters
from alerts.ledger.messages import UNSENT_PHASES
from alerts.ledger.schema import (
    alarm,
    bounce,
    crawl_run,
    digest_item,
    digest_notice,
    message,
)

#: Rows that one transaction looks at. Messages have about ten rows in other tables each: with
#: those, a transaction takes about 50 ms.
BATCH_SIZE = 500
#: Crawls without a miss that are kept for ever: the first ones of a source show that it had its
#: baseline, see :func:`alerts.ledger.crawl_runs.has_baseline`.
_KEPT_CRAWLS = 3


class RetentionLimits(msgspec.Struct, frozen=True):
    """Until when what was done before is deleted."""

    messages: datetime  #: messages, with what they held, each attempt to deliver them, and bounces
    crawls: datetime  #: crawl runs, and alarms that are cleared


@dataclass(frozen=True)
class _Rule:
    """Which rows of a table are deleted when they are old."""

    table: Table
    limit: Callable[[RetentionLimits], datetime]
    moment: Column[datetime]
    #: What else holds for a row that may be deleted, from before a moment.
    is_over: Callable[[datetime], ColumnElement[bool]] = lambda _before: true()
    #: The columns of other tables that refer to it; their rows are deleted with it.
    parts: tuple[Column[int], ...] = ()
    list_kept: Callable[[Connection], Collection[int]] = lambda _connection: ()


def prune(
    ledger: Ledger,
    limits: RetentionLimits,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Delete what is older than the limits; return how many rows of each table.

    Args:
        ledger: The ledger.
        limits: Until when what was done before is deleted.
        is_stopped: Asked after each transaction; what is left is deleted the next time.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
        WriterLost: This process may not write any more.
    """
    deleted: Counter[str] = Counter()
    for rule in _RULES:
        after = 0
        while not is_stopped():
            with ledger.writing_shard() as connection:
                window = _look(connection, rule, limits, after)
                deleted += _delete(connection, rule, window.keys)
            if window.is_last:
                break
            after = window.last
    return deleted


def count_old(connection: Connection, limits: RetentionLimits) -> Counter[str]:
    """Return how many rows of each table :func:`prune` would delete."""
    counted: Counter[str] = Counter()
    for rule in _RULES:
        for keys in _iter_old(connection, rule, limits):
            counted[rule.table.name] += len(keys)
            for part in rule.parts:
                for some in iter_parameters(keys):
                    wanted = select(func.count()).where(part.in_(some))
                    counted[part.table.name] += connection.execute(wanted).scalar_one()
    return +counted


def _iter_old(connection: Connection, rule: _Rule, limits: RetentionLimits) -> Iterator[list[int]]:
    after, is_last = 0, False
    while not is_last:
        window = _look(connection, rule, limits, after, locks=False)
        yield window.keys
        after, is_last = window.last, window.is_last


class _Window(msgspec.Struct, frozen=True):
    """Some rows of a table, in order."""

    keys: list[int]  #: of those that may be deleted
    last: int  #: the highest id
    is_last: bool  #: whether none after it is old


def _look(
    connection: Connection,
    rule: _Rule,
    limits: RetentionLimits,
    after: int,
    *,
    locks: bool = True,
) -> _Window:
    """Return the next rows of a table, and lock those that may be deleted.

    On PostgreSQL, a row that somebody else holds is left for the next time.
    """
    key, before = rule.table.c.id, rule.limit(limits)
    wanted = select(key, rule.moment).where(key > after).order_by(key).limit(BATCH_SIZE)
    rows = connection.execute(wanted).all()
    if not rows or all(moment >= before for _, moment in rows):
        return _Window([], after, is_last=True)
    last = rows[-1][0]
    is_old = and_(key > after, key <= last, rule.moment < before, rule.is_over(before))
    found = select(key).where(is_old).order_by(key)
    if locks:
        found = found.with_for_update(skip_locked=True)
    kept = set(rule.list_kept(connection))
    keys = [one for one in connection.execute(found).scalars() if one not in kept]
    return _Window(keys, last, is_last=len(rows) < BATCH_SIZE)


def _delete(connection: Connection, rule: _Rule, keys: list[int]) -> Counter[str]:
    deleted: Counter[str] = Counter()
    for column in (*rule.parts, rule.table.c.id):
        for some in iter_parameters(keys):
            done = connection.execute(delete(column.table).where(column.in_(some)))
            deleted[column.table.name] += done.rowcount
    return +deleted


def _list_kept_crawls(connection: Connection) -> list[int]:
    """Return the crawls that later ones are judged by, however old: the first and last ones."""
    kept: list[int] = []
    sources = connection.execute(select(crawl_run.c.source).distinct()).scalars().all()
    for source in sources:
        mine = and_(crawl_run.c.source == source, crawl_run.c.purpose == "regular")
        kept += _list_ends(connection, mine, 1)
        for verdict in ("ok", "partial"):
            complete = and_(mine, crawl_run.c.is_complete, crawl_run.c.verdict == verdict)
            kept += _list_ends(connection, complete, _KEPT_CRAWLS)
    return kept


def _list_ends(connection: Connection, which: ColumnElement[bool], number: int) -> list[int]:
    """Return the ids of the first and the last crawls of some."""
    wanted = select(crawl_run.c.id).where(which).limit(number)
    ends = (crawl_run.c.id, crawl_run.c.id.desc())
    return [key for end in ends for key in connection.execute(wanted.order_by(end)).scalars()]


_RULES = (
    _Rule(
        message,
        lambda limits: limits.messages,
        message.c.composed_at,
        lambda _before: message.c.phase.not_in(UNSENT_PHASES),
        (digest_item.c.message_id, digest_notice.c.message_id, delivery_attempt.c.message_id),
    ),
    _Rule(bounce, lambda limits: limits.messages, bounce.c.received_at),
    _Rule(
        crawl_run,
        lambda limits: limits.crawls,
        crawl_run.c.started_at,
        list_kept=_list_kept_crawls,
    ),
    _Rule(
        alarm,
        lambda limits: limits.crawls,
        alarm.c.raised_at,
        lambda before: alarm.c.cleared_at < before,
    ),
)

"""What is read from the ledger for the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import (
    alarms,
    cluster_processes,
    jobs,
    metric_counts,
    pauses,
    questions,
    refused_pages,
    subscriber_lists,
)
from alerts.ledger.jobs import JobRecord
from alerts.ledger.metric_counts import DueDigests, OpenMessages
from alerts.ledger.pauses import Pause
from alerts.ledger.publication_delays import list_delays
from alerts.ledger.subscriber_lists import SubscriberCounts
from alerts.model import Alarm
from alerts.operator import BriefStatus, Health, SourceReading, combine_states

_ATTEMPTS_PERIOD = timedelta(hours=1)
#: How far back delays are measured. The operator's pages show those of 30 days, in which there is
#: at least one meeting; an alert needs to see what goes on today.
_DELAY_PERIODS = {"1d": timedelta(days=1), "30d": timedelta(days=30)}


class BriefFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What changes from moment to moment and is read from few rows."""

    now: datetime
    state: Health
    sources: Sequence[SourceReading]
    open_alarms: Sequence[Alarm]
    jobs: Sequence[JobRecord]
    paused: Sequence[Pause]
    held: Mapping[tuple[str, ...], int]  #: changes by source and kind
    messages: Sequence[OpenMessages]
    attempts: Mapping[str, int]  #: of the last hour, by outcome
    suppressed: Mapping[str, int]  #: addresses by reason
    due: DueDigests
    live_processes: Mapping[str, int]  #: of a cluster, by role


class CountedFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What takes a look at many rows."""

    questions: Mapping[str, Mapping[str, int]]  #: by source and status
    refused_pages: Mapping[str, int]  #: by source
    subscribers: SubscriberCounts
    delays: Mapping[tuple[str, str], Sequence[float]]  #: seconds, by source and window


def read_brief_figures(connection: Connection, status: BriefStatus) -> BriefFigures:
    """Return the figures that are read from few rows.

    Args:
        connection: The ledger.
        status: The judgement on the service, and the present.
    """
    now = status.now
    processes = cluster_processes.list_all(connection)
    return BriefFigures(
        now=now,
        state=combine_states(status.findings),
        sources=status.sources,
        open_alarms=alarms.list_open(connection),
        jobs=jobs.list_all(connection),
        paused=pauses.list_all(connection),
        held=metric_counts.count_held_changes(connection),
        messages=metric_counts.list_open_messages(connection),
        attempts=metric_counts.count_attempts_since(connection, now - _ATTEMPTS_PERIOD),
        suppressed=metric_counts.count_suppressed(connection),
        due=metric_counts.count_due_digests(connection, now),
        live_processes=Counter(one.role for one in processes if one.is_alive(now)),
    )


def count_many_figures(
    connection: Connection, sources: Sequence[str], now: datetime
) -> CountedFigures:
    """Return the figures that take a look at many rows."""
    delays: dict[tuple[str, str], Sequence[float]] = {}
    for source in sources:
        found = list_delays(connection, source, now - max(_DELAY_PERIODS.values()))
        for window, period in _DELAY_PERIODS.items():
            recent = [one.minutes * 60 for one in found if one.arrived_at > now - period]
            delays[source, window] = recent
    return CountedFigures(
        questions={one: questions.count_by_status(connection, one) for one in sources},
        refused_pages={one: refused_pages.count(connection, one) for one in sources},
        subscribers=subscriber_lists.count_subscribers(connection, now),
        delays=delays,
    )

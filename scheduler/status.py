"""How the service is: what each source's last crawls were like, and what is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import alarms, deliveries, notices, questions, refusals, runs
from alerts.ledger import held_changes as held
from alerts.ledger import holds as halts
from alerts.ledger.held_changes import Held
from alerts.ledger.publication_delays import delay
from alerts.model import Alarm
from alerts.operator.status import Rate, ServiceStatus, SourceStatus
from crawler.fetching.plan import Report
from scheduler.alarms import place_of
from scheduler.config.sections import Config
from scheduler.crawls.plan import resting_until

#: More refusals in a row than make any difference to the wait.
_REFUSALS = 10
_MONTH = timedelta(days=30)


def status_of(connection: Connection, config: Config, now: datetime) -> ServiceStatus:
    """The state of the service at ``now``, from the ledger alone."""
    standing = alarms.standing(connection)
    waiting = held.waiting(connection)
    return ServiceStatus(
        now=now,
        sources=tuple(
            _source(connection, name, place_of(source.url), standing, waiting, now)
            for name, source in config.sources.items()
            if source.enabled
        ),
        messages=deliveries.in_phase(connection),
        halted=halts.standing(connection),
    )


def _source(
    connection: Connection,
    name: str,
    place: str,
    standing: list[Alarm],
    waiting: list[Held],
    now: datetime,
) -> SourceStatus:
    last = runs.recent(connection, name, _REFUSALS)
    good = runs.last_good(connection, name)
    read = next(iter(runs.recent(connection, name, 1, ("ok",))), None)
    report = msgspec.json.decode(read.report, type=Report) if read and read.report else None
    until = resting_until(last)
    notice = notices.latest(connection, name)
    return SourceStatus(
        source=name,
        place=place,
        last_good=good,
        hours_since_good=round((now - good) / timedelta(hours=1), 1) if good else None,
        verdict=last[0].verdict if last else None,
        reason=last[0].reason if last else None,
        resting_until=until if until and until > now else None,
        fill_rates=_fill_rates(report) if report else {},
        agreement=_agreement(report) if report else None,
        questions=questions.tally(connection, name),
        refused=refusals.count(connection, name),
        held=tuple(entry for entry in waiting if entry.source == name),
        alarms=tuple(alarm for alarm in standing if alarm.source == name),
        subscribers_told=notice is not None and notice.kind == "silent",
        delay=delay(connection, name, now - _MONTH),
    )


def _fill_rates(report: Report) -> dict[str, Rate]:
    """How often each field was there in a report."""
    return {name: Rate(filled, of) for name, (filled, of) in sorted(report.filled.items())}


def _agreement(report: Report) -> Rate | None:
    """How often the two readings of a field found the same."""
    agreed, differed = sum(report.agreed.values()), sum(report.differed.values())
    return Rate(agreed, agreed + differed) if agreed + differed else None

"""The clock of a round: whether it is believed, and what happens when it is not.

A clock that has gone back is believed: what the ledger dated in the future is set back. A clock
that is more than a day ahead of the last round is believed if something bears it out: the machine's
uptime, or the ``Date`` header of a source's server. Otherwise the round is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import alarms, clock_readings
from alerts.ledger.clock_readings import ClockReading
from alerts.operator import CLOCK_ALARM, update_clock_alarm
from crawler.event_log import get_logger
from scheduler.clock import ClockDoubted
from scheduler.clock_witness import MAX_GAP
from scheduler.service import Service

log = get_logger("watchword.clock")


def check_clock(service: Service) -> None:
    """Compare the clock at the beginning of a round with the last ones; mend what it dated wrongly.

    A clock that has run on since the last round is noted later, with what else idle rounds leave.

    Raises:
        ClockDoubted: The clock is far ahead of the last round, and nothing bears it out.
    """
    now, witness = service.clock(), service.clock_witness
    reading = witness.read(now) if witness else ClockReading(now)
    with service.ledger.reading() as connection:
        earlier = clock_readings.list_all(connection)
        is_alarm_over = _has_old_alarm(connection, earlier, now)
    is_ahead = bool(earlier) and now - max(one.moment for one in earlier) > MAX_GAP
    if is_ahead and witness is not None and not witness.bears_out(reading, earlier):
        _doubt(service, now, earlier[-1].moment)
    if clock_readings.is_expected(earlier, reading) and not is_alarm_over:
        service.memory.liveness.note_clock(reading)
    else:
        accept_clock(service, reading)


def _has_old_alarm(connection: Connection, earlier: Sequence[ClockReading], now: datetime) -> bool:
    """Return whether the alarm about a clock that went back is open and has been so for a day."""
    set_back_at = earlier[-1].set_back_at if earlier else None
    if set_back_at is None or now - set_back_at < MAX_GAP:
        return False
    return any(one.kind == CLOCK_ALARM for one in alarms.list_open(connection))


def accept_clock(service: Service, reading: ClockReading | None = None) -> None:
    """Believe the clock, whatever it shows: the present one if no reading is given."""
    now, witness = service.clock(), service.clock_witness
    reading = reading or (witness.read(now) if witness else ClockReading(now))
    with service.ledger.writing() as connection:
        if clock_readings.record(connection, reading):
            log.warning("the clock went back; what was dated later is dated now", now=now)
        set_back_at = clock_readings.list_all(connection)[-1].set_back_at
        is_recent = set_back_at is not None and now - set_back_at < MAX_GAP
        reason = f"the clock went back to {set_back_at:%Y-%m-%d %H:%M} UTC" if is_recent else None
        update_clock_alarm(connection, reason, now)


def _doubt(service: Service, now: datetime, last: datetime) -> None:
    reason = (
        f"the clock shows {now:%Y-%m-%d %H:%M} UTC, {(now - last).days} days after the last round,"
        " and nothing bears it out, so the round was refused: set the clock, or, if it is right,"
        " run `watchword once --accept-clock` while no daemon runs"
    )
    with service.ledger.writing() as connection:
        clock_readings.mark_doubted(connection)
        update_clock_alarm(connection, reason, last)
    raise ClockDoubted(reason)


def at_last_round(service: Service) -> Service:
    """Return the service with a clock that stands at the last round that was believed."""
    with service.ledger.reading() as connection:
        last = clock_readings.list_all(connection)[-1].moment
    return replace(service, clock=lambda: last)

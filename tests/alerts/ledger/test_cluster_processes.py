"""Which processes of a cluster are alive."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerts.ledger.cluster_processes import ProcessRecord


@pytest.mark.parametrize(("minutes", "is_alive"), [(-2, True), (-4, False), (4, True), (60, False)])
def test_a_process_is_alive_whose_last_sign_is_of_these_minutes(
    now: datetime, minutes: int, *, is_alive: bool
) -> None:
    """One whose sign is of a later hour had a wrong clock, and may be dead since."""
    seen_at = now + timedelta(minutes=minutes)
    record = ProcessRecord("alerts-1:4711", "work", "match", seen_at, seen_at)
    assert record.is_alive(now) is is_alive

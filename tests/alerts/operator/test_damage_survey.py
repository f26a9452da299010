"""Damaged rows are counted as often as it costs little."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert

from alerts.ledger import Ledger
from alerts.ledger.schema import subscriber
from alerts.operator import DamageSurvey


def test_it_counts_again_when_it_has_rested(ledger: Ledger, now: datetime) -> None:
    seconds = iter([0.0, 0.5, 2500.0, 2501.0, 2502.0])
    survey = DamageSurvey(lambda: next(seconds))
    with ledger.writing() as connection:
        assert survey.count(connection) == {}  # from 0.0 to 0.5
        row = {"email": "a@demo.example", "token": "t", "zone": "UTC", "created_at": now}
        connection.execute(insert(subscriber).values(**row, hour=77))
        assert survey.count(connection) == {}  # at 2500.0
        assert survey.count(connection) == {"subscribers": 1}  # from 2501.0 to 2502.0

"""The rounds of the service delete what can no longer be undone, and end pauses."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.ledger import subscriptions, undo_records
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.subscribers import MONTH_PAUSE, UNDO_PERIOD, list_undoable, pause_alert, subscribe
from scheduler.config import load_config
from scheduler.jobs import run_delivery, run_pipeline
from scheduler.service import open_service
from tests.support.service import ServiceFolder, build_config


@pytest.mark.slow
def test_a_day_later_nothing_is_kept_and_a_month_later_the_pause_is_over(
    tmp_path: Path, now: datetime
) -> None:
    ServiceFolder(tmp_path, build_config("https://replica.example"))
    moment = [now]
    service = open_service(load_config(tmp_path / "config.toml"), lambda: moment[0])
    with service.ledger.writing() as connection:
        request = SubscriptionRequest("VRU", Frequency.DAILY, "all", "page")
        defaults = service.subscriber_defaults
        topic = subscribe(connection, "ada@demo.example", request, defaults, now).topic_id
        [alert] = subscriptions.list_active(connection)
        assert pause_alert(connection, alert.subscriber_id, topic, now, MONTH_PAUSE)
    for passed, is_kept, is_paused in (
        (UNDO_PERIOD - timedelta(minutes=1), True, True),
        (UNDO_PERIOD, False, True),
        (MONTH_PAUSE - timedelta(minutes=1), False, True),
        (MONTH_PAUSE, False, False),
    ):
        moment[0] = now + passed
        run_pipeline(service)
        run_delivery(service)
        with service.ledger.reading() as connection:
            kept = undo_records.list_since(connection, alert.subscriber_id, now - timedelta(days=9))
            assert bool(kept) == is_kept
            assert bool(list_undoable(connection, alert.subscriber_id, moment[0])) == is_kept
            [found] = subscriptions.list_active(connection)
            assert (found.paused_at is not None) == is_paused

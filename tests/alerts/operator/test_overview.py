"""What the operator's overview is made of: advice, disk, days of messages, remembered numbers."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.ledger.message_lists import DayOfMessages
from alerts.operator import DiskMeter, Remembered, StoredPart, find_advice
from alerts.operator.alarms import _MAIL_ALARMS
from alerts.operator.overview.advice import ADVICE, MEANINGS
from alerts.operator.overview.disk_use import measure_disk
from alerts.recording.alarms import _CRAWL_ALARMS, _SOURCE_ALARMS
from alerts.rendering import ALARM_LABELS
from alerts.web.pages.operator.bars import draw_days

NOW = datetime.fromisoformat("2026-07-16T12:00:00+00:00")


def write(path: Path, size: int, age: timedelta) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))


@pytest.mark.parametrize("kind", [*ALARM_LABELS, "disk", "round", "unread", "paused"])
def test_there_is_advice_about_each_finding(kind: str) -> None:
    assert kind in ADVICE
    assert MEANINGS[kind].endswith(".")
    assert find_advice(kind).text.endswith(".")


def test_each_alarm_of_a_crawl_and_of_mail_has_a_label() -> None:
    """What has a label has advice, as the test above holds, and is on the page of alarms."""
    assert {*_CRAWL_ALARMS, *_SOURCE_ALARMS, *_MAIL_ALARMS} <= ALARM_LABELS.keys()


def test_a_job_that_fails_has_advice_too() -> None:
    assert "log" in find_advice("job publish").text


def test_the_disk_is_measured_by_part_with_what_is_added_a_day(tmp_path: Path) -> None:
    for day in range(40):
        write(tmp_path / "captures" / f"c{day}", 1000, timedelta(days=day, hours=1))
    write(tmp_path / "ledger.sqlite3", 500, timedelta(0))
    write(tmp_path / "ledger.sqlite3-wal", 70, timedelta(0))
    parts = (
        StoredPart("Database", tmp_path / "ledger.sqlite3"),
        StoredPart("Captured pages", tmp_path / "captures", grows=True),
        StoredPart("Feeds", tmp_path / "none"),
    )
    found = measure_disk(parts, NOW)
    assert [(part.label, part.size, part.a_day) for part in found.parts] == [
        ("Database", 570, None),
        ("Captured pages", 40_000, 1000),
        ("Feeds", 0, None),
    ]
    assert found.days_left == found.free // 1000
    assert 0 <= found.used_percent <= 100


def test_what_has_a_limit_fills_no_disk(tmp_path: Path) -> None:
    write(tmp_path / "captures" / "old", 1000, timedelta(days=20))
    parts = (StoredPart("Captured pages", tmp_path / "captures", grows=True, limit=2000),)
    assert measure_disk(parts, NOW).days_left is None


def test_nothing_is_measured_where_nothing_is_known() -> None:
    assert DiskMeter((), lambda: NOW).read() is None


def test_numbers_are_counted_again_after_a_button() -> None:
    made: list[int] = []

    def count() -> int:
        made.append(1)
        return len(made)

    remembered = Remembered(count, 60.0)
    assert (remembered.get(), remembered.get()) == (1, 1)
    remembered.forget()
    assert remembered.get() == 2


@pytest.mark.parametrize("most", [0, 1, 3, 7, 99, 240, 12_345])
def test_no_bar_reaches_the_label_of_the_top_line(most: int) -> None:
    days = [
        DayOfMessages(NOW + timedelta(days=n), most if n == 3 else 0, int(n == 3)) for n in range(9)
    ]
    chart = draw_days(days)
    assert 1 <= len(chart.lines) <= 5
    top = min(line.y for line in chart.lines)
    assert all(bar.failed_y >= top for bar in chart.bars)
    assert [line.is_highest for line in chart.lines].count(True) == 1
    assert chart.sent == most


def test_a_number_that_is_dear_to_make_is_kept_for_longer() -> None:
    made: list[int] = []

    def count() -> int:
        time.sleep(0.02)
        made.append(1)
        return len(made)

    remembered = Remembered(count, 0.0)
    assert (remembered.get(), remembered.get()) == (1, 1)
    remembered.forget()
    assert remembered.get() == 2

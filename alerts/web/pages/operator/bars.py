"""The chart of messages a day: where each bar stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from alerts.ledger.message_lists import DayOfMessages

#: Pixels from the top: of the base line, and of the top line.
_BASE, _TOP = 156.0, 30.0
#: Percent of the width that the labels of the scale take, and of a day's place that its bar takes.
_LEFT, _BAR_SHARE = 7.0, 0.66
#: Every this many bars has its day below it on a phone.
_LABELLED = 7
_STEPS = (1, 2, 5)
_MAX_LINES = 3


class DayBar(msgspec.Struct, frozen=True):
    """One day: percent across, pixels down."""

    day: DayOfMessages
    x: float
    middle: float
    width: float
    sent_y: float
    sent_height: float
    failed_y: float
    failed_height: float
    is_labelled: bool  #: also on a phone
    has_value: bool  #: the highest bar says its number


class ScaleLine(msgspec.Struct, frozen=True):
    """A line across the chart."""

    value: int
    y: float
    is_highest: bool


class MessageChart(msgspec.Struct, frozen=True):
    """The whole chart."""

    bars: tuple[DayBar, ...]
    lines: tuple[ScaleLine, ...]
    sent: int
    failed: int
    highest: DayOfMessages


def draw_days(days: Sequence[DayOfMessages]) -> MessageChart:
    """Return the chart of some days, the oldest first; there must be one."""
    highest = max(days, key=lambda day: day.sent + day.failed)
    most = max(highest.sent + highest.failed, 1)
    step = _choose_step(most)
    top = -(-most // step) * step  # the label of the top line stands above every bar
    pixels = (_BASE - _TOP) / top
    lines = [
        ScaleLine(value, round(_BASE - value * pixels, 1), value == top)
        for value in range(step, top + 1, step)
    ]
    bars = (_place(day, at, len(days), pixels, highest) for at, day in enumerate(days))
    total = sum(day.sent for day in days), sum(day.failed for day in days)
    return MessageChart(tuple(bars), tuple(lines), *total, highest)


def _choose_step(most: int) -> int:
    """Return the distance of the lines: 1, 2 or 5 times a power of ten, so that there are few."""
    power = 1
    while True:
        for digit in _STEPS:
            if most // (digit * power) <= _MAX_LINES:
                return digit * power
        power *= 10


def _place(
    day: DayOfMessages, at: int, number: int, pixels: float, highest: DayOfMessages
) -> DayBar:
    place = (100 - _LEFT) / number
    width = place * _BAR_SHARE
    x = _LEFT + at * place + (place - width) / 2
    sent_height, failed_height = day.sent * pixels, day.failed * pixels
    return DayBar(
        day=day,
        x=round(x, 2),
        middle=round(x + width / 2, 2),
        width=round(width, 2),
        sent_y=round(_BASE - sent_height, 1),
        sent_height=round(sent_height, 1),
        failed_y=round(_BASE - sent_height - failed_height, 1),
        failed_height=round(failed_height, 1),
        is_labelled=(number - 1 - at) % _LABELLED == 0,
        has_value=day is highest and day.sent + day.failed > 0,
    )

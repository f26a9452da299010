"""What the operator's overview shows beside the state: numbers, room on the disk, and advice.

Must not know the pages that show it.
"""

from alerts.operator.overview.advice import Advice, find_advice
from alerts.operator.overview.dashboard import (
    DAYS_OF_MESSAGES,
    DAYS_OF_SUBSCRIBERS,
    DiskMeter,
    Figures,
    MessageDays,
    Remembered,
    count_figures,
)
from alerts.operator.overview.disk_use import DiskUse, StoredPart, measure_disk

__all__ = [
    "DAYS_OF_MESSAGES",
    "DAYS_OF_SUBSCRIBERS",
    "Advice",
    "DiskMeter",
    "DiskUse",
    "Figures",
    "MessageDays",
    "Remembered",
    "StoredPart",
    "count_figures",
    "find_advice",
    "measure_disk",
]

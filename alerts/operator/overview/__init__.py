"""What the operator's overview shows beside the state: numbers, room on the disk, and advice.

Must not know the pages that show it.
"""

from alerts.operator.overview.advice import find_advice
from alerts.operator.overview.dashboard import (
    DAYS_OF_SUBSCRIBERS,
    DiskMeter,
    Figures,
    MessageDays,
    Remembered,
    count_figures,
)
from alerts.operator.overview.disk_use import StoredPart

__all__ = [
    "DAYS_OF_SUBSCRIBERS",
    "DiskMeter",
    "Figures",
    "MessageDays",
    "Remembered",
    "StoredPart",
    "count_figures",
    "find_advice",
]

"""When digests are due: the due times of each frequency, from the clock and the calendar alone.

Pure. It must not know subscribers, or what is pending.
"""

from alerts.schedule.due_times import find_last_due, find_next_due

__all__ = ["find_last_due", "find_next_due"]

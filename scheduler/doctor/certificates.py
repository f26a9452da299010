"""Whether a certificate should have been renewed by now."""

from __future__ import annotations

from datetime import datetime

#: The part of a certificate's life at whose beginning it should have been renewed: 22 days of 90,
#: and 36 hours of six days. Let's Encrypt's clients renew in the last third.
_LAST_PART = 1 / 4


def is_renewal_overdue(begins: datetime, ends: datetime, now: datetime) -> bool:
    """Return whether a certificate is in the last quarter of its life, or past it.

    Args:
        begins: From when it is valid, aware.
        ends: Until when it is valid, aware.
        now: The time, aware.
    """
    return ends - now < (ends - begins) * _LAST_PART

"""What a fault of the service means for the people who use it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Impact(StrEnum):
    """What readers notice of a fault."""

    READING = "reading"  #: questions are missing, and come late
    EMAIL = "email"  #: emails come late
    APPROVAL = "approval"  #: a person looks at some changes before they are published
    GAPS = "gaps"  #: some questions may be missing
    PAUSE = "pause"  #: the operator has stopped something for a while
    LIMITS = "limits"  #: some sign-ups and searches are refused
    SERVICE = "service"  #: pages may be out of date


#: Kinds of finding whose impact is not that of the whole service.
_KINDS: Mapping[Impact, tuple[str, ...]] = {
    Impact.READING: (
        *("blocked", "unreachable", "changed", "partial", "missing", "redirect_refused"),
        *("unavailable", "unread"),
    ),
    Impact.EMAIL: (
        *("queue", "content_rejected", "refused", "failures", "in_doubt", "daily_limit"),
        *("suspensions", "reports", "compose"),
    ),
    Impact.APPROVAL: ("awaiting_approval",),
    Impact.GAPS: ("gaps", "damaged"),
    Impact.PAUSE: ("paused",),
    Impact.LIMITS: ("limits",),
}
_BY_KIND = {kind: impact for impact, kinds in _KINDS.items() for kind in kinds}
#: Alarms that the status still names when they are over: they kept something from readers.
PAST_KINDS = ("blocked", "unreachable", "changed", "partial", "unavailable", "queue", "refused")


def find_impact(kind: str) -> Impact:
    """Return what a finding means for readers: the kind of an alarm, or of another finding."""
    return _BY_KIND.get(kind, Impact.SERVICE)

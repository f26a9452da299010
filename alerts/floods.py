"""Whether a crawl brings more changes than can be true. Pure.

A site that is rebuilt rewrites thousands of pages in a night, and every subscriber would hear of
every one. What is far beyond the usual waits for the operator.
"""

from __future__ import annotations

from collections.abc import Mapping

#: So many times the most that one crawl brought lately.
_FACTOR = 3
#: Kinds that come one by one: a meeting brings hundreds of questions, never of corrections.
_RARE = frozenset(("corrected", "withdrawn"))
_RARER = 10


def flood(found: Mapping[str, int], most: Mapping[str, int], at_least: int) -> str | None:
    """Why ``found`` (kind → changes that would alert) is a flood; None when it is none.

    ``most`` are the most of each kind that one crawl brought lately, ``at_least`` is the number
    that is never a flood; a tenth of it for corrections and withdrawals.
    """
    for kind, number in sorted(found.items()):
        floor = at_least // _RARER if kind in _RARE else at_least
        usual = most.get(kind, 0)
        if number > max(floor, _FACTOR * usual):
            return (
                f"{number} questions {kind} in one crawl, where {usual} were the most lately: "
                "see `watchword held`, then `watchword release`"
            )
    return None

"""How many examples a property test draws."""

from __future__ import annotations

import os

#: ``make properties`` draws all examples. A test run draws a share of them, because the largest
#: properties take half a minute each. ``make mutation`` draws a few, for each of many mutants.
_SHARES = {"all": 1, "few": 100}
_SHARE = _SHARES.get(os.environ.get("WATCHWORD_EXAMPLES", ""), 10)


def count_examples(full: int) -> int:
    """Return how many of ``full`` examples to draw: all, a hundredth, or usually a tenth."""
    return max(1, full // _SHARE)

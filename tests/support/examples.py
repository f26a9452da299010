"""How many examples a property test draws."""

from __future__ import annotations

import os

#: ``make properties`` draws all examples. A test run draws a share of them, because the largest
#: properties take half a minute each.
_DRAWS_ALL = os.environ.get("WATCHWORD_EXAMPLES") == "all"
_SHARE = 10


def count_examples(full: int) -> int:
    """Return how many of ``full`` examples to draw: all, or in a plain test run a tenth."""
    return full if _DRAWS_ALL else full // _SHARE

"""Which words are endings of domain names. Pure.

The list of top-level domains is a file beside this module. To renew it, replace the file by the
list that IANA publishes: https://data.iana.org/TLD/tlds-alpha-by-domain.txt, in lower case.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_LIST = Path(__file__).with_name("top_level_domains.txt")


@cache
def load_top_level_domains() -> frozenset[str]:
    """Return the top-level domains of the public DNS: lower case, in ASCII (``xn--p1ai``)."""
    lines = _LIST.read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))

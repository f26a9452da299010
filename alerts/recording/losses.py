"""What became of the pages that the ledger knows: how many of them a crawl found missing or cut.

A single page may be withdrawn, and a single answer shortened. The source does not do so to many at
once, but its faults do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

#: Up to three of a kind are taken for what they seem to be, however few pages were visited.
_FEW = 3
#: More than a fifth of the pages visited is a fault of the source.
_SHARE_DIVISOR = 5


def is_bulk(number: int, visited: int) -> bool:
    """Return whether ``number`` of ``visited`` pages are too many to be single cases."""
    return number > max(_FEW, visited / _SHARE_DIVISOR)


class PageLosses(msgspec.Struct, frozen=True):
    """What a crawl found on the pages of known questions."""

    visited: int = 0  #: pages that the crawl asked for and that were there before
    missing: int = 0  #: of these, the pages that are gone or cannot be read
    disbelieved: int = 0  #: of these, the pages that say less than before and are not believed
    reread_answers: int = 0  #: pages that were read again and had an answer before
    lost_answers: int = 0  #: of these, the pages that are not believed

    @classmethod
    def from_counts(cls, counts: Mapping[str, int]) -> PageLosses:
        """Return the losses in the counts of what was recorded."""
        return cls(**{name: counts.get(name, 0) for name in cls.__struct_fields__})

    def explain(self) -> Iterator[str]:
        """Yield a sentence for each sign that the source serves less than it has."""
        if is_bulk(self.missing + self.disbelieved, self.visited):
            yield (
                f"{self.missing} of {self.visited} known pages are missing or cannot be read, "
                f"{self.disbelieved} say less than before"
            )
        elif self.lost_answers >= _FEW and self.lost_answers * _SHARE_DIVISOR > self.reread_answers:
            yield (
                f"{self.lost_answers} of {self.reread_answers} pages have lost the answer "
                "that they had, or its end"
            )

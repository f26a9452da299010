"""The project's first input, a real page saved as text, and a page of our own in its shape.

The real page lies outside the repository. Where it is not there, the page of our own stands in: it
has the same design and quirks, invented names, and filler for words.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.support.paths import SHARED

_DATA = Path(__file__).with_name("data")


class SeedPage(msgspec.Struct, frozen=True):
    """A page, and what it says as far as the two pages differ."""

    path: Path
    title: str
    asker: str
    party: str
    person: str  #: the asker's identity
    speakers: tuple[str, ...]  #: of the answer


STAND_IN = SeedPage(
    path=_DATA / "seed.txt",
    title=(
        "Working with the Neighbours on a Better Way to Read Invented Pages (Supplementary) [2]"
    ),
    asker="Ada Brook",
    party="Riverside Group",
    person="ada-brook",
    speakers=("The Mayor", "Ada Brook AM", "Cass Morrow (Mayor of London)"),
)


def find_real_page() -> SeedPage | None:
    """Return the real page, None where it is not there."""
    found = sorted((SHARED / "seeds").glob("000_*.txt"))
    if not found:
        return None
    return SeedPage(
        path=found[0],
        title=(
            "Working with the Government to Achieve a Public Health Approach to Violent Crime "
            "(Supplementary) [2]"
        ),
        asker="Joanne McCartney",
        party="Labour Group",
        person="joanne-mccartney",
        speakers=("The Mayor", "Joanne McCartney AM", "Sadiq Khan (Mayor of London)"),
    )


#: The page that tests read, and all that are there.
SEED_PAGE = find_real_page() or STAND_IN
SEED_PAGES = tuple({page.path: page for page in (SEED_PAGE, STAND_IN)}.values())

"""What several of the operator's pages list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from alerts.ledger import pauses
from alerts.ledger.held_changes import HeldChangeGroup
from alerts.web.context import WebContext

T = TypeVar("T")

#: Rows of a list on a page of its own.
PAGE_SIZE = 50


class HeldRow(msgspec.Struct, frozen=True):
    """What waits for one decision: the changes of one source that are held for one reason."""

    source: str
    reason: str
    groups: tuple[HeldChangeGroup, ...]  #: by kind of change

    @property
    def since(self) -> datetime:
        """Since when the oldest waits."""
        return min(group.since for group in self.groups)

    @property
    def changes(self) -> int:
        """How many changes they are."""
        return sum(group.changes for group in self.groups)


def join_groups(groups: Sequence[HeldChangeGroup]) -> list[HeldRow]:
    """Return what is decided together, in the order of the groups."""
    found: dict[tuple[str, str], list[HeldChangeGroup]] = {}
    for group in groups:
        found.setdefault((group.source, group.reason), []).append(group)
    return [HeldRow(*key, tuple(mine)) for key, mine in found.items()]


def cut(rows: list[T], size: int = PAGE_SIZE) -> tuple[list[T], bool]:
    """Return at most ``size`` rows, and whether there are more."""
    return rows[:size], len(rows) > size


def load_pauses(context: WebContext) -> dict[str, Any]:
    """Return since when crawls, by source, and sending are paused."""
    with context.ledger.reading() as connection:
        paused = pauses.list_all(connection)
    return {
        "crawl_pauses": {one.source: one.since for one in paused if one.activity == "crawl"},
        "delivery_pause": next((one.since for one in paused if not one.source), None),
    }

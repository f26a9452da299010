"""The audit of an episode finds what is missing, or came twice; ``make chaos`` runs episodes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tests.chaos.audit import Outcome, compare

ONE = ("reader0@demo.example", "parking-bays")
ENTRY = ("New question: Parking bays", "/parking-bays")
RIGHT = Outcome(
    sent=Counter({ONE: 1}),
    copies=0,
    changed_copies=0,
    feeds={"vru.atom.xml": Counter({ENTRY: 1})},
    changes=Counter({("london:/parking-bays", "asked"): 1}),
)


def test_what_is_missing_or_came_twice_is_found() -> None:
    assert compare(RIGHT, RIGHT, may_double=False) == []
    lost = replace(RIGHT, sent=Counter())
    assert "lost" in compare(lost, RIGHT, may_double=True)[0]
    twice = replace(RIGHT, sent=Counter({ONE: 2}))
    assert "doubled" in compare(twice, RIGHT, may_double=True)[0]
    copied = replace(RIGHT, copies=1)
    assert compare(copied, RIGHT, may_double=True) == []
    assert "doubled" in compare(copied, RIGHT, may_double=False)[0]
    other_bytes = replace(RIGHT, changed_copies=1)
    assert "other bytes" in compare(other_bytes, RIGHT, may_double=True)[0]
    no_feed = replace(RIGHT, feeds={})
    assert "lacks" in compare(no_feed, RIGHT, may_double=True)[0]
    no_change = replace(RIGHT, changes=Counter())
    assert "lacks" in compare(no_change, RIGHT, may_double=True)[0]

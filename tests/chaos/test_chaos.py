"""One short episode on each database; and the audit finds what is missing, or came twice."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.chaos.audit import Outcome, compare
from tests.chaos.episode import run_episode, run_undisturbed

ONE = ("reader0@demo.example", "parking-bays")
ENTRY = ("New question: Parking bays", "/parking-bays")
RIGHT = Outcome(
    sent=Counter({ONE: 1}),
    copies=0,
    changed_copies=0,
    feeds={"vru.atom.xml": Counter({ENTRY: 1})},
    changes=Counter({("london:/parking-bays", "asked"): 1}),
)


@pytest.fixture(scope="module")
def undisturbed() -> Outcome:
    """What comes of an episode without a fault."""
    return run_undisturbed()


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("database", "seed"),
    [("sqlite", 102), pytest.param("postgresql", 200, marks=[pytest.mark.postgres])],
)
def test_an_episode_ends_as_if_undisturbed(database: str, seed: int, undisturbed: Outcome) -> None:
    assert undisturbed.sent
    report = run_episode(database, random.Random(seed), undisturbed)  # noqa: S311  # faults
    assert report.problems == []
    assert len(report.faults) == 3


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

"""A whole cluster sends hundreds of digests while processes are killed or stand still.

``make trials`` does the same with more subscribers, and with every fault.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.postgres import find_server_programs
from tests.trials.arrivals import Arrival
from tests.trials.audit import compare_copies, compare_digests
from tests.trials.far_network import find_hindrance
from tests.trials.faults import FAULTS, ClusterFault, cut_link
from tests.trials.population import Population
from tests.trials.trial import run_faults

#: 300 in each of two waves: enough that several workers send at a time.
SUBSCRIBERS = 600
#: Those that leave nothing in doubt for minutes.
QUICK = ("kill -9 of a worker", "worker stopped for longer than its jobs")


#: A lost connection is noticed after 20 s.
CUT = ClusterFault("worker without the database", cut_link("database", 25), needs_network=True)


@pytest.fixture
def _has_server() -> None:
    if find_server_programs() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")


@pytest.mark.process
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("_has_server")
def test_each_subscriber_is_sent_exactly_the_right_digest(tmp_path: Path) -> None:
    faults = [FAULTS[name] for name in QUICK]
    # So slow that messages wait: each worker has claimed dozens when the fault comes.
    report = run_faults(tmp_path, SUBSCRIBERS, faults, end_seconds=60, mail_seconds=0.1)
    assert report.problems == [], report


@pytest.mark.process
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("_has_server")
def test_a_worker_whose_connection_is_cut_loses_nothing(tmp_path: Path) -> None:
    """Nothing says so to either side: its connections are half open."""
    if hindrance := find_hindrance():
        pytest.skip(hindrance)
    report = run_faults(tmp_path, SUBSCRIBERS // 4, [CUT], end_seconds=150)
    assert report.problems == [], report


RIGHT = Population(1, 1).list_right_questions(0)


def arrive(questions: frozenset[int] = RIGHT, *, copies: int = 0, other: int = 0) -> Arrival:
    """A digest that arrived, and again, and again with other bytes."""
    hashes = +Counter({b"a": 1 + copies, b"b": other})
    return Arrival("p0@demo.example", questions, hashes)


@pytest.mark.parametrize(
    ("arrived", "is_right"),
    [
        ({"<1>": arrive()}, True),
        ({}, False),  # lost
        ({"<1>": arrive(), "<2>": arrive()}, False),  # composed twice
        ({"<1>": arrive(RIGHT - {1})}, False),  # without a question
        ({"<1>": arrive(RIGHT - {1}), "<2>": arrive(frozenset({1}))}, False),  # in two parts
    ],
)
def test_the_audit_finds_digests_that_are_not_right(
    arrived: dict[str, Arrival], is_right: bool
) -> None:
    assert (not [*compare_digests(arrived, Population(1, 1))]) == is_right


@pytest.mark.parametrize(
    ("arrival", "doubted", "is_right"),
    [
        (arrive(), set(), True),
        (arrive(copies=1), {"<1>"}, True),
        (arrive(copies=1), set(), False),
        (arrive(other=1), {"<1>"}, False),
    ],
)
def test_the_audit_finds_copies_that_no_doubt_explains(
    arrival: Arrival, doubted: set[str], is_right: bool
) -> None:
    assert (not [*compare_copies({"<1>": arrival}, doubted)]) == is_right

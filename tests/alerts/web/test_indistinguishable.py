"""Answers about what somebody watches, or who is subscribed, and about what nobody is, are alike.

Their times are compared by ``python -m benchmarks.timing``; see docs/explanation/threat-model.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from alerts.ledger import Ledger
from alerts.matching import TopicMatcher
from benchmarks.twins import CASES, Case, Form, Twins, ask, build_twins
from tests.support.web_client import WebClient, run_web_client

_NUMBER = 4


@pytest.fixture
def twins(ledger: Ledger, now: datetime) -> Twins:
    made = build_twins(ledger, now, _NUMBER)
    TopicMatcher(ledger).match_new_changes()
    return made


@pytest.fixture
def pages(twins: Twins, ledger: Ledger, now: datetime, tmp_path: Path) -> Iterator[WebClient]:
    assert twins.known_phrases
    with run_web_client(ledger, now, tmp_path / "feeds", proxies=("127.0.0.1",)) as served:
        served.publish_questions()
        yield served


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.slow
def test_known_and_unknown_get_the_same_answer(pages: WebClient, twins: Twins, case: Case) -> None:
    known, unknown = (
        (twins.known_addresses, twins.unknown_addresses)
        if case.is_about_address
        else (twins.known_phrases, twins.unknown_phrases)
    )
    form = Form(*pages.get_csrf(case.page)) if case.page else None
    answers: dict[bool, set[object]] = {True: set(), False: set()}
    for number, (one, other) in enumerate(zip(known, unknown, strict=True)):
        for about in (one, other):
            network = {"X-Forwarded-For": f"100.64.{number}.{about == one:d}"}
            found = ask(pages.request, case, about, network, form)
            assert found.status in {200, 404}
            answers[about == one].add(found)
    assert answers[True] == answers[False]
    assert len(answers[True]) == 1

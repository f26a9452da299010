"""The benchmark of many subscribers runs, and does all the work that it measures."""

from __future__ import annotations

import re

import pytest

from benchmarks.scale import __main__ as scale

_SMALL = (
    "--parts topics workers day --subscriptions 2000 --subscribers 200 --crew-subscribers 100 "
    "--workers 1"
)


@pytest.mark.postgres
@pytest.mark.process
@pytest.mark.slow
def test_the_benchmark_sends_each_digest_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever is told something by matching gets one digest, and it is delivered."""
    scale.main(_SMALL.split())
    printed = capsys.readouterr().out
    if "left out" in printed:
        pytest.skip("PostgreSQL or Postfix is not installed")
    assert re.search(r"2,000 subscriptions, \d{3,} topics in 1 ranges", printed)
    for said in (r"compose  with 1: (\d+) in", r"(\d+) digests"):
        composed = re.search(said, printed)
        sent = re.search(said.replace("compose", "deliver").replace("digests", "sent"), printed)
        assert composed
        assert sent
        assert 0 < int(composed[1]) == int(sent[1])

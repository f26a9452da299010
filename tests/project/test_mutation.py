"""What `make mutation` says of the files that mutmut leaves, and of what is edited."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tools.mutants import PACKAGES, Edit, Outcome, find_edit, list_mutants
from tools.mutation import PackageScore, format_table, score
from tools.survivors import describe_survivors, make_key

SOURCE = '''"""A module."""


class Days:
    def count(
        self, days: int
    ) -> int:
        return days + 1
'''
#: As mutmut writes it: the method as it was, then each copy with one edit.
COPY = """class Days:
    def xǁDaysǁcount__mutmut_orig(
        self, days: int
    ) -> int:
        return days + 1
    def xǁDaysǁcount__mutmut_1(
        self, days: int
    ) -> int:
        return days - 1
    def xǁDaysǁcount__mutmut_2(
        self, days: int
    ) -> int:
        return days + 2
"""
SPANS = {
    "xǁDaysǁcount__mutmut_orig": [2, 5],
    "xǁDaysǁcount__mutmut_1": [6, 9],
    "xǁDaysǁcount__mutmut_2": [10, 13],
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder: a module and its two mutants, of which the first was killed."""
    for root in (tmp_path, tmp_path / "mutants"):
        (root / "alerts" / "queries").mkdir(parents=True)
    module = "alerts/queries/made_for_a_test.py"
    (tmp_path / module).write_text(SOURCE)
    copy = tmp_path / "mutants" / module
    copy.write_text(COPY)
    name = "alerts.queries.made_for_a_test.xǁDaysǁcount__mutmut_"
    codes = {f"{name}1": 1, f"{name}2": 0}
    copy.with_name(f"{copy.name}.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    copy.with_name(f"{copy.name}.spans").write_text(json.dumps({"spans": SPANS}))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("made")
def test_a_survivor_is_named_with_its_line_in_the_module() -> None:
    killed, survived = list_mutants()
    assert [killed.outcome, survived.outcome] == [Outcome.KILLED, Outcome.SURVIVED]
    assert find_edit(survived) == Edit(8, "return days + 1", "return days + 2")
    assert list(describe_survivors([survived])) == [
        "alerts/queries/made_for_a_test.py:8: return days + 1 → return days + 2"
    ]
    assert [one.share for one in score([killed, survived], ["alerts/queries"])] == [0.5]


def test_what_was_not_tried_counts_as_the_others() -> None:
    outcomes = [Outcome.REFUSED] * 4 + [Outcome.NOT_TRIED] * 2
    outcomes += [Outcome.KILLED, Outcome.TIMEOUT, Outcome.NO_TESTS, Outcome.SURVIVED]
    one = PackageScore("alerts/queries", tuple(outcomes))
    assert (one.share_by_tests, one.share) == (0.5, 0.7)
    cells = [cell.strip() for cell in format_table([one]).splitlines()[2].strip("|").split("|")]
    assert cells == ["alerts/queries", "10", "4", "1", "1", "1", "1", "2", "70.0%", "50.0%"]
    assert PackageScore("alerts/empty", ()).share == 1


def test_the_packages_are_those_that_mutmut_edits_and_mypy_reads() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["mutmut"]
    assert sorted(settings["only_mutate"]) == sorted(f"{one}/*.py" for one in PACKAGES)
    named = {one.replace("/", ".") for one in PACKAGES}
    assert named <= set(settings["type_check_command"])


def test_reasons_are_of_lines_that_are_still_there() -> None:
    reasons = tomllib.loads((REPOSITORY / "tools" / "harmless_mutants.toml").read_text())
    for module, edits in reasons.items():
        text = " ".join((REPOSITORY / module).read_text().split())
        for key in edits:
            before, _, after = key.partition(" → ")
            assert " ".join(before.split()) in text, key
            assert make_key(Edit(1, before, after)) == key

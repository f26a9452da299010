"""The mutants that mutmut has made, and how they ended."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

#: The folder in which mutmut works.
MUTANTS = Path("mutants")
#: Whose functions are edited; `only_mutate` in pyproject.toml names the same.
PACKAGES = (
    "alerts/queries",
    "alerts/matching",
    "alerts/questions",
    "alerts/recording",
    "alerts/schedule",
)


class Outcome(StrEnum):
    """How a mutant ended."""

    KILLED = "killed"  #: a test failed
    TIMEOUT = "timeout"  #: the tests took five times as long as without the edit
    REFUSED = "caught by type check"  #: mypy finds an error in it
    SURVIVED = "survived"
    NO_TESTS = "no tests"  #: no test calls the function
    NOT_TRIED = "not checked"


#: What mutmut calls a process that a signal ended, or the memory limit: the tests have failed.
_AS_KILLED = ("segfault", "suspicious", "skipped")


@dataclass(frozen=True)
class Mutant:
    """A function with one edit."""

    name: str  #: mutmut's own: alerts.queries.find.x_find_words__mutmut_3
    path: Path  #: of the module
    outcome: Outcome

    @property
    def package(self) -> str:
        """The folder that it is in: alerts/queries."""
        return self.path.parent.as_posix()


@dataclass(frozen=True)
class Edit:
    """What is different in a mutant. Lines are without their indentation."""

    line: int  #: in the module, from 1
    before: str
    after: str


def list_mutants() -> Iterator[Mutant]:
    """Yield the mutants of all packages in the order of their modules."""
    for package in PACKAGES:
        for meta in sorted((MUTANTS / package).glob("*.meta")):
            path = meta.relative_to(MUTANTS).with_suffix("")
            for name, status in json.loads(meta.read_text())["exit_code_by_key"].items():
                yield Mutant(name, path, _name_outcome(status))


def _name_outcome(status: int | None) -> Outcome:
    name = status_by_exit_code[status]
    return Outcome.KILLED if name in _AS_KILLED else Outcome(name)


def find_edit(mutant: Mutant) -> Edit:
    """Return what is different in a mutant, by comparing it with the function that it is of."""
    function = mutant.name.rpartition(".")[2]
    before = _read_function(mutant.path, f"{function.partition('__mutmut_')[0]}__mutmut_orig")
    after = _read_function(mutant.path, function)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    _, start, end, new_start, new_end = next(o for o in matcher.get_opcodes() if o[0] != "equal")
    return Edit(
        line=_find_line(mutant) + start,
        before=" ".join(line.strip() for line in before[start:end]),
        after=" ".join(line.strip() for line in after[new_start:new_end]),
    )


def _read_function(path: Path, function: str) -> list[str]:
    """The lines of a function in the copy from its first one on, without the name given there."""
    start, end = _read_spans(path)[function]
    lines = _read_lines(path)[start - 1 : end]
    first = next(number for number, line in enumerate(lines) if f"def {function}(" in line)
    return [lines[first].replace(function, "", 1), *lines[first + 1 :]]


@cache
def _read_spans(path: Path) -> dict[str, Any]:
    spans: dict[str, Any] = json.loads((MUTANTS / f"{path}.spans").read_text())["spans"]
    return spans


@cache
def _read_lines(path: Path) -> list[str]:
    return (MUTANTS / path).read_text().splitlines()


@cache
def _list_functions(path: Path) -> dict[tuple[str | None, str], int]:
    tree = ast.parse(path.read_text())
    found: dict[tuple[str | None, str], int] = {}
    for node in tree.body:
        owner = node.name if isinstance(node, ast.ClassDef) else None
        for one in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(one, ast.FunctionDef):
                found[owner, one.name] = one.lineno
    return found


def _find_line(mutant: Mutant) -> int:
    """The line of the module in which the function of a mutant begins."""
    function, owner = orig_function_and_class_names_from_key(mutant.name)
    return _list_functions(mutant.path)[owner, function]

"""Whether mypy and the tests notice edits of the code: ``make mutation``.

mutmut makes mutants, copies of a function with one edit each, lets mypy look at them, and runs the
tests that call the function. What is edited, and which tests run, is in ``[tool.mutmut]`` of
pyproject.toml. A mutant that neither mypy nor a test notices has survived.

``python -m tools.mutation [alerts/PACKAGE ...]`` tries the mutants of packages, or of all, names
the survivors, prints a table, and ends with status 1 where a package is below 85 %.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from tools.mutants import (
    MUTANTS,
    PACKAGES,
    Mutant,
    Outcome,
    list_mutants,
)
from tools.survivors import describe_survivors, write_survivors

#: The least that mypy and the tests must notice, because with the two in `make test` an edit has to
#: pass both. The table gives the share of the tests alone beside it.
_MIN_SHARE = 0.85
#: A mutant may fill the memory before its time is up. The tests take 500 MB.
_MAX_MEMORY_BYTES = 4_000_000_000
#: One failure of a property is enough, of few examples: each of thousands of mutants is tried.
_EXAMPLES = {"HYPOTHESIS_PROFILE": "mutation", "WATCHWORD_EXAMPLES": "few"}
_LOG = MUTANTS / "log.txt"
#: Lower than that of any other program, because it takes long.
_NICE = 15
#: The columns. ``tests alone``: of those that mypy lets pass.
_HEADER = (
    *("package", "mutants", "mypy", "killed", "too long", "survived", "no test", "not tried"),
    *("noticed", "tests alone"),
)
_BY_TESTS = (Outcome.KILLED, Outcome.TIMEOUT)
_MISSED = (Outcome.SURVIVED, Outcome.NO_TESTS)


@dataclass(frozen=True)
class PackageScore:
    """How the mutants of a package ended."""

    package: str
    outcomes: tuple[Outcome, ...]

    def count(self, *outcomes: Outcome) -> int:
        """Return how many mutants ended in one of some ways."""
        return sum(one in outcomes for one in self.outcomes)

    @property
    def share(self) -> float:
        """The share that mypy or a test notices, 0 to 1; of those not tried as of the others."""
        refused = self.count(Outcome.REFUSED) / (len(self.outcomes) or 1)
        return refused + (1 - refused) * self.share_by_tests

    @property
    def share_by_tests(self) -> float:
        """The share that a test noticed of those that mypy lets pass and that were tried."""
        tried = self.count(*_BY_TESTS, *_MISSED)
        return self.count(*_BY_TESTS) / tried if tried else 1.0

    def format_row(self) -> tuple[str, ...]:
        """Return the row of the table."""
        wanted = (Outcome.REFUSED, *_BY_TESTS, *_MISSED, Outcome.NOT_TRIED)
        counts = (len(self.outcomes), *map(self.count, wanted))
        shares = (f"{share:.1%}" for share in (self.share, self.share_by_tests))
        return (self.package, *(f"{number:,}" for number in counts), *shares)


def score(mutants: Iterable[Mutant], packages: Sequence[str]) -> list[PackageScore]:
    """Return the scores of packages, in their order."""
    found = list(mutants)
    return [
        PackageScore(package, tuple(one.outcome for one in found if one.package == package))
        for package in packages
    ]


def format_table(scores: Sequence[PackageScore]) -> str:
    """Return the table of scores, as Markdown, with a row for all."""
    total = PackageScore("all", tuple(one for each in scores for one in each.outcomes))
    rows = [_HEADER, *(each.format_row() for each in (*scores, total))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def try_mutants(patterns: Sequence[str], children: int) -> None:
    """Let mutmut make the mutants and try those whose names fit; all without a pattern.

    Raises:
        subprocess.CalledProcessError: The tests fail without any edit, or mutmut cannot run.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    programs = Path(sys.executable).parent  # mypy, which mutmut starts, is there as well
    environment["PATH"] = f"{programs}{os.pathsep}{environment.get('PATH', os.defpath)}"
    MUTANTS.mkdir(exist_ok=True)
    click.echo(f"mutmut writes to {_LOG}; all packages take half an hour", err=True)
    with _LOG.open("w") as log:
        subprocess.run(
            [programs / "mutmut", "run", "--max-children", str(children), *patterns],
            env=environment | _EXAMPLES,
            stdout=log,
            stderr=log,
            preexec_fn=_limit,
            check=True,
        )


def _limit() -> None:
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))


def _choose_names(packages: Sequence[str], *, again: bool) -> list[str]:
    """What names to try: those that no test noticed, where they are tried again; none for all."""
    if not again and len(packages) == len(PACKAGES):
        return []
    if not again:
        return [f"{package.replace('/', '.')}.*" for package in packages]
    missed = (*_MISSED, Outcome.NOT_TRIED)
    return [one.name for one in list_mutants() if one.package in packages and one.outcome in missed]


@click.command()
@click.argument("packages", nargs=-1, type=click.Choice(PACKAGES))
@click.option("--again", is_flag=True, help="Try only those that no test noticed the last time.")
@click.option("--report", is_flag=True, help="Try none; print the results of the last time.")
@click.option("--write", is_flag=True, help="Write table and survivors into the documentation.")
@click.option("--children", default=2, show_default=True, help="How many processes try mutants.")
def main(
    packages: tuple[str, ...], *, again: bool, report: bool, write: bool, children: int
) -> None:
    """Try mutants of PACKAGES, or of all, and print how many the tests notice."""
    chosen = packages or PACKAGES
    if not report:
        if not again:
            shutil.rmtree(MUTANTS, ignore_errors=True)
        try_mutants(_choose_names(chosen, again=again), children)
    mutants = [one for one in list_mutants() if one.package in chosen]
    scores = score(mutants, chosen)
    survivors = [one for one in mutants if one.outcome in _MISSED]
    click.echo("\n".join((*describe_survivors(survivors), "", format_table(scores))))
    if write:
        write_survivors(format_table(scores), survivors)
    sys.exit(any(one.share < _MIN_SHARE for one in scores))


if __name__ == "__main__":
    main()

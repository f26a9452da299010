"""Whether advisories are known about a package of the lock: ``make audit``.

pip-audit asks PyPI. A package that it cannot ask about is no good news, although pip-audit ends
with status 0 then: this program says in one line how many there were, and ends with status 69.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.errors import ExitStatus

_ARGUMENTS = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
_TIMEOUT = 600


@dataclass
class AuditResult:
    """What pip-audit found."""

    checked: int = 0
    advisories: list[str] = field(default_factory=list)  #: a line for each
    unchecked: list[str] = field(default_factory=list)  #: names of packages
    problem: str | None = None  #: why nothing could be checked, if so

    @property
    def exit_status(self) -> ExitStatus:
        """1 for advisories, 69 where not everything could be checked."""
        if self.advisories:
            return ExitStatus.PARTIAL
        return ExitStatus.UNAVAILABLE if self.unchecked or self.problem else ExitStatus.OK

    def describe(self) -> str:
        """Return what to print: the advisories, and a line that says how much was checked."""
        lines = list(self.advisories)
        if self.problem:
            lines.append(f"no advisories could be had, so nothing was checked: {self.problem}")
        elif self.unchecked:
            total = self.checked + len(self.unchecked)
            lines.append(
                f"{len(self.unchecked)} of {total} packages could not be checked: "
                f"no advisories could be had about {self.unchecked[0]} and so on"
            )
        else:
            lines.append(f"{self.checked} packages checked, {len(self.advisories)} advisories")
        return "\n".join(lines)


def read_report(report: dict[str, Any]) -> AuditResult:
    """Return what a report of pip-audit, as JSON, says."""
    result = AuditResult()
    for package in report["dependencies"]:
        if "skip_reason" in package:
            result.unchecked.append(package["name"])
            continue
        result.checked += 1
        for found in package["vulns"]:
            mended = ", ".join(found["fix_versions"]) or "no version"
            result.advisories.append(
                f"{package['name']} {package['version']}: {found['id']}, mended in {mended}"
            )
    return result


def audit(lock: str, program: Sequence[str] = (sys.executable, "-m", "pip_audit")) -> AuditResult:
    """Ask about every package of a lock."""
    try:
        done = subprocess.run(
            [*program, "-r", lock, *_ARGUMENTS],
            capture_output=True,
            check=False,
            text=True,
            timeout=_TIMEOUT,
        )
        return read_report(json.loads(done.stdout))
    except (OSError, subprocess.TimeoutExpired) as error:
        return AuditResult(problem=str(error))
    except (ValueError, KeyError):
        said = done.stderr.strip().splitlines() or ["pip-audit printed nothing"]
        return AuditResult(problem=said[-1])


def main(locks: Sequence[str]) -> int:
    """Print what is known about each lock; return the highest exit status."""
    results = [(lock, audit(lock)) for lock in locks]
    for lock, result in results:
        sys.stdout.write("".join(f"{lock}: {line}\n" for line in result.describe().splitlines()))
    return max(result.exit_status for _, result in results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["requirements.lock", "requirements-dev.lock"]))

"""What a check found, and what the whole examination came to."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from alerts.errors import ExitStatus


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  #: it works, and something should be done
    FAILED = "failed"  #: it does not work
    SKIPPED = "skipped"  #: it was not looked at; the detail says why


class CheckResult(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: str  #: its subject and its name: ``dns.spf``
    state: CheckState
    detail: str  #: what was found, in a sentence without a full stop
    advice: str | None = None  #: what to do; None where nothing is to be done

    @property
    def subject(self) -> str:
        """The first part of the name: ``dns``."""
        return self.check.partition(".")[0]


def ok(check: str, detail: str) -> CheckResult:
    """Return that all is well."""
    return CheckResult(check, CheckState.OK, detail)


def warning(check: str, detail: str, advice: str) -> CheckResult:
    """Return that something works and should be mended."""
    return CheckResult(check, CheckState.WARNING, detail, advice)


def failed(check: str, detail: str, advice: str) -> CheckResult:
    """Return that something does not work."""
    return CheckResult(check, CheckState.FAILED, detail, advice)


def skipped(check: str, detail: str) -> CheckResult:
    """Return that something was not looked at, and why."""
    return CheckResult(check, CheckState.SKIPPED, detail)


#: The exit status that a failed check stands for, by its subject; those of the table in
#: ``docs/reference/command-line.md``. Any other subject is of what runs: try again later.
_STATUSES = {
    "config": ExitStatus.CONFIG,
    "files": ExitStatus.CONFIG,
    "database": ExitStatus.DATA,
    "dns": ExitStatus.UNAVAILABLE,
    "mail": ExitStatus.UNAVAILABLE,
    "address": ExitStatus.UNAVAILABLE,
    "source": ExitStatus.UNAVAILABLE,
}


def choose_exit_status(results: Sequence[CheckResult]) -> ExitStatus:
    """Return 0 where all is well, 1 for warnings alone, else what the first failure stands for."""
    states = {one.state for one in results}
    for one in results:
        if one.state is CheckState.FAILED:
            return _STATUSES.get(one.subject, ExitStatus.RETRY)
    return ExitStatus.PARTIAL if CheckState.WARNING in states else ExitStatus.OK

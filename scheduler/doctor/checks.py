"""The table of checks, in the order of the report: what others rest on comes first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from scheduler.doctor.address import check_public_address
from scheduler.doctor.clock import check_clock, check_zones
from scheduler.doctor.database import check_database
from scheduler.doctor.examination import Check, Examination, run_checks
from scheduler.doctor.files import check_exposed_files, check_folders
from scheduler.doctor.mail_records import (
    check_dkim,
    check_dmarc,
    check_mx,
    check_reverse,
    check_spf,
)
from scheduler.doctor.mail_server import check_mail_server, check_test_email
from scheduler.doctor.report import CheckResult, failed, ok, skipped
from scheduler.doctor.rounds import check_rounds
from scheduler.doctor.source import check_sources


def _check_config(_examination: Examination) -> Iterator[CheckResult]:
    """Say that the config is right: with a wrong one there is no examination."""
    yield ok("config.read", "the config is right")


#: By the name of what a failure of the whole check is called.
CHECKS: Final[Mapping[str, Check]] = {
    "config.read": _check_config,
    "files.secrets": check_exposed_files,
    "files.folders": check_folders,
    "database.reached": check_database,
    "clock.zones": check_zones,
    "clock.servers": check_clock,
    "dns.spf": check_spf,
    "dns.dkim": check_dkim,
    "dns.dmarc": check_dmarc,
    "dns.mx": check_mx,
    "dns.reverse": check_reverse,
    "mail.server": check_mail_server,
    "mail.test": check_test_email,
    "address.reached": check_public_address,
    "source.robots": check_sources,
    "runs.status": check_rounds,
}


def examine(
    examination: Examination, names: Collection[str] | None = None
) -> tuple[CheckResult, ...]:
    """Run the checks at once, and return what they found in the order of the table.

    Args:
        examination: What they look at.
        names: Those of the table that are wanted; None for all.
    """
    wanted = {name: check for name, check in CHECKS.items() if names is None or name in names}
    return run_checks(examination, wanted)


def judge_config_error(message: str) -> tuple[CheckResult, ...]:
    """Return the results of an examination whose config cannot be used: nothing else is known."""
    first, *others = CHECKS
    advice = "mend the line that it names; docs/reference/configuration.md has every key"
    return (
        failed(first, message, advice),
        *(skipped(name, "the config cannot be used") for name in others),
    )

"""Checks of the database: that it can be used, and that nothing about it needs mending."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from alerts.ledger import inspection, name_ledger
from alerts.ledger.inspection import LedgerFacts
from scheduler.doctor.examination import Examination
from scheduler.doctor.report import CheckResult, failed, ok, skipped, warning

#: The oldest that the tests run on, by the first number of its version.
_OLDEST_POSTGRESQL = 13
#: Two clocks of machines that ask a time server differ by milliseconds.
_MAX_DIFFERENCE = timedelta(seconds=5)


def check_database(examination: Examination) -> Iterator[CheckResult]:
    """Check version, schema, log and clock of the database."""
    url = examination.config.ledger.url.reveal()
    facts = inspection.inspect_ledger(url)
    before = examination.clock()
    if facts is None:
        yield skipped("database.reached", f"{name_ledger(url)} is made by the first command")
        return
    if facts.damage:
        detail = f"{name_ledger(url)} is damaged: {facts.damage}"
        advice = "stop the service, keep a copy of the file, and restore a backup"
        yield failed("database.reached", detail, advice)
        return
    yield ok("database.reached", f"{facts.product} at {name_ledger(url)}")
    if facts.read_only_reason is not None:
        advice = (
            "let ledger.url name the server and the user that own the tables, and let transactions "
            "of that user write"
        )
        yield failed("database.writes", facts.read_only_reason, advice)
    yield from _check_version(facts)
    yield _check_schema(facts)
    if facts.log_mode is not None:
        yield _check_log(facts.log_mode)
    difference = abs(facts.clock - before)
    if difference > _MAX_DIFFERENCE:
        detail = f"its clock differs from this machine's by {difference.total_seconds():.0f} s"
        yield failed("clock.database", detail, "let both machines ask a time server")
    else:
        yield ok("clock.database", "the database's clock agrees with this machine's")


def _check_version(facts: LedgerFacts) -> Iterator[CheckResult]:
    product, _, version = facts.product.partition(" ")
    if product == "PostgreSQL" and int(version.partition(".")[0]) < _OLDEST_POSTGRESQL:
        advice = f"upgrade to PostgreSQL {_OLDEST_POSTGRESQL} or newer"
        yield warning("database.version", f"{facts.product} is no longer maintained", advice)


def _check_schema(facts: LedgerFacts) -> CheckResult:
    name = "database.schema"
    if facts.schema == facts.newest_schema:
        return ok(name, f"the schema is the newest, {facts.schema}")
    if facts.schema is None or facts.schema < facts.newest_schema:
        detail = (
            f"the schema is {facts.schema or 'empty'}; this program needs {facts.newest_schema}"
        )
        return warning(name, detail, "back up first: the next command upgrades it")
    detail = f"the schema {facts.schema} is that of a newer program"
    return failed(name, detail, "upgrade watchword on this machine")


def _check_log(mode: str) -> CheckResult:
    if mode == "wal":
        return ok("database.log", "SQLite writes ahead (WAL): readers wait for nobody")
    advice = "keep the file on a local disk: SQLite's WAL needs memory that processes share"
    return warning("database.log", f"SQLite logs in the mode “{mode}”, not WAL", advice)

"""Whether a process can serve: the ledger is there, has our schema, and is worked on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alerts.errors import WatchwordError
from alerts.ledger import jobs, schema_version

CheckName = Literal["database", "schema", "round"]
CHECKS: tuple[CheckName, ...] = ("database", "schema", "round")


class Check(msgspec.Struct, frozen=True):
    """The result of one check. It is for everybody, so it names no file, host or person."""

    is_ok: bool
    detail: str


class Readiness(msgspec.Struct, frozen=True):
    """The results of all checks that were asked for, by name."""

    checks: dict[CheckName, Check]
    #: When sources that were never read in full are tried again, by name. It is no check: pages are
    #: as good as ever meanwhile.
    next_tries: dict[str, datetime] = {}

    @property
    def is_ledger_usable(self) -> bool:
        """Whether the ledger answers, and has our schema, as far as that was checked."""
        found = (self.checks.get(name) for name in ("database", "schema"))
        return all(check is not None and check.is_ok for check in found)

    @property
    def is_ready(self) -> bool:
        """Whether all are well."""
        return all(check.is_ok for check in self.checks.values())

    def describe(self) -> dict[str, Any]:
        """Return it for JSON: ``{"ready": true, "checks": {"database": {...}}}``.

        With ``next_tries`` where a source could not be read yet: ``{"london": ...}``.
        """
        checks = {
            name: {"ok": check.is_ok, "detail": check.detail} for name, check in self.checks.items()
        }
        tries = {"next_tries": self.next_tries} if self.next_tries else {}
        return {"ready": self.is_ready, "checks": checks, **tries}


def check_readiness(
    reading: Callable[[], AbstractContextManager[Connection]],
    now: datetime,
    max_idle: timedelta,
    excluded: Collection[str] = (),
    schema: str | None = None,
) -> Readiness:
    """Check whether this process can serve.

    Args:
        reading: Opens a transaction that reads the ledger.
        now: Aware, in UTC.
        max_idle: How long the last good round may be ago.
        excluded: Names of checks to leave out.
        schema: The number of the schema that this program needs; None for that of its newest
            migration.
    """
    needed = schema or schema_version.get_newest()
    try:
        with reading() as connection:
            found = _check_ledger(connection, needed, now, max_idle)
    except (DBAPIError, WatchwordError):
        unknown = Check(False, "not known: the ledger cannot be read")
        unread = Check(False, "the ledger cannot be read")
        found = {"database": unread, "schema": unknown, "round": unknown}
    return Readiness({name: found[name] for name in CHECKS if name not in excluded})


def _check_ledger(
    connection: Connection, needed: str, now: datetime, max_idle: timedelta
) -> dict[CheckName, Check]:
    schema = _check_schema(schema_version.find(connection), needed)
    last = Check(False, "not known: the schema is another one")
    if schema.is_ok:
        last = _check_round(jobs.get_good_end(connection, "round"), now, max_idle)
    return {"database": Check(True, "it answers"), "schema": schema, "round": last}


def _check_schema(found: str | None, needed: str) -> Check:
    if found == needed:
        return Check(True, f"it is {needed}")
    return Check(False, f"it is {found or 'missing'}, and this program needs {needed}")


def _check_round(good_end: datetime | None, now: datetime, max_idle: timedelta) -> Check:
    if good_end is None:
        return Check(False, "none has ended well yet")
    is_recent = now - good_end <= max_idle
    return Check(is_recent, f"the last good one ended at {good_end:%Y-%m-%dT%H:%M:%SZ}")

"""The log of what the operator did: on their page and with commands.

It names nobody else: in place of an address stands its keyed hash, which
:func:`alerts.ledger.secrets.hash_address` returns for the address again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, exists, insert, select

from alerts.ledger.secrets import hash_address
from alerts.ledger.service_schema import operator_action

#: A year and a month: what was done is asked about when the year's report is written.
KEPT = timedelta(days=400)
#: The same network's wrong passwords are one entry in this time, so that nobody fills the log.
_REPEAT_INTERVAL = timedelta(hours=1)
#: Characters of a subject that are kept; a question's id has about 40.
_MAX_LENGTH = 200
#: Characters of the hash of an address: 48 bits tell all subscribers apart.
_HASH_LENGTH = 12


class OperatorAction(msgspec.Struct, frozen=True):
    """One thing that was done."""

    done_at: datetime
    actor: str  #: ``page from 192.0.2.7``, ``command by ada``
    action: str  #: ``sign-in``, ``wrong password``, ``takedown``
    subject: str | None = None  #: a source, a question, ``address 3f2a91bc04d1``, ``/srv/backups``


def name_address(connection: Connection, address: str) -> str:
    """Return what stands for an address in the log: ``address 3f2a91bc04d1``."""
    return f"address {hash_address(connection, address)[:_HASH_LENGTH]}"


def record(connection: Connection, action: OperatorAction) -> None:
    """Add what is being done. It is recorded before it is done, so that no crash hides it."""
    values = msgspec.structs.asdict(action)
    if action.subject is not None:
        values["subject"] = action.subject[:_MAX_LENGTH]
    connection.execute(insert(operator_action).values(**values))


def record_rarely(connection: Connection, action: OperatorAction) -> None:
    """Add what a stranger can repeat; not if the same is in the log from the last hour."""
    is_known = exists().where(
        operator_action.c.done_at > action.done_at - _REPEAT_INTERVAL,
        operator_action.c.actor == action.actor,
        operator_action.c.action == action.action,
    )
    if not connection.execute(select(is_known)).scalar():
        record(connection, action)


def list_newest(connection: Connection, limit: int, *subjects: str) -> list[OperatorAction]:
    """Return what was done, newest first.

    Args:
        connection: The ledger.
        limit: How many to return at most.
        subjects: Only what was done with one of these; without any, all.
    """
    columns = [operator_action.c[name] for name in OperatorAction.__struct_fields__]
    wanted = select(*columns).order_by(operator_action.c.id.desc()).limit(limit)
    if subjects:
        wanted = wanted.where(operator_action.c.subject.in_(subjects))
    return [OperatorAction(**row._mapping) for row in connection.execute(wanted)]


class NumberedAction(OperatorAction, frozen=True, kw_only=True):
    """An action with its number, from which a list goes on."""

    id: int


def list_page(
    connection: Connection, limit: int, before: int | None = None
) -> list[NumberedAction]:
    """Return what was done, newest first; with ``before``, only actions with a smaller number."""
    columns = [operator_action.c[name] for name in NumberedAction.__struct_fields__]
    wanted = select(*columns).order_by(operator_action.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(operator_action.c.id < before)
    return [NumberedAction(**row._mapping) for row in connection.execute(wanted)]


def delete_old(connection: Connection, now: datetime) -> None:
    """Delete what was done more than `KEPT` ago."""
    connection.execute(delete(operator_action).where(operator_action.c.done_at < now - KEPT))

"""How often an address was sent confirmation emails that nobody answered, and whether it may be.

Only a keyed hash of the address is kept. It is that of the folded address, so that
``ann+news@example.org`` counts as ``ann@example.org``.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from alerts.ledger.confirmation_schema import confirmation_history as history
from alerts.ledger.inserts import insert_once

#: Confirmation emails that nobody answers until an address is left alone for a month: somebody who
#: mistypes twice still gets theirs.
MAX_UNANSWERED = 3


class ConfirmationHistory(msgspec.Struct, frozen=True):
    """What is known of the confirmation emails to one address."""

    unanswered: int = 0  #: emails since the last confirmation
    last_sent_at: datetime | None = None
    refused_at: datetime | None = None  #: when its owner asked for no more


def find(connection: Connection, address_hash: str) -> ConfirmationHistory:
    """Return the history of an address; an empty one if there is none."""
    columns = [history.c[name] for name in ConfirmationHistory.__struct_fields__]
    row = connection.execute(
        select(*columns).where(history.c.address_hash == address_hash)
    ).one_or_none()
    return ConfirmationHistory(**row._mapping) if row else ConfirmationHistory()


def save(connection: Connection, address_hash: str, values: ConfirmationHistory) -> None:
    """Replace the history of an address."""
    insert_once(connection, history, address_hash=address_hash, unanswered=0)
    changes = msgspec.structs.asdict(values)
    connection.execute(
        update(history).where(history.c.address_hash == address_hash).values(**changes)
    )


def pause(connection: Connection, address_hash: str, now: datetime) -> None:
    """Leave an address alone, as if nobody had answered as many emails as are sent to it."""
    known = find(connection, address_hash)
    unanswered = max(known.unanswered, MAX_UNANSWERED)
    save(
        connection,
        address_hash,
        msgspec.structs.replace(known, unanswered=unanswered, last_sent_at=now),
    )


def delete_old(connection: Connection, before: datetime) -> None:
    """Forget the addresses whose last email was sent before a time, but for those that refused."""
    is_old = or_(history.c.last_sent_at < before, history.c.last_sent_at.is_(None))
    connection.execute(delete(history).where(history.c.refused_at.is_(None), is_old))

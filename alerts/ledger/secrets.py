"""Secrets that the service draws for itself and keeps with all the rest."""

from __future__ import annotations

import secrets
from typing import Literal

from sqlalchemy import Connection, select

from alerts.ledger.base import insert_once
from alerts.ledger.schema import secret

#: What each is for, so that none serves two purposes.
Purpose = Literal["return path", "webhook", "pages"]


def drawn(connection: Connection, purpose: Purpose) -> bytes | None:
    """The secret for a purpose; None where it was not needed yet."""
    found: bytes | None = connection.execute(
        select(secret.c.value).where(secret.c.name == purpose)
    ).scalar()
    return found


def get(connection: Connection, purpose: Purpose) -> bytes:
    """The secret for a purpose, 256 bits, drawn where there is none; needs to be writing."""
    if (found := drawn(connection, purpose)) is not None:
        return found
    insert_once(connection, secret, name=purpose, value=secrets.token_bytes(32))
    found = drawn(connection, purpose)
    assert found is not None
    return found

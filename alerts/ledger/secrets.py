"""Random keys that the service makes for itself."""

from __future__ import annotations

import secrets
from typing import Literal

from sqlalchemy import Connection, select

from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import secret

#: Each purpose has a key of its own.
SecretPurpose = Literal["return path", "webhook", "pages", "retired addresses", "addresses"]


def find_secret(connection: Connection, purpose: SecretPurpose) -> bytes | None:
    """Return the key for a purpose; None if none was made yet."""
    found: bytes | None = connection.execute(
        select(secret.c.value).where(secret.c.name == purpose)
    ).scalar()
    return found


def get_or_create(connection: Connection, purpose: SecretPurpose) -> bytes:
    """Return the key for a purpose, 256 random bits; make it if there is none.

    Needs a transaction that may write.
    """
    if (found := find_secret(connection, purpose)) is not None:
        return found
    insert_once(connection, secret, name=purpose, value=secrets.token_bytes(32))
    found = find_secret(connection, purpose)
    assert found is not None
    return found

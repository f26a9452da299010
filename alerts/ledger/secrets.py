"""Secrets that the service draws for itself and keeps with all the rest."""

from __future__ import annotations

import secrets
from typing import Literal

from sqlalchemy import Connection, select

from alerts.ledger.base import insert_once
from alerts.ledger.schema import secret

#: What each is for, so that none serves two purposes.
SecretPurpose = Literal["return path", "webhook", "pages"]


def find_secret(connection: Connection, purpose: SecretPurpose) -> bytes | None:
    """The secret for a purpose; None where it was not needed yet."""
    found: bytes | None = connection.execute(
        select(secret.c.value).where(secret.c.name == purpose)
    ).scalar()
    return found


def get_or_create(connection: Connection, purpose: SecretPurpose) -> bytes:
    """The secret for a purpose, 256 bits, drawn where there is none; needs to be writing."""
    if (found := find_secret(connection, purpose)) is not None:
        return found
    insert_once(connection, secret, name=purpose, value=secrets.token_bytes(32))
    found = find_secret(connection, purpose)
    assert found is not None
    return found

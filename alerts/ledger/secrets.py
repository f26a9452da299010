"""Random keys that the service makes for itself."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Literal

from sqlalchemy import Connection, select

from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import secret
from alerts.ledger.urls import LedgerError

#: Each purpose has a key of its own.
SecretPurpose = Literal["return path", "pages", "retired addresses", "addresses"]


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


def hash_address(connection: Connection, address: str) -> str:
    """Return the keyed hash by which an address is known where it must not be kept.

    Nobody without the ledger can try addresses against it. The key is never replaced: what was
    hashed with it would not be found again.

    Args:
        connection: The ledger, whose migration made the key.
        address: The address in its normal form.
    """
    key = find_secret(connection, "addresses")
    if key is None:  # deleted by hand
        raise LedgerError("the ledger has no key for hashes of addresses: restore it from a backup")
    # The inner hash is the one of earlier versions, from which the migration made keyed ones.
    inner = hashlib.sha256(f"watchword suppression {address}".encode()).hexdigest()
    return hmac.new(key, inner.encode(), hashlib.sha256).hexdigest()

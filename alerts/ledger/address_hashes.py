"""Keyed hashes of email addresses, for what is kept of an address without keeping the address."""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import Connection

from alerts.ledger import secrets
from alerts.mail import fold_address


def get_hash(connection: Connection, address: str) -> str:
    """Return the keyed hash of a folded address: 32 hexadecimal digits.

    Needs a transaction that may write: the first call makes the key.
    """
    return _compute(address, secrets.get_or_create(connection, "addresses"))


def find_hash(connection: Connection, address: str) -> str | None:
    """Return the keyed hash of a folded address; None if no hash was ever made."""
    key = secrets.find_secret(connection, "addresses")
    return _compute(address, key) if key is not None else None


def _compute(address: str, key: bytes) -> str:
    return hmac.new(key, fold_address(address).encode(), hashlib.sha256).hexdigest()[:32]

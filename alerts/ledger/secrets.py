"""Random keys that the service makes for itself."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import secret
from alerts.ledger.service_schema import retired_secret
from alerts.ledger.urls import LedgerError
from alerts.secret import KeyRing

#: Each purpose has a key of its own.
SecretPurpose = Literal["return path", "pages", "retired addresses", "addresses"]


#: The keys that are replaced together: whoever has read one has read the others.
ROTATED_PURPOSES: tuple[SecretPurpose, ...] = ("pages", "return path")
#: As long as a link to somebody's alerts works. Bounces come back within five days.
ACCEPTED_AFTERWARDS = timedelta(days=60)


class KeyState(msgspec.Struct, frozen=True):
    """A key as it is listed for the operator, without its value."""

    id: str  #: the first digits of the key's hash, which tell it from others
    name: str
    accepted_until: datetime | None  #: None for the one in use


def find_key_ring(connection: Connection, purpose: SecretPurpose, now: datetime) -> KeyRing | None:
    """Return the key for a purpose, with the former ones that are accepted; None without any."""
    current = find_secret(connection, purpose)
    if current is None:
        return None
    former = select(retired_secret.c.value).where(
        retired_secret.c.name == purpose, retired_secret.c.accepted_until > now
    )
    values = connection.execute(former.order_by(retired_secret.c.id.desc())).scalars()
    return KeyRing.of([current, *map(bytes, values)])


def rotate(
    connection: Connection, purpose: SecretPurpose, now: datetime, accepted_until: datetime
) -> None:
    """Replace a key. What the former one signed is accepted until ``accepted_until``."""
    current = get_or_create(connection, purpose)
    if accepted_until > now:
        values = {"name": purpose, "value": current, "retired_at": now}
        connection.execute(insert(retired_secret).values(**values, accepted_until=accepted_until))
    connection.execute(delete(retired_secret).where(retired_secret.c.accepted_until <= now))
    fresh = update(secret).where(secret.c.name == purpose).values(value=secrets.token_bytes(32))
    connection.execute(fresh)


def drop_former(connection: Connection) -> None:
    """Accept nothing of former keys any more."""
    connection.execute(delete(retired_secret))


def list_keys(connection: Connection, now: datetime) -> list[KeyState]:
    """Return every key that is in use or still accepted."""
    current = connection.execute(select(secret.c.name, secret.c.value).order_by(secret.c.name))
    former = connection.execute(
        select(retired_secret.c.name, retired_secret.c.value, retired_secret.c.accepted_until)
        .where(retired_secret.c.accepted_until > now)
        .order_by(retired_secret.c.id)
    )
    rows = [*((name, value, None) for name, value in current), *former]
    return [KeyState(_identify(value), name, until) for name, value, until in rows]


def _identify(key: bytes) -> str:
    return hashlib.sha256(b"watchword key id " + bytes(key)).hexdigest()[:8]


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


def get_hash_key(connection: Connection) -> bytes:
    """Return the key of hashes of addresses, which the ledger's migration made.

    Raises:
        LedgerError: It was deleted.
    """
    key = find_secret(connection, "addresses")
    if key is None:
        raise LedgerError("the ledger has no key for hashes of addresses: restore it from a backup")
    return key


def hash_address(connection: Connection, address: str) -> str:
    """Return the keyed hash by which an address is known where it must not be kept.

    Nobody without the ledger can try addresses against it. The key is never replaced: what was
    hashed with it would not be found again.

    Args:
        connection: The ledger, whose migration made the key.
        address: The address in its normal form.
    """
    key = get_hash_key(connection)
    # The inner hash is the one of earlier versions, from which the migration made keyed ones.
    inner = hashlib.sha256(f"watchword suppression {address}".encode()).hexdigest()
    return hmac.new(key, inner.encode(), hashlib.sha256).hexdigest()

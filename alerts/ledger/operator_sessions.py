"""Browsers that are signed in to the operator's page.

The cookie holds a random token, and the ledger its hash: who reads the ledger or a backup of it
cannot sign in with what it holds. A session ends here, so a cookie that somebody kept is worth
nothing after signing out.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, select

from alerts.ledger.service_schema import operator_session


def hash_token(token: str) -> str:
    """Return the hash by which a session's token is known. It has 256 random bits, so no key."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(
    connection: Connection, *, password_tag: str, now: datetime, expires_at: datetime
) -> str:
    """Begin a session, and return the token for its cookie.

    Args:
        connection: A writing connection to the ledger.
        password_tag: Stands for the password that opened it: another password ends the session.
        now: The time.
        expires_at: When the session ends by itself.
    """
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(operator_session).values(
            session_hash=hash_token(token),
            password_tag=password_tag,
            signed_in_at=now,
            expires_at=expires_at,
        )
    )
    return token


def is_open(connection: Connection, token: str, password_tag: str, now: datetime) -> bool:
    """Return whether a token is that of a session that has not ended."""
    wanted = exists().where(
        operator_session.c.session_hash == hash_token(token),
        operator_session.c.password_tag == password_tag,
        operator_session.c.expires_at > now,
    )
    return bool(connection.execute(select(wanted)).scalar())


def end(connection: Connection, token: str) -> None:
    """End a session."""
    connection.execute(
        delete(operator_session).where(operator_session.c.session_hash == hash_token(token))
    )


def end_all(connection: Connection) -> int:
    """End every session, and return how many there were."""
    return connection.execute(delete(operator_session)).rowcount


def delete_expired(connection: Connection, now: datetime) -> None:
    """Delete the sessions that have ended by themselves."""
    connection.execute(delete(operator_session).where(operator_session.c.expires_at <= now))

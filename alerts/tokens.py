"""Signed tokens: bound to what they are for, good for a time, and no use for anything else.

A sealed token may be written in several ways that decode alike; only the one that we write is
taken, and nothing is ever looked up by the text of a token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from itsdangerous import BadData, SignatureExpired, TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode

from alerts.errors import ExitStatus, WatchwordError

TokenPurpose = Literal["manage", "form", "operator"]


class ExpiredToken(WatchwordError):
    """A token that was right and is too old; ``subject`` is what it was issued for."""

    exit_status = ExitStatus.USAGE

    def __init__(self, subject: str) -> None:
        super().__init__("this token is too old")
        self.subject = subject


class TokenSigner:
    """Issues and opens tokens; ``clock`` tells the time."""

    def __init__(self, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._secret, self._clock = secret, clock

    def issue(self, purpose: TokenPurpose, subject: str) -> str:
        """A token for ``subject``, good for one purpose, dated now."""
        return self._signer(purpose).sign(subject).decode()

    def verify(self, purpose: TokenPurpose, token: str, max_age: timedelta) -> str | None:
        """What a token was issued for; None where it is not ours. Raises :class:`ExpiredToken`."""
        try:
            signed, _, mark = token.rpartition(".")
            if not signed or base64_encode(base64_decode(mark)).decode() != mark:
                return None
            seconds = int(max_age.total_seconds())
            return self._signer(purpose).unsign(token, max_age=seconds).decode()
        except SignatureExpired as error:
            if error.payload is None:
                return None
            raise ExpiredToken(error.payload.decode()) from error
        except (BadData, UnicodeError):
            return None

    def _signer(self, purpose: TokenPurpose) -> _Signer:
        return _Signer(self._secret, purpose, self._clock)


class _Signer(TimestampSigner):
    """The library's signer, with a clock that is passed in."""

    def __init__(self, secret: bytes, purpose: str, clock: Callable[[], datetime]) -> None:
        super().__init__(
            secret, salt=f"watchword {purpose}", key_derivation="hmac", digest_method=hashlib.sha256
        )
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock().timestamp())

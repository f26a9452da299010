"""Signed tokens: each is valid for one purpose, and most for a limited time.

Base64 can write the same signature in several ways that decode alike. Only the one that we write is
accepted, and nothing is ever looked up by the text of a token.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from itsdangerous import BadData, SignatureExpired, Signer, TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode

from alerts.errors import ExitStatus, WatchwordError
from alerts.secret import list_accepted

TokenPurpose = Literal["manage", "form", "operator", "stop", "self_check", "self_checked"]
#: Purposes of tokens that do not expire; whoever they are for can have another one made.
LastingPurpose = Literal["feed"]


class ExpiredToken(WatchwordError):
    """A token was valid and has expired; ``subject`` is what it was issued for."""

    exit_status = ExitStatus.USAGE

    def __init__(self, subject: str) -> None:
        super().__init__("this token has expired")
        self.subject = subject


class TokenSigner:
    """Issues and verifies tokens."""

    def __init__(self, secret: bytes, clock: Callable[[], datetime]) -> None:
        # The library signs with the last key and accepts the signatures of all.
        self._keys, self._clock = list_accepted(secret)[::-1], clock

    def issue(self, purpose: TokenPurpose, subject: str) -> str:
        """Return a token for ``subject`` that is valid for one purpose from now on."""
        return self._signer(purpose).sign(subject).decode()

    def verify(self, purpose: TokenPurpose, token: str, max_age: timedelta) -> str | None:
        """Return what a token was issued for; None for one that we did not issue.

        Args:
            purpose: What the token is used for; one that was issued for another purpose is not
                valid.
            token: The text of the token.
            max_age: How long a token is valid.

        Raises:
            ExpiredToken: The token is ours, and older than ``max_age``.
        """
        try:
            signed, _, signature = token.rpartition(".")
            if not signed or base64_encode(base64_decode(signature)).decode() != signature:
                return None
            seconds = int(max_age.total_seconds())
            return self._signer(purpose).unsign(token, max_age=seconds).decode()
        except SignatureExpired as error:
            if error.payload is None:
                return None
            raise ExpiredToken(error.payload.decode()) from error
        except (BadData, UnicodeError):
            return None

    def issue_lasting(self, purpose: LastingPurpose, subject: str) -> str:
        """Return a token for ``subject`` that is valid for one purpose and does not expire."""
        return self._lasting_signer(purpose, self._keys[-1]).sign(subject).decode()

    def verify_lasting(self, purpose: LastingPurpose, token: str) -> str | None:
        """Return what a token without expiry was issued for; None for one that we did not issue."""
        subject = token.rpartition(".")[0]
        # Written again and compared as a whole: base64 has other ways to write the signature.
        written = (self._lasting_signer(purpose, key).sign(subject) for key in self._keys)
        is_ours = any(hmac.compare_digest(one, token.encode()) for one in written)
        return subject if subject and is_ours else None

    def _lasting_signer(self, purpose: LastingPurpose, key: bytes) -> Signer:
        salt = f"watchword {purpose}"
        return Signer([key], salt, key_derivation="hmac", digest_method=hashlib.sha256)

    def _signer(self, purpose: TokenPurpose) -> _Signer:
        return _Signer(self._keys, purpose, self._clock)


class _Signer(TimestampSigner):
    """The library's signer, with our clock instead of the system's."""

    def __init__(self, keys: Sequence[bytes], purpose: str, clock: Callable[[], datetime]) -> None:
        super().__init__(
            list(keys),
            salt=f"watchword {purpose}",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock().timestamp())

"""Where a message that cannot be delivered comes back to: an address that says which it was. Pure.

The way is called VERP (https://cr.yp.to/proto/verp.txt): what a bounce says inside is written by
strangers in many forms, but the address that it is sent to is ours, and signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

_SIGNED_ADDRESS = re.compile(r"\+([0-9]{1,18})\.([a-z2-7]{16})@", re.IGNORECASE)


def build_return_path(address: str, message_number: int, secret: bytes) -> str:
    """``bounces@x.example`` for message 7: ``bounces+7.k3...@x.example``."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{message_number}.{_sign_number(message_number, secret)}@{domain}"


def find_message_number(text: str, secret: bytes) -> int | None:
    """The message whose return path stands in ``text``; None where there is none that we signed.

    Letters may have changed their case on the way, as mail systems may do.
    """
    for found in _SIGNED_ADDRESS.finditer(text):
        number = int(found[1])
        if hmac.compare_digest(_sign_number(number, secret), found[2].lower()):
            return number
    return None


def _sign_number(message: int, secret: bytes) -> str:
    digest = hmac.digest(secret, f"return path {message}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:10]).decode().lower()

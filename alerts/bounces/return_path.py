"""Return paths: a signed envelope sender for each message, to which its bounces come. Pure.

The technique is called VERP (https://cr.yp.to/proto/verp.txt). What a bounce says inside comes in
many forms and from anybody, but the address that it was sent to is ours. The ledger uses no number
twice: otherwise the return path of a deleted message would be that of somebody else's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from alerts.secret import list_accepted

_SIGNED_ADDRESS = re.compile(r"\+([0-9]{1,18})\.([a-z2-7]{16})@", re.IGNORECASE)
#: Bytes of the signature: 80 bits, 16 characters in base32. With 18 digits of the number the local
#: part stays under the 64 characters of RFC 5321 4.5.3.1.1.
_SIGNATURE_BYTES = 10


def build_return_path(address: str, message_number: int, secret: bytes) -> str:
    """Return the return path of a message: ``bounces+7.k3vq…@example.org`` for message 7.

    Args:
        address: Where bounces go: ``bounces@example.org``.
        message_number: The message's id in the ledger.
        secret: The secret that return paths are signed with.
    """
    local, _, domain = address.rpartition("@")
    return f"{local}+{message_number}.{_sign_number(message_number, secret)}@{domain}"


def find_message_number(text: str, secret: bytes) -> int | None:
    """Return the number in the first return path in ``text`` that we signed; None without one.

    Mail systems may change the case of an address, so upper and lower case are equal.
    """
    for found in _SIGNED_ADDRESS.finditer(text):
        number = int(found[1])
        for key in list_accepted(secret):
            if hmac.compare_digest(_sign_number(number, key), found[2].lower()):
                return number
    return None


def _sign_number(message_number: int, secret: bytes) -> str:
    digest = hmac.digest(secret, f"return path {message_number}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:_SIGNATURE_BYTES]).decode().lower()

"""The address of the page that shows the whole of a long digest.

The key of a message stands in its Message-ID, and so in every reply to it and in the logs of mail
servers. The page has a key of its own: the message's key, encrypted with a secret of the service.
It is one block of AES, so each message has exactly one page key, and nothing has to be stored.
"""

from __future__ import annotations

import hashlib
import hmac
from binascii import Error as HexError
from binascii import unhexlify

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

#: Bytes of a key and of a block of AES.
_KEY_LENGTH = 16


class DigestPage(msgspec.Struct, frozen=True):
    """The page of one digest."""

    site: str  #: the address of the web pages, without a slash at the end
    key: str  #: the message's, 32 hexadecimal digits
    secret: bytes  #: of the service

    @property
    def url(self) -> str:
        """The page's address, which only the digest itself contains."""
        block = _create_cipher(self.secret).encryptor().update(bytes.fromhex(self.key))
        return f"{self.site}/d/{block.hex()}"


def find_message_key(page_key: str, secret: bytes) -> str | None:
    """Return the key of the message whose page has a key.

    Returns:
        None for a text that is no key. For a key that we did not make, a key that no message has.
    """
    try:
        block = unhexlify(page_key)
    except (HexError, ValueError):
        return None
    if len(block) != _KEY_LENGTH or block.hex() != page_key:
        return None
    return _create_cipher(secret).decryptor().update(block).hex()


def _create_cipher(secret: bytes) -> Cipher[modes.ECB]:
    key = hmac.digest(secret, b"watchword digest page", hashlib.sha256)
    # ECB hides repetitions between blocks badly. Here there is one block.
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305

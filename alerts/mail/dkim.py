"""DKIM signatures (RFC 6376), with RSA or Ed25519 (RFC 8463). Pure, except for reading a key.

They are made here and not by dkimpy because every message is signed, and dkimpy takes ten
milliseconds for each. The tests verify the signatures with dkimpy.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from alerts.errors import ExitStatus, WatchwordError

PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey

#: Header fields that are signed if the message has them. Those that nobody may add later are named
#: twice: the second name signs that there is no further field (RFC 6376 8.15).
_SIGNED_HEADERS = (
    "from",
    "from",
    "to",
    "to",
    "subject",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
    "precedence",
    "feedback-id",
)
#: Header fields whose absence is signed.
_OVERSIGNED_HEADERS = frozenset({"from", "to", "subject", "reply-to"})
#: Receivers must not accept shorter keys (RFC 8301 3.2).
_MIN_RSA_BITS = 1024
#: With a tab in front, lines stay under the 78 characters of RFC 5322 2.1.1.
_LINE_WIDTH = 70


class UnusableKey(WatchwordError):
    """A DKIM key cannot be used; the message names the file, the reason and what to do."""

    exit_status = ExitStatus.CONFIG


@dataclass(frozen=True)
class SigningKey:
    """A private key, and the DNS name of its public key."""

    selector: str  #: the public key is at ``<selector>._domainkey.<domain>``
    domain: str
    private_key: PrivateKey

    @property
    def algorithm(self) -> Literal["rsa-sha256", "ed25519-sha256"]:
        """The signature's algorithm, as its ``a=`` tag names it."""
        return "rsa-sha256" if isinstance(self.private_key, RSAPrivateKey) else "ed25519-sha256"

    @property
    def dns_record(self) -> str:
        """The TXT record with the public key."""
        public = self.private_key.public_key()
        if isinstance(self.private_key, RSAPrivateKey):
            kind = "rsa"
            encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            kind = "ed25519"
            encoded = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k={kind}; p={base64.b64encode(encoded).decode()}"

    def __reduce__(self) -> tuple[Callable[..., SigningKey], tuple[str, str, bytes]]:
        """Let a key be given to another process of ours."""
        encoded = self.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return _load_key, (self.selector, self.domain, encoded)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of ``data``; equal data gives equal signatures."""
        if isinstance(self.private_key, RSAPrivateKey):
            return self.private_key.sign(data, PKCS1v15(), SHA256())
        return self.private_key.sign(hashlib.sha256(data).digest())


def _load_key(selector: str, domain: str, encoded: bytes) -> SigningKey:
    private = load_der_private_key(encoded, password=None)
    assert isinstance(private, RSAPrivateKey | Ed25519PrivateKey)
    return SigningKey(selector, domain, private)


def read_key(path: Path, selector: str, domain: str) -> SigningKey:
    """Return the key in a PEM file.

    Raises:
        UnusableKey: The file cannot be read, is no RSA or Ed25519 private key, or is too short.
    """
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnusableKey(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey(
            f"{path} is not a private key in PEM format without a passphrase: make one with "
            "`openssl genrsa -out dkim.pem 2048`"
        ) from error
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise UnusableKey(f"{path} is neither an RSA nor an Ed25519 key")
    if isinstance(private, RSAPrivateKey) and private.key_size < _MIN_RSA_BITS:
        raise UnusableKey(f"{path} has only {private.key_size} bits: use a key of 2048 bits")
    return SigningKey(selector, domain, private)


#: Spaces of which one is left; tabs have become spaces.
_SPACES = re.compile(rb"  +")


def sign_message(message: bytes, keys: Iterable[SigningKey], now: datetime) -> bytes:
    """Return the message with a signature of each key in front of it.

    Args:
        message: An email with CRLF line ends.
        keys: The keys to sign with; none returns the message as it is.
        now: The time of the signatures.
    """
    header, _, body = message.partition(b"\r\n\r\n")
    fields = [_canonicalise_header(field) for field in re.split(rb"\r\n(?![ \t])", header)]
    body_hash = base64.b64encode(hashlib.sha256(_canonicalise_body(body)).digest()).decode()
    selected = _select_headers(fields)
    signatures = [_build_signature(key, selected, body_hash, now) for key in keys]
    return b"".join([*signatures, message])


def _build_signature(
    key: SigningKey, selected: Sequence[tuple[str, bytes | None]], body_hash: str, now: datetime
) -> bytes:
    """Return a ``DKIM-Signature`` field with its line end; the header is hashed with it (3.7)."""
    tags = (
        f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={key.domain}; s={key.selector};",
        f"t={int(now.timestamp())}; bh={body_hash};",
        *_fold_names("h=", [name for name, _ in selected]),
        "b=",
    )
    field = ("DKIM-Signature: " + "\r\n\t".join(tags)).encode()
    present = [value for _, value in selected if value is not None]
    data = b"\r\n".join([*present, _canonicalise_header(field)])
    signature = base64.b64encode(key.sign(data)).decode()
    lines = [signature[at : at + _LINE_WIDTH] for at in range(0, len(signature), _LINE_WIDTH)]
    return field + "\r\n\t".join(lines).encode() + b"\r\n"


def _fold_names(start: str, names: Sequence[str]) -> list[str]:
    """Return the names with colons between them, in lines of at most 70 characters."""
    lines = [start]
    for index, name in enumerate(names):
        piece = name + (";" if index == len(names) - 1 else ":")
        if len(lines[-1]) + len(piece) > _LINE_WIDTH:
            lines.append("")
        lines[-1] += piece
    return lines


def _select_headers(fields: Sequence[bytes]) -> list[tuple[str, bytes | None]]:
    """Return the names and values to sign, in order; None for a field whose absence is signed.

    Of fields with the same name the last in the header is taken first (RFC 6376 5.4.2).
    """
    remaining: dict[str, list[bytes]] = {}
    for field in fields:
        remaining.setdefault(field.partition(b":")[0].decode("ascii", "replace"), []).append(field)
    selected: list[tuple[str, bytes | None]] = []
    for name in _SIGNED_HEADERS:
        if values := remaining.get(name):
            selected.append((name, values.pop()))
        elif name in _OVERSIGNED_HEADERS:
            selected.append((name, None))
    return selected


def _canonicalise_header(field: bytes) -> bytes:
    """Return a header field in the relaxed form (3.4.2): one line, single spaces, lower-case name.

    The white space around the name and the value is dropped.
    """
    name, _, value = field.partition(b":")
    text = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip(b" \t").lower() + b":" + text


def _canonicalise_body(body: bytes) -> bytes:
    """Return a body in the relaxed form (3.4.4).

    Spaces are single, lines have none at their end, and the body ends without empty lines.
    """
    # Ten times as fast as a class of characters: the engine looks for the two spaces at once.
    lines = _SPACES.sub(b" ", body.replace(b"\t", b" "))
    lines = lines.replace(b" \r\n", b"\r\n").rstrip(b" ")
    text = lines.rstrip(b"\r\n")
    return text + b"\r\n" if text else b""

"""Messages signed by DKIM (RFC 6376), with RSA or Ed25519 (RFC 8463). Pure, but for reading a key.

Written here because a signature is made for every message, and the library for it takes ten
milliseconds; that library's verifier is what the tests ask.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
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
    PublicFormat,
    load_pem_private_key,
)

from alerts.errors import ExitStatus, WatchwordError

PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey

#: Signed where the message has them. What must not be added behind our back stands twice (RFC 6376
#: 8.15): the second one signs that there is none.
_SIGNED_HEADERS = (
    *("from", "from", "to", "to", "subject", "subject", "date", "message-id", "reply-to"),
    *("mime-version", "content-type", "list-id", "list-unsubscribe", "list-unsubscribe-post"),
    *("auto-submitted", "precedence", "feedback-id"),
)
#: Signed even where it is missing.
_OVERSIGNED_HEADERS = frozenset({"from", "to", "subject", "reply-to"})
#: What receivers still take for good (RFC 8301).
_MIN_RSA_BITS = 1024
_LINE_WIDTH = 70


class UnusableKey(WatchwordError):
    """A key that cannot be used; the message says why and what to do."""

    exit_status = ExitStatus.CONFIG


@dataclass(frozen=True)
class SigningKey:
    """A private key, and where its public half is published."""

    selector: str  #: the record is at ``<selector>._domainkey.<domain>``
    domain: str
    private_key: PrivateKey

    @property
    def algorithm(self) -> Literal["rsa-sha256", "ed25519-sha256"]:
        """What the signature calls it."""
        return "rsa-sha256" if isinstance(self.private_key, RSAPrivateKey) else "ed25519-sha256"

    @property
    def dns_record(self) -> str:
        """What is published in the DNS, as a TXT record."""
        public = self.private_key.public_key()
        if isinstance(self.private_key, RSAPrivateKey):
            kind, encoded = (
                "rsa",
                public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            )
        else:
            kind, encoded = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k={kind}; p={base64.b64encode(encoded).decode()}"

    def sign(self, signed: bytes) -> bytes:
        """The signature of what is to be signed; the same each time."""
        if isinstance(self.private_key, RSAPrivateKey):
            return self.private_key.sign(signed, PKCS1v15(), SHA256())
        return self.private_key.sign(hashlib.sha256(signed).digest())


def read_key(path: Path, selector: str, domain: str) -> SigningKey:
    """The key in a PEM file. Raises :class:`UnusableKey`."""
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnusableKey(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey(
            f"{path} is no private key in PEM without a passphrase: make one with "
            "`openssl genrsa -out dkim.pem 2048`"
        ) from error
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise UnusableKey(f"{path} is neither an RSA nor an Ed25519 key")
    if isinstance(private, RSAPrivateKey) and private.key_size < _MIN_RSA_BITS:
        raise UnusableKey(f"{path} has {private.key_size} bits: receivers want 2048")
    return SigningKey(selector, domain, private)


def sign_message(message: bytes, keys: Iterable[SigningKey], now: datetime) -> bytes:
    """``message`` (with CRLF line ends) with a signature of each key in front of it."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [_canonicalise_header(field) for field in re.split(rb"\r\n(?![ \t])", head)]
    digest = base64.b64encode(hashlib.sha256(_canonicalise_body(body)).digest()).decode()
    chosen = _select_headers(fields)
    written = [_build_signature(key, chosen, digest, now) for key in keys]
    return b"".join([*written, message])


def _build_signature(
    key: SigningKey, chosen: Sequence[tuple[str, bytes | None]], digest: str, now: datetime
) -> bytes:
    """One ``DKIM-Signature`` field with its line end."""
    tags = (
        f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={key.domain}; s={key.selector};",
        f"t={int(now.timestamp())}; bh={digest};",
        *_fold_names("h=", [name for name, _ in chosen]),
        "b=",
    )
    field = ("DKIM-Signature: " + "\r\n\t".join(tags)).encode()
    signed = b"\r\n".join(
        [*(said for _, said in chosen if said is not None), _canonicalise_header(field)]
    )
    signature = base64.b64encode(key.sign(signed)).decode()
    lines = [signature[at : at + _LINE_WIDTH] for at in range(0, len(signature), _LINE_WIDTH)]
    return field + "\r\n\t".join(lines).encode() + b"\r\n"


def _fold_names(start: str, names: Sequence[str]) -> list[str]:
    """Names with colons between, in lines."""
    lines = [start]
    for place, name in enumerate(names):
        piece = name + (";" if place == len(names) - 1 else ":")
        if len(lines[-1]) + len(piece) > _LINE_WIDTH:
            lines.append("")
        lines[-1] += piece
    return lines


def _select_headers(fields: Sequence[bytes]) -> list[tuple[str, bytes | None]]:
    """The fields that are signed, in order; None for one that is signed to be missing.

    Of fields with one name the lowest is taken first (RFC 6376 5.4.2).
    """
    left: dict[str, list[bytes]] = {}
    for field in fields:
        left.setdefault(field.partition(b":")[0].decode("ascii", "replace"), []).append(field)
    found: list[tuple[str, bytes | None]] = []
    for name in _SIGNED_HEADERS:
        if some := left.get(name):
            found.append((name, some.pop()))
        elif name in _OVERSIGNED_HEADERS:
            found.append((name, None))
    return found


def _canonicalise_header(field: bytes) -> bytes:
    """A header field as it is signed: unfolded, its name small, its spaces single (3.4.2)."""
    name, _, value = field.partition(b":")
    text = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip(b" \t").lower() + b":" + text


def _canonicalise_body(body: bytes) -> bytes:
    """A body as it is signed: spaces single, none at the ends of lines, no empty lines at the end
    (3.4.4).
    """
    lines = re.sub(rb"[ \t]+", b" ", body).replace(b" \r\n", b"\r\n").rstrip(b" ")
    text = lines.rstrip(b"\r\n")
    return text + b"\r\n" if text else b""

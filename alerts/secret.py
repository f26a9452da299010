"""Values that are never shown: passwords, keys, and addresses with a token in them. Pure.

A :class:`Secret` shows that it is set. A :class:`SecretAddress` shows as much of an address as
tells which service it is. :func:`show_address` does the same for an address from the ledger.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

SecretT = TypeVar("SecretT", bound="Secret")

#: What stands before the host in a URL: ``user:password@``.
_USER_AND_PASSWORD = re.compile(r"(?<=://)[^/?#\s]*@")

#: Characters. Shorter parts of an address are words such as ``api``, and no key is so short.
_MIN_HIDDEN_LENGTH = 4
_HIDDEN = "(hidden)"


class Secret:
    """A password or key from the config: never printed, logged or put into an error message.

    ``str``, ``repr`` and formatting show that it is set, not what it is; :meth:`reveal` returns the
    value. It cannot be pickled, and msgspec and ``json`` refuse to encode it.
    """

    __slots__ = ("_value", "file", "source")

    def __init__(self, value: str, source: str = "config", file: Path | None = None) -> None:
        """Keep a value.

        Args:
            value: The secret itself.
            source: Where it was found, for error messages: ``web.operator_password_file``,
                ``$WATCHWORD_WEB_OPERATOR_PASSWORD``.
            file: The file that it was found in: the config, or one that holds nothing else.
        """
        self._value = value
        self.source = source
        self.file = file

    def reveal(self) -> str:
        """Return the value."""
        return self._value

    def replace(self: SecretT, value: str) -> SecretT:
        """Return a secret of the same class and origin with another value."""
        return type(self)(value, self.source, self.file)

    def list_hidden_parts(self) -> list[str]:
        """Return the parts of the value that must not be shown: all of it, unless it is a URL."""
        return [self._value]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash(self._value)

    def __str__(self) -> str:
        return "(set)"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, {self.source!r})"

    def __format__(self, format_spec: str) -> str:
        return format(str(self), format_spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __copy__(self: SecretT) -> SecretT:
        return self

    def __deepcopy__(self: SecretT, _memo: Any) -> SecretT:
        return self


class SecretAddress(Secret):
    """A recipient's address: an email address is shown, of a URL only what names the service."""

    __slots__ = ()

    def __str__(self) -> str:
        return show_address(self._value)

    def list_hidden_parts(self) -> list[str]:
        """Return the address, if it is a URL, and its parts that may be a token."""
        if "://" not in self._value:
            return []
        shown = set(re.split(r"[^\w.-]+", show_address(self._value)))
        parts = re.split(r"[/?#&=:@]+", self._value.partition("://")[2])
        return [self._value, *(part for part in parts if part not in shown)]


class KeyRing(bytes):
    """A key that signs, with the former ones whose signatures are accepted; none is ever shown."""

    former: tuple[bytes, ...] = ()  #: the newest first

    @classmethod
    def of(cls, keys: Sequence[bytes]) -> KeyRing:
        """Return the ring of some keys, the one that signs first."""
        ring = cls(keys[0])
        ring.former = tuple(keys[1:])
        return ring

    def __repr__(self) -> str:
        return "KeyRing('(set)')"

    def __str__(self) -> str:
        return "(set)"


def list_accepted(key: bytes) -> tuple[bytes, ...]:
    """Return the keys whose signatures are accepted: the key itself, and the former of a ring."""
    return (bytes(key), *key.former) if isinstance(key, KeyRing) else (key,)


def show_address(address: str) -> str:
    """Return a recipient's address as it may be shown to the operator and in logs.

    Args:
        address: An email address or a URL.

    Returns:
        An email address as it is. Of a web address the scheme and host,
        ``https://hooks.example/...``. Of any other URL the scheme, ``slack://...``: what stands in
        place of a host may be a token there.
    """
    scheme, is_url, _ = address.partition("://")
    if not is_url:
        return address
    if scheme not in {"http", "https"}:
        return f"{scheme}://..."
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return f"{scheme}://..."
    return f"{scheme}://{parts.hostname or ''}{port}/..."


def mask_address(address: str) -> str:
    """Return an address so that its owner knows it and others do not: ``j...@example.org``.

    For a page that opens with a link in an email: the email may have been forwarded.
    """
    local, at, domain = address.rpartition("@")
    if not at or "://" in address:
        return show_address(address)
    return f"{local[:1]}...@{domain}"


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text in which nothing that the secrets hide is left.

    Args:
        text: What somebody else wrote, such as a library's error or a server's reply.
        secrets: What must not be in it.
    """
    parts = {part for secret in secrets for part in secret.list_hidden_parts()}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _MIN_HIDDEN_LENGTH:
            text = text.replace(part, _HIDDEN)
    return text


def hide_user(url: str) -> str:
    """Return a text in which the user and password of each URL are left out."""
    return _USER_AND_PASSWORD.sub("...@", url)

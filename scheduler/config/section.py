"""The base of every section of the config."""

from __future__ import annotations

import msgspec

from alerts.secret import Secret

#: Sixty guesses an hour are allowed. 16 random lower-case letters would take
#: 26^16 / (60 x 24 x 365) = 8e16 years.
_MIN_PASSWORD_LENGTH = 16


class ConfigSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every section.

    What types and limits cannot say is checked in ``__post_init__``, which raises ``ValueError``
    with a message that begins with the key: ``zone: there is no time zone ...``.
    """


def check_password(key: str, password: Secret | None) -> None:
    """Raise ``ValueError`` for a password that can be guessed; None is none.

    Args:
        key: What holds it: ``operator_password``.
        password: As it was read.
    """
    if password is not None and len(password.reveal()) < _MIN_PASSWORD_LENGTH:
        raise ValueError(
            f"{key}: expected at least {_MIN_PASSWORD_LENGTH} characters, "
            f"like those of `openssl rand -base64 32` (from {password.source})"
        )

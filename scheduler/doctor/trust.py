"""Which authorities a request of the doctor trusts: those of the system, as the crawler does."""

from __future__ import annotations

import ssl


def find_authorities() -> str | bool:
    """Return the system's file or folder of authorities, as `requests` takes it.

    By itself `requests` knows only those of certifi, and not the own authority of a company. True
    where the system has none.
    """
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True

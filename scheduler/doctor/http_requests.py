"""Requests of the checks: whom they trust, and why one brought no answer, in a few words."""

from __future__ import annotations

import ssl

import requests


def describe_http_error(error: requests.RequestException | OSError) -> str:
    """Return the innermost reason: ``Connection refused``; of ours the whole is a page of names."""
    found: BaseException = error
    while True:
        inner = getattr(found, "reason", None) or next(
            (one for one in found.args if isinstance(one, BaseException)), None
        )
        inner = inner if isinstance(inner, BaseException) else found.__cause__ or found.__context__
        if inner is None:
            break
        found = inner
    text = found.strerror if isinstance(found, OSError) and found.strerror else str(found)
    return " ".join(str(text).split()) or type(found).__name__


def find_authorities() -> str | bool:
    """Return the system's file or folder of authorities, as `requests` takes it.

    By itself `requests` knows only those of certifi, and not the own authority of a company. True
    where the system has none.
    """
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True

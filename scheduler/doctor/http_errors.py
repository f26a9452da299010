"""Why a request brought no answer, in a few words."""

from __future__ import annotations

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

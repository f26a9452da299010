"""Forms that nobody else can fill in for a reader: a sealed token in each, and for those that stand
on a page for everybody a cookie that it belongs to.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from alerts.tokens import ExpiredToken, TokenSigner

#: So long a page may stand open before its form is sent.
_MAX_AGE = timedelta(days=7)
_MAX_FIELDS = 40


class CsrfPair(NamedTuple):
    """What a page needs for its form."""

    csrf: str  #: the hidden field
    nonce: str  #: the cookie


class FormTokens:
    """Issues and checks tokens of forms."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    def issue(self, request: Request) -> CsrfPair:
        """For a form on a page for everybody: its token, and the cookie that it belongs to."""
        nonce = request.cookies.get(_get_cookie_name(request)) or secrets.token_urlsafe(16)
        return CsrfPair(self.issue_for(nonce), nonce)

    def issue_for(self, subject: str) -> str:
        """The token of a form that belongs to ``subject``: a cookie, or a link's token."""
        return self._signer.issue("form", subject)

    def set_cookie(self, request: Request, response: Response, nonce: str) -> None:
        """Let the browser keep the cookie."""
        response.set_cookie(
            *(_get_cookie_name(request), nonce),
            max_age=int(_MAX_AGE.total_seconds()),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def is_valid(self, request: Request, csrf: str) -> bool:
        """Whether a form for everybody was filled in on a page of ours, by this browser."""
        nonce = request.cookies.get(_get_cookie_name(request))
        return bool(nonce) and self.is_valid_for(csrf, nonce or "")

    def is_valid_for(self, csrf: str, subject: str) -> bool:
        """Whether a form's token was issued for ``subject``."""
        try:
            found = self._signer.verify("form", csrf, _MAX_AGE)
        except ExpiredToken:
            return False
        return found is not None and secrets.compare_digest(found.encode(), subject.encode())


async def read_form(request: Request) -> dict[str, str]:
    """What a form says, each field once."""
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        return {name: str(value) for name, value in form.items()}


def _get_cookie_name(request: Request) -> str:
    """The cookie's name; by TLS one that no other host of our domain could set."""
    return "__Host-watchword" if request.url.scheme == "https" else "watchword"

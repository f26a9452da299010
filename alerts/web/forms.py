"""Forms that nobody else can fill in for a reader: a sealed token in each, and for those that stand
on a page for everybody a cookie that it belongs to.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from alerts.tokens import Expired, Seal

#: So long a page may stand open before its form is sent.
_VALID = timedelta(days=7)
_FIELDS = 40


class Ticket(NamedTuple):
    """What a page needs for its form."""

    csrf: str  #: the hidden field
    nonce: str  #: the cookie


class Forms:
    """Issues and checks tokens of forms."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def ticket(self, request: Request) -> Ticket:
        """For a form on a page for everybody: its token, and the cookie that it belongs to."""
        nonce = request.cookies.get(_name(request)) or secrets.token_urlsafe(16)
        return Ticket(self.bound_to(nonce), nonce)

    def bound_to(self, subject: str) -> str:
        """The token of a form that belongs to ``subject``: a cookie, or a link's token."""
        return self._seal.issue("form", subject)

    def keep(self, request: Request, response: Response, nonce: str) -> None:
        """Let the browser keep the cookie."""
        response.set_cookie(
            *(_name(request), nonce),
            max_age=int(_VALID.total_seconds()),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def is_ours(self, request: Request, csrf: str) -> bool:
        """Whether a form for everybody was filled in on a page of ours, by this browser."""
        nonce = request.cookies.get(_name(request))
        return bool(nonce) and self.belongs(csrf, nonce or "")

    def belongs(self, csrf: str, subject: str) -> bool:
        """Whether a form's token was issued for ``subject``."""
        try:
            found = self._seal.open("form", csrf, _VALID)
        except Expired:
            return False
        return found is not None and secrets.compare_digest(found.encode(), subject.encode())


async def fields_of(request: Request) -> dict[str, str]:
    """What a form says, each field once."""
    async with request.form(max_files=0, max_fields=_FIELDS) as form:
        return {name: str(value) for name, value in form.items()}


def _name(request: Request) -> str:
    """The cookie's name; by TLS one that no other host of our domain could set."""
    return "__Host-watchword" if request.url.scheme == "https" else "watchword"

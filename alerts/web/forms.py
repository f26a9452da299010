"""Form tokens against cross-site request forgery, and reading a submitted form.

Each form has a signed token in a hidden field. The token is issued for a subject: on public pages a
random cookie, on pages behind a link or a sign-in that link or session.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from alerts.language import gettext_noop
from alerts.tokens import ExpiredToken, TokenSigner

#: What a page says when its form's token is wrong or expired.
EXPIRED_FORM = gettext_noop(
    "This form has expired or your browser did not accept our cookie, so nothing was changed. "
    "Send it again."
)
#: How long a page may stay open before its form is sent: a tab kept over a week's holiday.
_MAX_AGE = timedelta(days=7)
#: The largest form has eight fields.
_MAX_FIELDS = 40


class CsrfPair(NamedTuple):
    """The two halves of a public form's protection."""

    csrf: str  #: token for the hidden field ``csrf``
    nonce: str  #: value of the cookie that the token was issued for


class FormTokens:
    """Issues and checks form tokens."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    def issue(self, request: Request) -> CsrfPair:
        """Return a token for a form on a public page, for the browser's cookie or a new one."""
        nonce = request.cookies.get(_get_cookie_name(request)) or secrets.token_urlsafe(16)
        return CsrfPair(self.issue_for(nonce), nonce)

    def issue_for(self, subject: str) -> str:
        """Return a token for a form that belongs to ``subject``: a link or a session cookie."""
        return self._signer.issue("form", subject)

    def set_cookie(self, request: Request, response: Response, nonce: str) -> None:
        """Set the cookie that a public form's token was issued for."""
        response.set_cookie(
            _get_cookie_name(request),
            nonce,
            max_age=int(_MAX_AGE.total_seconds()),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def is_valid(self, request: Request, csrf: str) -> bool:
        """Return whether a public form's token was issued for this browser's cookie."""
        nonce = request.cookies.get(_get_cookie_name(request))
        return bool(nonce) and self.is_valid_for(csrf, nonce or "")

    def is_valid_for(self, csrf: str, subject: str) -> bool:
        """Return whether a token was issued for ``subject`` within the last seven days."""
        try:
            issued_for = self._signer.verify("form", csrf, _MAX_AGE)
        except ExpiredToken:
            return False
        return issued_for is not None and secrets.compare_digest(
            issued_for.encode(), subject.encode()
        )


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a submitted form; of a repeated field the last value."""
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        return {name: str(value) for name, value in form.items()}


async def read_choices(request: Request, name: str, marker: str) -> frozenset[int] | None:
    """Return the numbers of the ticked boxes with a name; None if the form did not have the boxes.

    Args:
        request: The submitted form.
        name: Of the boxes.
        marker: A hidden field that is sent with the boxes, also if none is ticked.
    """
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        if marker not in form:
            return None
        values = [str(value) for value in form.getlist(name)]
    return frozenset(int(one) for one in values if _is_number(one))


def _is_number(text: str) -> bool:
    """Return whether a text is the number of a row: nine digits at most."""
    return text.isascii() and text.isdigit() and len(text) < 10


def _get_cookie_name(request: Request) -> str:
    """Return the cookie's name; over TLS one that no other host of our domain can set."""
    return "__Host-watchword" if request.url.scheme == "https" else "watchword"

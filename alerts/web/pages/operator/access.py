"""Who may see the operator's pages: signing in, sessions, and the log of what is done.

The password is typed once; the cookie names a session in the ledger, which ends there.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Literal, TypedDict

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from alerts.ledger import operator_actions, operator_sessions
from alerts.ledger.operator_actions import OperatorAction
from alerts.limits import name_network
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext

#: One working day: the operator signs in once each morning.
SESSION_AGE = timedelta(hours=12)
#: A browser follows a redirect at once; a slow one may take a minute.
_MESSAGE_AGE = timedelta(minutes=1)
#: Characters of an action's name that are recorded; the longest has 19.
_MAX_ACTION = 40
_HOME = "/operator"


class _Cookie(TypedDict):
    key: str
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["strict"]


class OperatorAccess:
    """Sessions, the log of actions, and the message that the next page shows."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def open_session(self, request: Request) -> str:
        """Begin a session, and return the token for its cookie."""
        now = self._context.clock()
        with self._context.ledger.writing() as connection:
            operator_actions.record(connection, self._describe_action(request, "sign-in", None))
            operator_sessions.delete_expired(connection, now)
            return operator_sessions.open_session(
                connection,
                password_tag=self._tag_password(),
                now=now,
                expires_at=now + SESSION_AGE,
            )

    def find_session(self, request: Request) -> str | None:
        """Return the token in the browser's cookie where its session has not ended."""
        token = request.cookies.get(_describe_cookie(request, "operator")["key"], "")
        if not token:
            return None
        with self._context.ledger.reading() as connection:
            tag, now = self._tag_password(), self._context.clock()
            return token if operator_sessions.is_open(connection, token, tag, now) else None

    def end_session(self, token: str, *, everywhere: bool) -> None:
        """End one session, or all of them."""
        with self._context.ledger.writing() as connection:
            if everywhere:
                operator_sessions.end_all(connection)
            else:
                operator_sessions.end(connection, token)

    def is_password(self, typed: str) -> bool:
        """Return whether this is the operator's password."""
        return hmac.compare_digest(typed.encode(), self._password.encode())

    @property
    def _password(self) -> str:
        password = self._context.operator_password
        return password.reveal() if password else ""

    def _tag_password(self) -> str:
        """Return what stands for the password in the ledger: a new one ends every session."""
        key, text = self._context.mail_identity.token_secret, f"operator {self._password}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def record_action(self, request: Request, action: str, subject: str | None) -> None:
        """Record that a button was pressed, before what it asks for is done."""
        with self._context.ledger.writing() as connection:
            operator_actions.record(connection, self._describe_action(request, action, subject))

    def record_wrong_password(self, request: Request) -> None:
        """Record that somebody tried to sign in."""
        with self._context.ledger.writing() as connection:
            operator_actions.record_rarely(
                connection, self._describe_action(request, "wrong password", None)
            )

    def _describe_action(
        self, request: Request, action: str, subject: str | None
    ) -> OperatorAction:
        actor = f"page from {_find_network(request)}"
        return OperatorAction(self._context.clock(), actor, action[:_MAX_ACTION], subject)

    def redirect_with_message(self, request: Request, path: str, message: str) -> Response:
        """Return the answer to a button: a page that says what was done, and can be reloaded."""
        response = RedirectResponse(path, 303)
        text = urlsafe_b64encode(message.encode()).decode()  # a cookie is ASCII
        token = self._context.token_signer.issue("operator", text)
        cookie = _describe_cookie(request, "operator-message")
        response.set_cookie(value=token, max_age=int(_MESSAGE_AGE.total_seconds()), **cookie)
        return response

    def read_message(self, request: Request) -> str | None:
        """Return what the last button did, where the browser has just been told to show it."""
        token = request.cookies.get(_describe_cookie(request, "operator-message")["key"], "")
        try:
            text = self._context.token_signer.verify("operator", token, _MESSAGE_AGE)
        except ExpiredToken:
            return None
        return urlsafe_b64decode(text).decode() if text else None

    def drop_message(self, request: Request, response: Response) -> None:
        """Let the browser forget the message of the last button."""
        cookie = _describe_cookie(request, "operator-message")
        if cookie["key"] in request.cookies:
            response.delete_cookie(**cookie)


def sign_in(request: Request, token: str) -> Response:
    """Return the answer that signs a browser in, at the page that it asked for."""
    response = RedirectResponse(request.url.path, 303)
    age = int(SESSION_AGE.total_seconds())
    response.set_cookie(value=token, max_age=age, **_describe_cookie(request, "operator"))
    return response


def sign_out(request: Request) -> Response:
    """Return the answer that signs a browser out."""
    response = RedirectResponse(_HOME, 303)
    response.delete_cookie(**_describe_cookie(request, "operator"))
    return response


def _describe_cookie(request: Request, name: str) -> _Cookie:
    """Return a cookie's name and attributes, with which it is set and deleted.

    Over TLS, browsers accept a name with ``__Secure-`` only with the attribute ``Secure``, also in
    the header that deletes it.
    """
    is_secure = request.url.scheme == "https"
    return {
        "key": f"__Secure-{name}" if is_secure else name,
        "path": _HOME,
        "secure": is_secure,
        "httponly": True,
        "samesite": "strict",
    }


def _find_network(request: Request) -> str:
    return name_network(request.client.host if request.client else "")

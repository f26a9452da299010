"""The operator's page: what needs a decision, and the buttons that carry it out.

It exists only where an operator password is set. The password is typed once; the cookie names a
session in the ledger, which ends there. What is done is recorded in the log of actions.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal, TypedDict, cast, get_args

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.ledger import (
    bounces,
    deliveries,
    held_changes,
    operator_actions,
    operator_sessions,
    pauses,
    question_lookups,
)
from alerts.ledger.operator_actions import OperatorAction
from alerts.limits import name_network
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.rate_limits import RateLimits

#: One working day: the operator signs in once each morning.
_SESSION_AGE = timedelta(hours=12)
#: Rows shown of each list, newest first; the command line shows all.
_LIST_SIZE = 30
_NOTHING_DONE = "Nothing was done."
#: Characters of an action's name that are recorded; the longest has 19.
_MAX_ACTION = 40


class _Cookie(TypedDict):
    key: str
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["strict"]


class OperatorPages:
    """Signing in, the page, and its actions."""

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits

    def build_routes(self) -> list[Route]:
        """Return the routes; none where no operator password is set."""
        if not self._context.operator_password:
            return []
        return [
            Route("/operator", self._get_operator, methods=["GET"]),
            Route("/operator", self._post_operator, methods=["POST"]),
            Route("/operator/status.json", self._get_status, methods=["GET"]),
        ]

    async def _get_operator(self, request: Request) -> Response:
        session = await run_in_threadpool(self.find_session, request)
        if session is None:
            return self._render_sign_in(200, None)
        return await run_in_threadpool(self.render_operator, session, None)

    async def _get_status(self, request: Request) -> Response:
        """Return the whole status, which is for the operator alone."""
        if await run_in_threadpool(self.find_session, request) is None:
            raise HTTPException(403, "Sign in first.")
        status = await run_in_threadpool(self._context.read_status)
        return Response(
            msgspec.json.encode(status.describe_for_operator()), media_type="application/json"
        )

    async def _post_operator(self, request: Request) -> Response:
        form = await read_form(request)
        action = form.get("action", "")
        if action == "sign-in":
            return await self._sign_in(request, form.get("password", ""))
        session = await run_in_threadpool(self.find_session, request)
        if session is None:
            return self._render_sign_in(403, "Sign in first.")
        subject = operator_sessions.hash_token(session)
        if not self._form_tokens.is_valid_for(form.get("csrf", ""), subject):
            return await run_in_threadpool(self.render_operator, session, EXPIRED_FORM, 403)
        await run_in_threadpool(self.record_action, request, action, form)
        if action in {"sign-out", "sign-out-everywhere"}:
            await run_in_threadpool(self.end_session, session, action)
            return _sign_out(request)
        message = await run_in_threadpool(self.apply_action, action, form)
        return await run_in_threadpool(self.render_operator, session, message)

    def _render_sign_in(self, status: int, error: str | None) -> Response:
        return self._context.render_page("operator_sign_in", status, error=error)

    async def _sign_in(self, request: Request, password: str) -> Response:
        if not secrets.compare_digest(password.encode(), self._password.encode()):
            await self._limits.count_wrong_link(request)
            await run_in_threadpool(self.record_wrong_password, request)
            return self._render_sign_in(403, "The password is wrong.")
        token = await run_in_threadpool(self.open_session, request)
        response = RedirectResponse("/operator", 303)
        age = int(_SESSION_AGE.total_seconds())
        response.set_cookie(value=token, max_age=age, **_describe_cookie(request))
        return response

    @property
    def _password(self) -> str:
        password = self._context.operator_password
        return password.reveal() if password else ""

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
                expires_at=now + _SESSION_AGE,
            )

    def find_session(self, request: Request) -> str | None:
        """Return the token in the browser's cookie where its session has not ended."""
        token = request.cookies.get(_describe_cookie(request)["key"], "")
        if not token:
            return None
        with self._context.ledger.reading() as connection:
            tag, now = self._tag_password(), self._context.clock()
            return token if operator_sessions.is_open(connection, token, tag, now) else None

    def end_session(self, token: str, action: str) -> None:
        """End one session, or all of them."""
        with self._context.ledger.writing() as connection:
            if action == "sign-out":
                operator_sessions.end(connection, token)
            else:
                operator_sessions.end_all(connection)

    def _tag_password(self) -> str:
        """Return what stands for the password in the ledger: a new one ends every session."""
        key, text = self._context.mail_identity.token_secret, f"operator {self._password}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def record_action(self, request: Request, action: str, form: Mapping[str, str]) -> None:
        """Record that a button was pressed, before what it asks for is done."""
        subject = " ".join(filter(None, (form.get("source"), form.get("reason")))) or None
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

    def render_operator(self, session: str, message: str | None, status: int = 200) -> Response:
        """Return the page, with a message above it."""
        site = self._context
        with site.ledger.reading() as connection:
            lists = _load_lists(connection)
        limits = self._limits.limiter.report()
        return site.render_page(
            "operator",
            status,
            status=site.read_status(),
            message=message,
            limits=limits,
            csrf=self._form_tokens.issue_for(operator_sessions.hash_token(session)),
            **lists,
        )

    def apply_action(self, action: str, form: Mapping[str, str]) -> str:
        """Do what a button asks for, and return the message for the page."""
        source, reason = form.get("source", ""), form.get("reason", "")
        actions: dict[str, Callable[[], str]] = {
            "crawl": lambda: self._start_crawl(source),
            "approve": lambda: self._approve(source, reason, is_silent=False),
            "approve-silently": lambda: self._approve(source, reason, is_silent=True),
            "pause-sending": lambda: self._pause("delivery", None),
            "resume-sending": lambda: self._resume("delivery", None),
        }
        if any(one.source == source for one in self._context.read_status().sources):
            actions |= {
                "pause-crawls": lambda: self._pause("crawl", source),
                "resume-crawls": lambda: self._resume("crawl", source),
            }
        return actions.get(action, lambda: _NOTHING_DONE)()

    def _start_crawl(self, source: str) -> str:
        controls = self._context.daemon_controls
        if controls is None:
            return "No daemon is running here. Use `watchword once` to crawl."
        if not controls.crawl_now(source):
            return "There is no such source."
        return f"Crawling {source} now."

    def _approve(self, source: str, reason: str, *, is_silent: bool) -> str:
        if reason not in set(get_args(held_changes.HoldReason)) - {"crawl"}:
            return _NOTHING_DONE
        with self._context.ledger.writing() as connection:
            number = held_changes.promote(
                connection,
                source,
                (cast("held_changes.HoldReason", reason),),
                is_silent=is_silent,
                now=self._context.clock(),
            )
        how = "without notifying subscribers" if is_silent else "and subscribers are notified"
        return f"{number} changes are published {how}."

    def _pause(self, activity: pauses.PausedActivity, source: str | None) -> str:
        with self._context.ledger.writing() as connection:
            pauses.add(connection, activity, source, self._context.clock())
        return f"{_label_activity(source)}: paused."

    def _resume(self, activity: pauses.PausedActivity, source: str | None) -> str:
        with self._context.ledger.writing() as connection:
            pauses.remove(connection, activity, source)
        return f"{_label_activity(source)}: resumed."


def _label_activity(source: str | None) -> str:
    return f"Crawls of {source}" if source else "Sending"


def _load_lists(connection: Connection) -> dict[str, Any]:
    """Return the page's lists, by the template's variable names."""
    paused = pauses.list_all(connection)
    return {
        "held_changes": held_changes.list_awaiting_approval(connection),
        "suspect_pages": question_lookups.list_suspect(connection, _LIST_SIZE),
        "crawl_pauses": {one.source: one.since for one in paused if one.activity == "crawl"},
        "delivery_pause": pauses.find(connection, "delivery"),
        "failed": deliveries.list_newest(connection, "failed", None, _LIST_SIZE),
        "unknown_outcome": deliveries.list_newest(connection, "in_doubt", None, _LIST_SIZE),
        "bounces": bounces.list_newest(connection, _LIST_SIZE),
        "suspended": bounces.list_suspended(connection),
        "actions": operator_actions.list_newest(connection, _LIST_SIZE),
        "list_size": _LIST_SIZE,
    }


def _sign_out(request: Request) -> Response:
    response = RedirectResponse("/operator", 303)
    response.delete_cookie(**_describe_cookie(request))
    return response


def _describe_cookie(request: Request) -> _Cookie:
    """Return the cookie's name and attributes, with which it is set and deleted.

    Over TLS, browsers accept a name with ``__Secure-`` only with the attribute ``Secure``, also in
    the header that deletes it.
    """
    is_secure = request.url.scheme == "https"
    return {
        "key": "__Secure-operator" if is_secure else "operator",
        "path": "/operator",
        "secure": is_secure,
        "httponly": True,
        "samesite": "strict",
    }


def _find_network(request: Request) -> str:
    return name_network(request.client.host if request.client else "")

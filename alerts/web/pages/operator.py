"""The operator's page: what needs a decision, and the buttons that carry it out.

It exists only where an operator password is set. The password is typed once; a signed cookie keeps
the browser signed in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast, get_args

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.ledger import bounces, deliveries, held_changes, pauses, question_lookups
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.rate_limits import RateLimits

#: One working day: the operator signs in once each morning.
_SESSION_AGE = timedelta(hours=12)
#: Rows shown of each list, newest first; the command line shows all.
_LIST_SIZE = 30
_NOTHING_DONE = "Nothing was done."


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
        session = self._find_session(request)
        if session is None:
            return self._render_sign_in(200, None)
        return await run_in_threadpool(self.render_operator, session, None)

    async def _get_status(self, request: Request) -> Response:
        """Return the whole status, which is for the operator alone."""
        if self._find_session(request) is None:
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
        session = self._find_session(request)
        if session is None:
            return self._render_sign_in(403, "Sign in first.")
        if not self._form_tokens.is_valid_for(form.get("csrf", ""), session):
            return await run_in_threadpool(self.render_operator, session, EXPIRED_FORM, 403)
        if action == "sign-out":
            return _sign_out(request)
        message = await run_in_threadpool(self.apply_action, action, form)
        return await run_in_threadpool(self.render_operator, session, message)

    def _render_sign_in(self, status: int, error: str | None) -> Response:
        return self._context.render_page("operator_sign_in", status, error=error)

    async def _sign_in(self, request: Request, password: str) -> Response:
        expected = self._context.operator_password or ""
        if not secrets.compare_digest(password.encode(), expected.encode()):
            await self._limits.count_wrong_link(request)
            return self._render_sign_in(403, "The password is wrong.")
        response = RedirectResponse("/operator", 303)
        response.set_cookie(
            _get_cookie_name(request),
            self._context.token_signer.issue("operator", self._hash_password()),
            max_age=int(_SESSION_AGE.total_seconds()),
            path="/operator",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _find_session(self, request: Request) -> str | None:
        """Return the browser's session cookie where it is valid."""
        cookie = request.cookies.get(_get_cookie_name(request), "")
        try:
            subject = self._context.token_signer.verify("operator", cookie, _SESSION_AGE)
        except ExpiredToken:
            return None
        return cookie if subject is not None and subject == self._hash_password() else None

    def _hash_password(self) -> str:
        """Return the subject of session cookies: a new password ends every session."""
        return hashlib.sha256((self._context.operator_password or "").encode()).hexdigest()

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
            csrf=self._form_tokens.issue_for(session),
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
        "list_size": _LIST_SIZE,
    }


def _sign_out(request: Request) -> Response:
    response = RedirectResponse("/operator", 303)
    response.delete_cookie(_get_cookie_name(request), path="/operator")
    return response


def _get_cookie_name(request: Request) -> str:
    """Return the cookie's name; over TLS one that browsers accept with ``Secure`` alone."""
    return "__Secure-operator" if request.url.scheme == "https" else "operator"

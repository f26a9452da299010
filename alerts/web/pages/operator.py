"""The operator's pages: what waits for a word of theirs, and the few things to be done by hand.

There are none unless a token is set. It is typed once; a cookie of this browser's stands for it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.ledger import bounces, deliveries, held_changes, pauses, question_lookups
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext
from alerts.web.forms import FormTokens, read_form
from alerts.web.rate_limits import RateLimits

_SESSION_AGE = timedelta(hours=12)
_LIST_SIZE = 30
_EXPIRED_FORM = "This page was open for long, so nothing was done. Please press once more."


class OperatorPages:
    """The pages, over an open ledger."""

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits

    def build_routes(self) -> list[Route]:
        """Where they are; nowhere without a token."""
        if not self._context.operator_password:
            return []
        return [
            Route("/operator", self._get_operator, methods=["GET"]),
            Route("/operator", self._post_operator, methods=["POST"]),
        ]

    async def _get_operator(self, request: Request) -> Response:
        cookie = self._find_session(request)
        if cookie is None:
            return self._context.render_page("operator_sign_in", error=None)
        return await run_in_threadpool(self.render_operator, cookie, None)

    async def _post_operator(self, request: Request) -> Response:
        form = await read_form(request)
        cookie = self._find_session(request)
        if form.get("do") == "sign in":
            return self._sign_in(request, form.get("token", ""))
        if cookie is None:
            return self._context.render_page("operator_sign_in", 403, error="Please sign in first.")
        if not self._form_tokens.is_valid_for(form.get("csrf", ""), cookie):
            return await run_in_threadpool(self.render_operator, cookie, _EXPIRED_FORM, 403)
        if form.get("do") == "sign out":
            response = RedirectResponse("/operator", 303)
            response.delete_cookie(_get_cookie_name(request), path="/operator")
            return response
        said = await run_in_threadpool(self.apply_action, form)
        return await run_in_threadpool(self.render_operator, cookie, said)

    def _sign_in(self, request: Request, token: str) -> Response:
        if not self._limits.may_try_link(request):
            raise HTTPException(429, "Too many wrong tokens came from your network.")
        wanted = self._context.operator_password or ""
        if not secrets.compare_digest(token.encode(), wanted.encode()):
            self._limits.count_wrong_link(request)
            return self._context.render_page(
                "operator_sign_in", 403, error="That is not the token."
            )
        response = RedirectResponse("/operator", 303)
        response.set_cookie(
            *(
                _get_cookie_name(request),
                self._context.token_signer.issue("operator", self._hash_token()),
            ),
            max_age=int(_SESSION_AGE.total_seconds()),
            path="/operator",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _find_session(self, request: Request) -> str | None:
        """The cookie of somebody who has signed in."""
        cookie = request.cookies.get(_get_cookie_name(request), "")
        try:
            known = self._context.token_signer.verify("operator", cookie, _SESSION_AGE)
        except ExpiredToken:
            return None
        return cookie if known is not None and known == self._hash_token() else None

    def _hash_token(self) -> str:
        """What a cookie is issued for: this token, so that with another one all are signed out."""
        return hashlib.sha256((self._context.operator_password or "").encode()).hexdigest()

    def render_operator(self, cookie: str, message: str | None, status: int = 200) -> Response:
        """How things are, and what can be done."""
        site = self._context
        with site.ledger.reading() as connection:
            values = {
                "held": held_changes.list_awaiting_approval(connection),
                "suspects": question_lookups.list_suspect(connection, _LIST_SIZE),
                "halts": pauses.list_pauses(connection),
                "failed": deliveries.list_newest(connection, "failed", None, _LIST_SIZE),
                "doubtful": deliveries.list_newest(connection, "in_doubt", None, _LIST_SIZE),
                "bounces": bounces.list_newest(connection, _LIST_SIZE),
                "suspended": bounces.list_suspended(connection),
            }
        found = site.read_status()
        csrf = self._form_tokens.issue_for(cookie)
        values |= {"status": found, "said": message, "csrf": csrf, "delivery": pauses.DELIVERY}
        return site.render_page("operator", status, **values)

    def apply_action(self, form: Mapping[str, str]) -> str:
        """Do what was asked for; what was done, in a sentence."""
        source = form.get("source", "")
        doing: dict[str, Callable[[], str]] = {
            "run": lambda: self._start_crawl(source),
            "release": lambda: self._approve(form, without_notifying=False),
            "silence": lambda: self._approve(form, without_notifying=True),
            "pause": lambda: self._pause(form.get("what", "")),
            "resume": lambda: self._resume(form.get("what", "")),
        }
        done = doing.get(form.get("do", ""))
        return done() if done else "Nothing was done."

    def _start_crawl(self, source: str) -> str:
        controls = self._context.crawl_controls
        if controls is None:
            return "No daemon is at work here: `watchword once` crawls."
        return (
            f"{source} is read now." if controls.crawl_now(source) else "There is no such source."
        )

    def _approve(self, form: Mapping[str, str], *, without_notifying: bool) -> str:
        because = form.get("because", "")
        if because not in {"flood", "drift"}:
            return "Nothing was done."
        reason: held_changes.HoldReason = "flood" if because == "flood" else "drift"
        source, now = form.get("source", ""), self._context.clock()
        with self._context.ledger.writing() as connection:
            number = held_changes.promote(
                connection, source, (reason,), is_silent=without_notifying, now=now
            )
        how = "recorded without an alert" if without_notifying else "released"
        return f"{number} changes are {how}."

    def _pause(self, target: str) -> str:
        sources = {
            pauses.name_crawl_pause(one.source) for one in self._context.read_status().sources
        }
        if target not in sources | {pauses.DELIVERY}:
            return "Nothing was done."
        with self._context.ledger.writing() as connection:
            pauses.add_pause(connection, target, self._context.clock())
        return f"On hold: {target}."

    def _resume(self, target: str) -> str:
        with self._context.ledger.writing() as connection:
            pauses.remove_pause(connection, target)
        return f"Goes on: {target}."


def _get_cookie_name(request: Request) -> str:
    return "__Secure-operator" if request.url.scheme == "https" else "operator"

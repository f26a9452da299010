"""The operator's pages: what waits for a word of theirs, and the few things to be done by hand.

There are none unless a token is set. It is typed once; a cookie of this browser's stands for it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.ledger import bounces, deliveries, lookups
from alerts.ledger import held_changes as held
from alerts.ledger import holds as halts
from alerts.questions.suspect import Doubt, doubts_of
from alerts.tokens import Expired
from alerts.web.context import Site
from alerts.web.forms import Forms, fields_of
from alerts.web.limits import Limits
from crawler.records import Question

_VALID = timedelta(hours=12)
_LISTED = 30
_STALE = "This page was open for long, so nothing was done. Please press once more."


class Suspect(msgspec.Struct, frozen=True):
    """A page on which the two readings differ."""

    question: Question
    doubts: tuple[Doubt, ...]


class Operator:
    """The pages, over an open ledger."""

    def __init__(self, site: Site, forms: Forms, limits: Limits) -> None:
        self._site, self._forms, self._limits = site, forms, limits

    def routes(self) -> list[Route]:
        """Where they are; nowhere without a token."""
        if not self._site.operator_token:
            return []
        return [
            Route("/operator", self._show, methods=["GET"]),
            Route("/operator", self._act, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        cookie = self._cookie(request)
        if cookie is None:
            return self._site.page("operator_sign_in", error=None)
        return await run_in_threadpool(self.page, cookie, None)

    async def _act(self, request: Request) -> Response:
        form = await fields_of(request)
        cookie = self._cookie(request)
        if form.get("do") == "sign in":
            return self._signed_in(request, form.get("token", ""))
        if cookie is None:
            return self._site.page("operator_sign_in", 403, error="Please sign in first.")
        if not self._forms.belongs(form.get("csrf", ""), cookie):
            return await run_in_threadpool(self.page, cookie, _STALE, 403)
        if form.get("do") == "sign out":
            response = RedirectResponse("/operator", 303)
            response.delete_cookie(_name(request), path="/operator")
            return response
        said = await run_in_threadpool(self.act, form)
        return await run_in_threadpool(self.page, cookie, said)

    def _signed_in(self, request: Request, token: str) -> Response:
        if not self._limits.may_guess(request):
            raise HTTPException(429, "Too many wrong tokens came from your network.")
        wanted = self._site.operator_token or ""
        if not secrets.compare_digest(token.encode(), wanted.encode()):
            self._limits.guessed(request)
            return self._site.page("operator_sign_in", 403, error="That is not the token.")
        response = RedirectResponse("/operator", 303)
        response.set_cookie(
            *(_name(request), self._site.seal.issue("operator", self._subject())),
            max_age=int(_VALID.total_seconds()),
            path="/operator",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _cookie(self, request: Request) -> str | None:
        """The cookie of somebody who has signed in."""
        cookie = request.cookies.get(_name(request), "")
        try:
            known = self._site.seal.open("operator", cookie, _VALID)
        except Expired:
            return None
        return cookie if known is not None and known == self._subject() else None

    def _subject(self) -> str:
        """What a cookie is issued for: this token, so that with another one all are signed out."""
        return hashlib.sha256((self._site.operator_token or "").encode()).hexdigest()

    def page(self, cookie: str, said: str | None, status: int = 200) -> Response:
        """How things are, and what can be done."""
        site = self._site
        with site.ledger.reading() as connection:
            values = {
                "held": held.waiting(connection),
                "suspects": [
                    Suspect(one, doubts_of(one.suspect))
                    for one in lookups.suspects(connection, _LISTED)
                ],
                "halts": halts.standing(connection),
                "failed": deliveries.newest(connection, "failed", None, _LISTED),
                "doubtful": deliveries.newest(connection, "held", None, _LISTED),
                "bounces": bounces.newest(connection, _LISTED),
                "suspended": bounces.suspended(connection),
            }
        found = site.status()
        csrf = self._forms.bound_to(cookie)
        values |= {"status": found, "said": said, "csrf": csrf, "delivery": halts.DELIVERY}
        return site.page("operator", status, **values)

    def act(self, form: Mapping[str, str]) -> str:
        """Do what was asked for; what was done, in a sentence."""
        source = form.get("source", "")
        doing: dict[str, Callable[[], str]] = {
            "run": lambda: self._run(source),
            "release": lambda: self._release(form, silently=False),
            "silence": lambda: self._release(form, silently=True),
            "pause": lambda: self._halt(form.get("what", "")),
            "resume": lambda: self._lift(form.get("what", "")),
        }
        done = doing.get(form.get("do", ""))
        return done() if done else "Nothing was done."

    def _run(self, source: str) -> str:
        controls = self._site.controls
        if controls is None:
            return "No daemon is at work here: `watchword once` crawls."
        return f"{source} is read now." if controls.run_now(source) else "There is no such source."

    def _release(self, form: Mapping[str, str], *, silently: bool) -> str:
        because = form.get("because", "")
        if because not in {"flood", "drift"}:
            return "Nothing was done."
        reason: held.Reason = "flood" if because == "flood" else "drift"
        source, now = form.get("source", ""), self._site.clock()
        with self._site.ledger.writing() as connection:
            number = held.release(connection, source, (reason,), silently=silently, now=now)
        how = "recorded without an alert" if silently else "released"
        return f"{number} changes are {how}."

    def _halt(self, what: str) -> str:
        sources = {halts.crawl_of(one.source) for one in self._site.status().sources}
        if what not in sources | {halts.DELIVERY}:
            return "Nothing was done."
        with self._site.ledger.writing() as connection:
            halts.put(connection, what, self._site.clock())
        return f"On hold: {what}."

    def _lift(self, what: str) -> str:
        with self._site.ledger.writing() as connection:
            halts.lift(connection, what)
        return f"Goes on: {what}."


def _name(request: Request) -> str:
    return "__Secure-operator" if request.url.scheme == "https" else "operator"

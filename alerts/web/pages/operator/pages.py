"""The routes of the operator's pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.ledger import operator_sessions, personal_data
from alerts.ledger.operator_actions import name_address
from alerts.ledger.subscriber_lists import find_listed
from alerts.operator import FooterReader
from alerts.secret import mask_address
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.pages.operator.access import OperatorAccess, sign_in, sign_out
from alerts.web.pages.operator.crawl_actions import CrawlActions
from alerts.web.pages.operator.message_actions import MessageActions
from alerts.web.pages.operator.outcome import NOTHING_DONE, Action, Form, Outcome
from alerts.web.pages.operator.subscriber_actions import SubscriberActions
from alerts.web.pages.operator.times import (
    format_days,
    format_duration,
    format_minutes,
    format_size,
    mark_code,
)
from alerts.web.pages.operator.topic_actions import TopicActions
from alerts.web.pages.operator.views import OperatorViews
from alerts.web.rate_limits import RateLimits

#: Characters of an address that is searched for (RFC 5321: 254).
_MAX_TEXT = 254
_NO_ACTION = Action(lambda _form: Outcome(NOTHING_DONE))
_GetHandler = Callable[[Request], Awaitable[Response]]
_Loader = Callable[[Request], "tuple[str, Mapping[str, Any]]"]


class OperatorPages:
    """Signing in, the pages, and what their buttons do.

    Each button posts to its own page and is answered by a redirect, so that a reload does nothing
    again.
    """

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits
        # The operator has just pressed a button, so the foot of these pages is never old.
        zone = context.subscriber_defaults.zone
        self._footer = FooterReader(context.find_brief_status, zone, max_age=0.0)
        self._access, self._views = OperatorAccess(context), OperatorViews(context, limits)
        parts = (CrawlActions, MessageActions, SubscriberActions, TopicActions)
        self._actions: dict[str, Action] = {}
        for part in parts:
            self._actions |= part(context).list_actions()

    def build_routes(self) -> list[Route]:
        """Return the routes; none where no operator password is set."""
        if not self._context.operator_password:
            return []
        pages = self._list_pages()
        return [
            Route("/operator/status.json", self._get_status, methods=["GET"]),
            *(Route(path, self._show(load), methods=["GET"]) for path, load in pages.items()),
            *(Route(path, self._post, methods=["POST"]) for path in pages),
        ]

    def _list_pages(self) -> dict[str, _Loader]:
        """Return what loads each page, by its path: the name of a template, and its values."""
        views, lists = self._views, self._views.lists
        return {
            "/operator": lambda _: ("overview", views.load_overview()),
            "/operator/changes": lambda r: (
                "changes",
                views.load_changes(_number(r, "after") or 0),
            ),
            "/operator/crawls": lambda r: (
                "crawls",
                views.load_crawls(r.query_params.get("source") or None, _number(r, "before")),
            ),
            "/operator/messages": lambda r: (
                "messages",
                lists.load_messages(r.query_params.get("show", "all"), _number(r, "before")),
            ),
            "/operator/subscribers": lambda r: (
                "subscribers",
                lists.load_subscribers(r.query_params.get("show", "all"), _number(r, "before")),
            ),
            "/operator/subscribers/{id:int}": self._load_subscriber,
            "/operator/topics": lambda r: (
                "topics",
                lists.load_topics(
                    r.query_params.get("show", "all"),
                    r.query_params.get("q", "").strip()[:_MAX_TEXT],
                    max(_number(r, "page") or 1, 1),
                ),
            ),
            "/operator/actions": lambda r: (
                "actions",
                lists.load_actions(_number(r, "before")),
            ),
            "/operator/settings": lambda _: ("settings", views.load_settings()),
        }

    def _show(self, load: _Loader) -> _GetHandler:
        async def get(request: Request) -> Response:
            session = await run_in_threadpool(self._access.find_session, request)
            if session is None:
                return await run_in_threadpool(self._render_sign_in, request, 200, None)
            return await run_in_threadpool(self.render_loaded, request, session, load)

        return get

    def render_loaded(self, request: Request, session: str, load: _Loader) -> Response:
        """Return a page, with the message of the last button above it."""
        template, values = load(request)
        message = self._access.read_message(request)
        response = self._render(request, session, template, values, message=message)
        self._access.drop_message(request, response)
        return response

    def _load_subscriber(self, request: Request) -> tuple[str, Mapping[str, Any]]:
        values = self._views.lists.load_subscriber(request.path_params["id"])
        if values is None:
            raise HTTPException(404, "There is no such subscriber.")
        return "subscriber", values

    def _render(
        self,
        request: Request,
        session: str,
        template: str,
        values: Mapping[str, Any],
        *,
        message: str | None = None,
        status: int = 200,
    ) -> Response:
        return self._context.render_page(
            f"operator/{template}",
            status,
            message=message,
            read_footer=self._footer.read,
            page_path=request.url.path,
            place=_get_place(request),
            page_is_first=not {"before", "after"} & request.query_params.keys(),
            format_minutes=format_minutes,
            csrf=self._form_tokens.issue_for(operator_sessions.hash_token(session)),
            times=self._views.name_times(),
            format_duration=format_duration,
            format_size=format_size,
            format_days=format_days,
            mask=mask_address,
            mark_code=mark_code,
            **values,
        )

    def _render_sign_in(self, request: Request, status: int, error: str | None) -> Response:
        path = request.url.path
        return self._context.render_page("operator/sign_in", status, error=error, page_path=path)

    async def _get_status(self, request: Request) -> Response:
        """Return the whole status, which is for the operator alone."""
        if await run_in_threadpool(self._access.find_session, request) is None:
            raise HTTPException(403, "Sign in first.")
        status = await run_in_threadpool(self._context.read_status)
        return Response(
            msgspec.json.encode(status.describe_for_operator()), media_type="application/json"
        )

    async def _post(self, request: Request) -> Response:
        form = await read_form(request)
        action = form.get("action", "")
        if action == "sign-in":
            return await self._sign_in(request, form.get("password", ""))
        session = await run_in_threadpool(self._access.find_session, request)
        if session is None:
            return await run_in_threadpool(self._render_sign_in, request, 403, "Sign in first.")
        subject = operator_sessions.hash_token(session)
        if not self._form_tokens.is_valid_for(form.get("csrf", ""), subject):
            return await run_in_threadpool(self.render_expired, request, session)
        return await run_in_threadpool(self.apply, request, session, action, form)

    async def _sign_in(self, request: Request, password: str) -> Response:
        if not self._access.is_password(password):
            await self._limits.count_wrong_link(request)
            await run_in_threadpool(self._access.record_wrong_password, request)
            wrong = "The password is wrong."
            return await run_in_threadpool(self._render_sign_in, request, 403, wrong)
        token = await run_in_threadpool(self._access.open_session, request)
        return sign_in(request, token)

    def render_expired(self, request: Request, session: str) -> Response:
        """Return the page that says that a form has expired."""
        values = {"question": "Nothing was done", "lines": (EXPIRED_FORM,), "fields": None}
        return self._render(request, session, "confirm", values, status=403)

    def apply(self, request: Request, session: str, action: str, form: Form) -> Response:
        """Do what a button asks for, or ask first; return the answer."""
        if action in {"sign-out", "sign-out-everywhere"}:
            self._access.record_action(request, action, None)
            self._access.end_session(session, everywhere=action == "sign-out-everywhere")
            return sign_out(request)
        if action == "find-subscriber":
            return self.find_subscriber(request, session, form.get("text", "").strip()[:_MAX_TEXT])
        if action == "export":
            return self.export_data(request, form)
        known = self._actions.get(action, _NO_ACTION)
        if known.ask is not None and form.get("confirmed") != "yes":
            return self._ask(request, session, known, form)
        self._access.record_action(request, action, known.name_subject(form))
        outcome = known.apply(form)
        self._views.forget_figures()
        path = outcome.path or _get_place(request)
        return self._access.redirect_with_message(request, path, outcome.message)

    def _ask(self, request: Request, session: str, action: Action, form: Form) -> Response:
        """Return the page that asks before something is done that no button undoes."""
        confirmation = action.ask(form) if action.ask else None
        if confirmation is None:
            path = request.url.path
            return self._access.redirect_with_message(request, path, NOTHING_DONE)
        fields = {name: value for name, value in form.items() if name not in {"csrf", "confirmed"}}
        values = {**msgspec.structs.asdict(confirmation), "fields": fields}
        return self._render(request, session, "confirm", values)

    def find_subscriber(self, request: Request, session: str, text: str) -> Response:
        """Return the subscribers whose address has a text in it; of one, their page.

        The text is posted: an address in a query string would stand in logs.
        """
        found = self._views.lists.search_subscribers(text) if text else []
        if len(found) == 1:
            path = f"/operator/subscribers/{found[0].id}"
            return self._access.redirect_with_message(request, path, "One address was found.")
        values = self._views.lists.load_subscribers("all", None)
        values |= {"rows": found, "has_more": False, "typed": text}
        return self._render(request, session, "subscribers", values)

    def export_data(self, request: Request, form: Form) -> Response:
        """Return all data of a subscriber as a file, and record that it was asked for."""
        key = form.get("subscriber", "")
        if not key.isdigit() or not request.path_params.get("id"):
            raise HTTPException(404, "There is no such subscriber.")
        with self._context.ledger.reading() as connection:
            found = find_listed(connection, request.path_params["id"])
            if found is None:
                raise HTTPException(404, "There is no such subscriber.")
            mark = name_address(connection, found.email)
        self._access.record_action(request, "export", mark)
        with self._context.ledger.reading() as connection:
            data = personal_data.collect_data(connection, found.email)
        body = msgspec.json.format(msgspec.json.encode(data), indent=2)
        headers = {"Content-Disposition": 'attachment; filename="data.json"'}
        return Response(body, headers=headers, media_type="application/json")


def _get_place(request: Request) -> str:
    """Return the path of a page with its query string, which says what a list shows."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _number(request: Request, name: str) -> int | None:
    """Return the number in a field of the query string; None where there is none."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

"""Pages that confirmation emails link to: to confirm, and to get no more such emails.

A GET changes nothing, because link scanners open every link in an email. The token in the link is
the authority, so these forms need no cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.limits import Limit
from alerts.mail import STOP_LINK_VALIDITY
from alerts.subscribers import (
    ConfirmationView,
    allow_emails,
    confirm_signup,
    find_pending_signup,
    get_permission,
    refuse_emails,
)
from alerts.tokens import ExpiredToken
from alerts.web.context import WebContext
from alerts.web.forms import read_choices, read_form
from alerts.web.pages.alerts import INVALID_LINK
from alerts.web.rate_limits import RateLimits

#: Mail scanners open a link, and some run its scripts, within minutes of an email's arrival.
#: People who open it later are spared the button.
_SCANNER_WINDOW = timedelta(minutes=5)


class SignUpLinkPages:
    """The pages at ``/c/`` and ``/n/``."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits

    def build_routes(self) -> list[Route]:
        """Return the routes of both pages."""
        return [
            Route("/c/{token}", self._get_sign_up, methods=["GET"]),
            Route("/c/{token}", self._post_sign_up, methods=["POST"]),
            Route("/n/{token}", self._get_email_permission, methods=["GET"]),
            Route("/n/{token}", self._post_email_permission, methods=["POST"]),
        ]

    async def _get_sign_up(self, request: Request) -> Response:
        return await self._answer(request, self.show_sign_up)

    async def _post_sign_up(self, request: Request) -> Response:
        chosen = await read_choices(request, "sign_up", marker="choice")
        return await self._answer(
            request, lambda token: self.confirm_within_limits(request, token, chosen)
        )

    async def _get_email_permission(self, request: Request) -> Response:
        return await self._answer(request, self.show_email_permission)

    async def _post_email_permission(self, request: Request) -> Response:
        is_allowed = (await read_form(request)).get("action") == "allow"
        return await self._answer(
            request, lambda token: self.set_email_permission(token, is_allowed)
        )

    async def _answer(self, request: Request, show: Callable[[str], Response | None]) -> Response:
        """Return the page for the request's link; raise a 404, and count it, for a wrong link."""
        page = await run_in_threadpool(show, request.path_params["token"])
        if page is None:
            await self._limits.count_wrong_link(request)
            raise HTTPException(404, INVALID_LINK)
        return page

    def show_sign_up(self, token: str) -> Response | None:
        """Show what a sign-up asked for, and the other open ones for the same address."""
        with self._context.ledger.reading() as connection:
            view = find_pending_signup(connection, token, self._context.clock())
        return self._render_sign_up(view) if view else None

    def confirm_within_limits(
        self, request: Request, token: str, chosen: frozenset[int] | None
    ) -> Response | None:
        """Do what `confirm` does, as a change that is counted for the address.

        A wrong link is found by reading: it does not wait for the ledger's writer.

        Raises:
            TooManyRequests: there were too many changes for this address.
        """
        with self._context.ledger.reading() as connection:
            view = find_pending_signup(connection, token, self._context.clock())
        if view is None:
            return None
        self._limits.count_address(Limit.CHANGES, request, view.email)
        return self.confirm(token, chosen)

    def confirm(self, token: str, chosen: frozenset[int] | None) -> Response | None:
        """Subscribe to the sign-ups with the chosen ids; None stands for the email's own."""
        site = self._context
        with site.ledger.writing() as connection:
            view = confirm_signup(
                connection,
                token,
                site.subscriber_defaults,
                site.clock(),
                site.max_topics,
                chosen,
            )
        if view is None:
            return None
        is_empty = chosen is not None and not view.accepted and not view.over_limit
        return self._render_sign_up(view, is_empty=is_empty)

    def _render_sign_up(self, view: ConfirmationView, *, is_empty: bool = False) -> Response:
        age = self._context.clock() - view.requested_at
        return self._context.render_page(
            "confirm",
            view=view,
            # Where there is a choice, it is the reader's.
            submits_itself=not view.others and age > _SCANNER_WINDOW,
            is_empty=is_empty,
        )

    def show_email_permission(self, token: str) -> Response | None:
        """Show whether an address is sent confirmation emails, with the button to change it."""
        site, address_hash = self._context, self._open_stop_link(token)
        if address_hash is None:
            return None
        with site.ledger.reading() as connection:
            permission = get_permission(connection, address_hash, site.clock())
        return site.render_page("email_permission", permission=permission, is_changed=False)

    def set_email_permission(self, token: str, is_allowed: bool) -> Response | None:
        """Let an address be sent confirmation emails, or none from now on."""
        site, address_hash = self._context, self._open_stop_link(token)
        if address_hash is None:
            return None
        with site.ledger.writing() as connection:
            if is_allowed:
                allow_emails(connection, address_hash)
            else:
                refuse_emails(connection, address_hash, site.clock())
        permission = "allowed" if is_allowed else "refused"
        return site.render_page("email_permission", permission=permission, is_changed=True)

    def _open_stop_link(self, token: str) -> str | None:
        """Return the keyed hash of the address whose link this is; None for a wrong link."""
        try:
            return self._context.token_signer.verify("stop", token, STOP_LINK_VALIDITY)
        except ExpiredToken:
            return None

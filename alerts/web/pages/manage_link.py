"""The page that emails somebody a new link to their alerts."""

from __future__ import annotations

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.language import gettext
from alerts.limits import Limit
from alerts.mail import MANAGE_LINK_VALIDITY
from alerts.model import AddressError
from alerts.subscribers import send_manage_link
from alerts.web.context import WebContext
from alerts.web.forms import EXPIRED_FORM, FormTokens, read_form
from alerts.web.pages.sign_up import wait_for_min_response_time
from alerts.web.rate_limits import RateLimits


class ManageLinkPage:
    """A form for an address. As at sign-up, the answer is the same for every address."""

    def __init__(self, context: WebContext, form_tokens: FormTokens, limits: RateLimits) -> None:
        self._context, self._form_tokens, self._limits = context, form_tokens, limits

    def build_routes(self) -> list[Route]:
        """Return the route of the page."""
        return [
            Route("/your-alerts", self._get, methods=["GET"]),
            Route("/your-alerts", self._post, methods=["POST"]),
        ]

    async def _get(self, request: Request) -> Response:
        return self._render(request, "", is_sent=False, error=None)

    async def _post(self, request: Request) -> Response:
        began = time.monotonic()
        form = await read_form(request)
        if not self._form_tokens.is_valid(request, form.get("csrf", "")):
            error: str | None = gettext(EXPIRED_FORM)
        else:
            await self._limits.count(Limit.SIGN_UPS, request)
            error = await run_in_threadpool(self.send_link, form.get("email", "").strip())
        await wait_for_min_response_time(began)
        email = form.get("email", "").strip()
        return self._render(request, email, is_sent=error is None, error=error)

    def send_link(self, email: str) -> str | None:
        """Email ``email`` its link where it has alerts; return what is wrong with the address."""
        site = self._context
        if not site.accepts_sign_ups:
            return None
        try:
            with site.ledger.writing() as connection:
                send_manage_link(connection, site.create_message_context(), email)
            site.deliver_soon()  # whether or not there is a message: both take the same time
        except AddressError:
            return gettext("Enter an email address, such as ann@example.org.")
        return None

    def _render(
        self, request: Request, email: str, *, is_sent: bool, error: str | None
    ) -> Response:
        csrf_pair = self._form_tokens.issue(request)
        response = self._context.render_page(
            "request_manage_link",
            400 if error else 200,
            csrf=csrf_pair.csrf,
            email=email,
            is_sent=is_sent,
            error=error,
            sender=self._context.mail_identity.address,
            days=MANAGE_LINK_VALIDITY.days,
        )
        self._form_tokens.set_cookie(request, response, csrf_pair.nonce)
        return response

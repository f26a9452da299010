"""The page after a sign-up. It depends on what was typed alone, and not on what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from alerts.rendering import question_path
from alerts.subscribers import CONFIRMATION_LINK_VALIDITY
from alerts.web.context import WebContext


def render_check_email(site: WebContext, form: Mapping[str, str]) -> Response:
    """Return the page for a sign-up form that was accepted.

    Args:
        site: What pages are made with.
        form: The fields ``email``, and ``q`` with a query or ``question`` with the id of a question
            to follow.
    """
    question_id = form.get("question") or None
    query = "" if question_id else form.get("q", "").strip()
    back_path = question_path(question_id) if question_id else f"/search?{urlencode({'q': query})}"
    return site.render_page(
        "check_email",
        email=form.get("email", "").strip(),
        query=query,
        back_path=back_path,
        sender=site.mail_identity.address,
        hours=int(CONFIRMATION_LINK_VALIDITY.total_seconds() // 3600),
    )

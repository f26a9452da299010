"""The public pages of the archive: questions, members, bodies, topics and what is unanswered.

Owns what these pages show. They read the ledger and change nothing.
"""

from __future__ import annotations

from starlette.routing import Route

from alerts.web.context import WebContext
from alerts.web.forms import FormTokens
from alerts.web.pages.archive.bodies import BodyPages
from alerts.web.pages.archive.captures import CapturePages
from alerts.web.pages.archive.members import MemberPages
from alerts.web.pages.archive.question_view import find_question_view
from alerts.web.pages.archive.questions import QuestionPages
from alerts.web.pages.archive.topics import TopicPages
from alerts.web.pages.archive.unanswered import UnansweredPage

__all__ = ["ArchivePages", "find_question_view"]


class ArchivePages:
    """All pages of the archive."""

    def __init__(self, context: WebContext, form_tokens: FormTokens) -> None:
        self._groups = (
            TopicPages(context, form_tokens),
            QuestionPages(context, form_tokens),
            CapturePages(context),
            MemberPages(context, form_tokens),
            BodyPages(context, form_tokens),
            UnansweredPage(context),
        )

    def build_routes(self) -> list[Route]:
        """Return the routes of all public pages."""
        return [route for group in self._groups for route in group.build_routes()]

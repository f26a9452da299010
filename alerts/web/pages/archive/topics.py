"""Pages of public topics: the list of them, and one page for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.language import gettext_noop as _
from alerts.ledger import publication, topic_lists, topics
from alerts.ledger.question_counts import AnswerState
from alerts.ledger.topic_lists import TopicCounts, TopicSummary
from alerts.rendering import topic_path
from alerts.web.charts import build_topic_chart
from alerts.web.context import WebContext
from alerts.web.errors import NOT_PUBLIC, LikelyPage, PageNotFound
from alerts.web.forms import FormTokens
from alerts.web.kept import KeptValue
from alerts.web.pages.archive.lists import (
    count_days_waiting,
    count_state,
    cut_page,
    read_number,
    read_state,
    set_form_cookie,
)
from alerts.web.pages.archive.topic_view import find_topic_view

#: Questions on one page of a topic: fewer than of a member, because each is searched for its
#: snippet (1 ms).
_PAGE_SIZE = 12
#: Topics on one page of the list.
_TOPICS_PAGE_SIZE = 100
#: Further pages of a list are answered as this one; 10,000 pages of 12 are 120,000 questions.
_MAX_PAGE_NUMBER = 10_000
#: Days of the column "last 30 days".
_RECENT_DAYS = 30


class TopicPages:
    """The list of topics, and the page of each."""

    def __init__(self, context: WebContext, form_tokens: FormTokens) -> None:
        self._context, self._form_tokens = context, form_tokens
        #: What the list counts. The topics themselves are read for each page: one that is hidden is
        #: gone at once.
        self._counts: KeptValue[TopicCounts] = KeptValue()

    def build_routes(self) -> list[Route]:
        """Return the routes of the list and of the pages."""
        return [
            Route("/topics", self._get_topics, methods=["GET"]),
            Route("/topic/{slug}", self._get_topic, methods=["GET"]),
        ]

    async def _get_topics(self, request: Request) -> Response:
        sort = request.query_params.get("sort", "")
        page = read_number(request, "page") or 1
        return await run_in_threadpool(self.render_topics, sort, page)

    def render_topics(self, sort: str, page: int) -> Response:
        """Return one page of the list of public topics.

        Args:
            sort: ``questions`` or ``recent`` for those with the most first; else by title.
            page: its number, from 1.
        """
        site = self._context
        since = site.clock().date() - timedelta(days=_RECENT_DAYS)
        with site.ledger.reading() as connection:
            counts = self._counts.get(
                (since, topic_lists.get_matched_state(connection)),
                lambda: topic_lists.count_all(connection, since),
            )
            found = topic_lists.list_summaries(connection, counts)
        return site.render_cacheable_page(
            "topics",
            shown=cut_page(_sort_topics(found, sort), page, _TOPICS_PAGE_SIZE),
            sort=sort if sort in {"questions", "recent"} else "title",
            recent_days=_RECENT_DAYS,
        )

    async def _get_topic(self, request: Request) -> Response:
        csrf_pair = self._form_tokens.issue(request)
        page, up_to = read_number(request, "page") or 1, read_number(request, "to")
        response = await run_in_threadpool(
            self.render_topic,
            request.path_params["slug"],
            csrf_pair.csrf,
            page=min(page, _MAX_PAGE_NUMBER),
            up_to=up_to,
            state=read_state(request),
        )
        return set_form_cookie(self._context, self._form_tokens, request, response, csrf_pair)

    def render_topic(
        self, slug: str, csrf: str, *, page: int, up_to: int | None, state: AnswerState | None
    ) -> Response:
        """Return a topic's page, or a redirect to it from another form of its slug.

        Args:
            slug: the topic's.
            csrf: hidden in the form.
            page: of the list of questions, from 1.
            up_to: the number of the newest change in the list, so that none shifts its pages.
            state: which of the questions are listed; None for all.

        Raises:
            HTTPException: 404 for an unknown slug, 410 for a topic that is not public any more.
        """
        site = self._context
        with site.ledger.reading() as connection:
            view = find_topic_view(
                connection,
                slug,
                today=site.clock().date(),
                page=page,
                page_size=_PAGE_SIZE,
                up_to=up_to,
                state=state,
            )
            if view is None:
                similar = topics.find_public_by_similar_slug(connection, slug)
                if similar is not None:
                    return RedirectResponse(topic_path(similar.slug), 308)
                if publication.is_retired(connection, slug):
                    raise HTTPException(410, NOT_PUBLIC)
                near = topic_lists.list_similar(connection, slug)
                raise PageNotFound(
                    _("There is no such topic."),
                    [LikelyPage(title, topic_path(one)) for one, title in near],
                )
        today, before = site.clock().date(), (page - 1) * _PAGE_SIZE
        shown = [one.question for thread in view.threads for one in thread]
        days = {one.id: count_days_waiting(one, today) for one in shown}
        return site.render_page(
            "topic",
            view=view,
            chart=build_topic_chart(site.work_context, view.topic, view.months),
            page=page,
            first_number=before + 1,
            last_number=before + len(shown),
            late_days={key: n for key, n in days.items() if n and n > site.overdue_days},
            state=state,
            listed_total=count_state(view.answers, state),
            csrf=csrf,
            accepts_sign_ups=site.accepts_sign_ups,
        )


def _sort_topics(found: Sequence[TopicSummary], sort: str) -> Sequence[TopicSummary]:
    if sort == "questions":
        return sorted(found, key=lambda one: -one.questions)
    if sort == "recent":
        return sorted(found, key=lambda one: -one.recent)
    return found
